"""uvicorn, with a listening socket that sheds dead peers and an end that gives clients time to move."""

import asyncio
import signal
import socket
import sys
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from app.limits import load_limits
from app.running import end_start
from app.settings import Settings
from app.transports.connections import Connections
from app.web.workers import run_workers

_GRACEFUL_SECONDS = 2
_BACKLOG = 2048


class GatewayServer(uvicorn.Server):
    """Drains live connections before it stops; a second signal stops it at once."""

    def __init__(self, config: uvicorn.Config, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        end_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT has come."""
        if self._draining is None and self.started:
            # The interpreter calls this between two steps of the running loop.
            self.begin_drain(sig)
        else:
            super().handle_exit(sig, frame)

    def begin_drain(self, sig: int = signal.SIGTERM) -> None:
        """Hand the live connections back, then stop as by signal `sig`. Does nothing when it has begun already."""
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self._drain(sig))

    async def _drain(self, sig: int) -> None:
        application = self.config.loaded_app
        try:
            if isinstance(application, Starlette):
                connections: Connections = application.state.connections
                await connections.drain(self._drain_seconds)
        finally:
            super().handle_exit(sig, None)


def run_gateway(settings: Settings) -> None:
    """Run the gateway until it is told to stop. Raises `OSError` when it cannot listen, and `WorkerFailed`."""
    listening = _listen(settings.host, settings.port, settings.stalled_seconds)
    if settings.workers > 1:
        run_workers(settings.workers, listening)
    else:
        GatewayServer(configuration(), settings.drain_seconds).run(sockets=[listening])


def configuration() -> uvicorn.Config:
    """How uvicorn is to serve the gateway."""
    return uvicorn.Config(
        "app.web.app:from_environment",
        factory=True,
        workers=1,
        ws="websockets-sansio",
        ws_max_size=load_limits().message_bytes,
        ws_per_message_deflate=False,
        # The protocol has pings of its own, which every client answers.
        ws_ping_interval=None,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )


def _listen(host: str, port: int, stalled_seconds: float) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # With the protocol named, asyncio switches Nagle's algorithm off on what is accepted.
    listening = socket.socket(family, kind, protocol or socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        # What is accepted inherits it. A peer that has stopped reading would otherwise keep its socket, its task and
        # its subscription for ever: closing waits for what is unsent, and that never ends.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(stalled_seconds * 1000))
    listening.bind(address)
    listening.listen(_BACKLOG)
    return listening
