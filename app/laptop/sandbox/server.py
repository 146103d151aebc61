"""The sandbox as a server."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvicorn
from starlette.routing import Route

from app.laptop.sandbox.application import Sandbox, build_application
from app.laptop.sandbox.approval import ApprovalPage
from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.faults import Faults
from app.laptop.sandbox.ledger import open_ledger
from app.laptop.sandbox.operations import Operations
from app.laptop.sandbox.outbox import Outbox, notice_client
from app.laptop.sandbox.simulators import simulators


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """Where the sandbox keeps its ledger and listens; port 0 takes a free one."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 8090
    public_url: str | None = None
    """The address customers reach the approval page by, when it is not that of `host` and `port`."""
    slow_seconds: float = 2.0
    """How long a late answer takes."""
    notices_url: str = "http://127.0.0.1:8000/webhooks"
    """Where notices go of providers that have the address registered."""
    mail_port: int | None = None
    """Where mails are taken, to be shown at `/mails`; None for nowhere."""


async def serve(options: SandboxOptions, *, ready: Callable[[int], None] | None = None) -> None:
    """Serve until cancelled; `ready` gets the port once the sandbox listens. Raises `OSError` when the port is taken.

    Signals are the caller's business.
    """
    with _listen(options.host, options.port) as listener:
        port: int = listener.getsockname()[1]
        clock = partial(datetime.now, UTC)
        async with (
            open_ledger(options.data / "sandbox.sqlite3", clock) as ledger,
            notice_client() as client,
            asyncio.TaskGroup() as sending,
            _mails(options) as mail_routes,
        ):
            public_url, faults = _public_url(options, port), Faults(options.slow_seconds)
            operations = Operations(lambda charge_id: f"{public_url}/approve/{charge_id}")
            bench = Bench(
                ledger, faults, Outbox(client, faults, sending), clock, public_url, options.notices_url.rstrip("/")
            )
            application = build_application(
                Sandbox(ledger, operations, options.slow_seconds),
                ApprovalPage(ledger, operations),
                faults,
                simulators(bench),
                mail_routes,
            )
            server = _Server(_config(application), lambda: ready(port) if ready else None)
            await _serve_until_cancelled(server, listener)


@asynccontextmanager
async def _mails(options: SandboxOptions) -> AsyncGenerator[Sequence[Route], None]:
    if options.mail_port is None:
        yield ()
        return
    # Comes with what a laptop needs, which a server may not have.
    from app.laptop.sandbox.mails import PostOffice

    office = PostOffice()
    async with office.open(options.host, options.mail_port):
        yield office.routes


def _public_url(options: SandboxOptions, port: int) -> str:
    # Nobody can go to the address that stands for all addresses.
    host = "127.0.0.1" if options.host == "0.0.0.0" else options.host  # noqa: S104 - compared, not bound
    return (options.public_url or f"http://{host}:{port}").rstrip("/")


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.create_server((host, port))
    # asyncio sets this only on sockets that name their protocol, which these do not; accepted ones inherit it. Without
    # it the kernel keeps an answer's body back until its head is acknowledged, some 40 ms later.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class _Server(uvicorn.Server):
    """Tells when it listens, leaves signals alone, and does not wait for connections that get no answer anyway."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in self.server_state.connections:
            connection.transport.abort()
        await super().shutdown(sockets)


def _config(application: Callable[..., object]) -> uvicorn.Config:
    # No access log: paths hold idempotency keys. No log configuration: that belongs to whoever runs this.
    return uvicorn.Config(application, lifespan="off", ws="none", access_log=False, log_config=None)


async def _serve_until_cancelled(server: _Server, listener: socket.socket) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        # Cancelling uvicorn itself would skip its shutdown.
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving
