"""``python -m app.laptop.eventstore``: the event store by itself."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

import uvloop

from .errors import StartError
from .limits import Limits
from .server import EventStoreOptions, serve


def main() -> int:
    """Run the server until SIGINT or SIGTERM. Returns the process's exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_until_signal(_options()))
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve_until_signal(options: EventStoreOptions) -> None:
    def ready(port: int) -> None:
        sys.stdout.write(f"listening on {options.host}:{port}\n")
        sys.stdout.flush()

    serving = asyncio.ensure_future(serve(options, ready=ready))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def _options() -> EventStoreOptions:
    parser = argparse.ArgumentParser(prog="python -m app.laptop.eventstore", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("eventstore-data"), help="folder of the database")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=2113, help="port to listen on; 0 for a free one")
    parser.add_argument("--in-memory", action="store_true", help="keep nothing after the end")
    parser.add_argument("--durability", choices=("full", "relaxed"), default="full")
    parser.add_argument("--projection-lag-ms", type=int, default=0, help="delay of $ce- and other entries")
    parser.add_argument("--certificate", type=Path, help="PEM file with the certificate, for TLS")
    parser.add_argument("--key", type=Path, help="PEM file with the certificate's private key")
    parser.add_argument("--user", action="append", default=[], metavar="NAME:PASSWORD", help="demand a password")
    parser.add_argument("--max-append-size", type=int, default=Limits().max_append_size, metavar="BYTES")
    parser.add_argument("--max-append-event-size", type=int, metavar="BYTES")
    arguments = parser.parse_args()
    users = dict(user.partition(":")[::2] for user in arguments.user)
    return EventStoreOptions(
        data=arguments.data,
        host=arguments.host,
        port=arguments.port,
        in_memory=arguments.in_memory,
        durability=arguments.durability,
        projection_lag_ms=arguments.projection_lag_ms,
        certificate=arguments.certificate,
        key=arguments.key,
        users=users,
        limits=Limits(arguments.max_append_size, arguments.max_append_event_size),
    )


if __name__ == "__main__":
    sys.exit(main())
