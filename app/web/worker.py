"""One of several gateway processes: `python -m app.web.worker FD`, which `app.web.workers` alone starts."""

import asyncio
import socket
import sys

from app.running import begin_start
from app.settings import load_settings
from app.web.server import GatewayServer, configuration


class Worker(GatewayServer):
    """Drains also when its parent lets go of it, or is gone."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        # The parent writes nothing: what there is to read is the end.
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._let_go)

    def _let_go(self) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        self.begin_drain()


def main() -> None:
    """Serve on the socket with the number given."""
    begin_start()
    settings = load_settings()
    Worker(configuration(), settings.drain_seconds).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])


if __name__ == "__main__":
    main()
