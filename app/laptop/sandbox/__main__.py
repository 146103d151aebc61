"""`python -m app.laptop.sandbox --data DIR --port N`."""

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import uvloop

from app.laptop.sandbox.server import SandboxOptions, serve


def main() -> None:
    """Run the sandbox until SIGINT or SIGTERM."""
    options = _options()
    try:
        uvloop.run(_run(options))
    except OSError as error:
        sys.exit(f"the sandbox cannot start: {error}")


async def _run(options: SandboxOptions) -> None:
    announce = partial(_announce, options.host)
    serving = asyncio.create_task(serve(options, ready=announce))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with suppress(asyncio.CancelledError):
        await serving


def _announce(host: str, port: int) -> None:
    sys.stdout.write(f"listening on http://{host}:{port}\n")
    sys.stdout.flush()


def _options() -> SandboxOptions:
    parser = argparse.ArgumentParser(prog="python -m app.laptop.sandbox", description="A pretend card provider.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the ledger")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8090, help="port to listen on; 0 takes a free one")
    parser.add_argument("--public-url", default=None, help="address customers reach the approval page by")
    parser.add_argument("--slow-seconds", type=float, default=2.0, help="how long a late answer takes")
    parser.add_argument(
        "--notices-url", default="http://127.0.0.1:8000/webhooks", help="where a gateway takes notices (…/webhooks)"
    )
    parser.add_argument("--mail-port", type=int, default=None, help="port to take mails at, shown at /mails")
    return SandboxOptions(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
