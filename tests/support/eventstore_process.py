"""The embedded event store as tests meet it: a real process on a port of its own.

    with EventStoreProcess(folder) as server:
        client = EventStoreDBClient(server.uri)

Works with ``async with`` too; then nothing blocks the event loop.
"""

import asyncio
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from app.laptop.ports import free_ports
from tests.support.forked import Forked

_READY_WITHIN: Final = 30.0
_STOPPED_WITHIN: Final = 10.0

_ports: Final[set[int]] = set()
"""Of all servers so far. gRPC shares what it knows of a port among the clients of a process: where one of them, even a
forgotten one, has met a dead server, none tries again for a while."""


class ServerDidNotStart(Exception):
    """The server ended before it was ready; the message is what it had to say."""


class ServerEnded(Exception):
    """The server has ended without being asked to; the message is its exit status and what it had to say."""


class EventStoreProcess:
    """One server and its folder. The port is its own, and stays the same from one start to the next."""

    def __init__(self, data: Path, *arguments: str, port: int | None = None) -> None:
        self.data = data
        self.port = free_ports(1, besides=_ports)[0] if port is None else port
        _ports.add(self.port)
        self._arguments = arguments
        self._process: Forked | None = None
        self._errors = Path()

    @property
    def uri(self) -> str:
        """What a client connects to."""
        return f"esdb://{self.address}?tls=false"

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of the running process."""
        return self._running().pid

    def start(self) -> None:
        """Start and wait until it listens. Raises ServerDidNotStart."""
        arguments = ["--data", str(self.data), "--port", str(self.port), *self._arguments]
        # Its errors go to a file and not to a pipe: a pipe that nobody reads would one day stop the server.
        descriptor, name = tempfile.mkstemp(suffix=".errors")
        os.close(descriptor)
        self._errors, environment = Path(name), os.environ | {"GRPC_VERBOSITY": "NONE"}
        process = Forked("app.laptop.eventstore", *arguments, environment=environment, errors=self._errors)
        if "listening" not in process.announcement(_READY_WITHIN):
            process.kill()
            process.wait(_STOPPED_WITHIN)
            raise ServerDidNotStart(self._complaints())
        self._process = process

    def stop(self) -> int:
        """Ask it to stop and wait; returns its exit status. Harmless when it does not run. Raises ServerEnded."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, and wait until it is gone. Raises ServerEnded."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop gracefully if it runs, and start again with the same folder and port."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    def _running(self) -> Forked:
        if self._process is None:
            raise RuntimeError("the event store does not run")
        return self._process

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if (status := process.poll()) is not None:
            raise ServerEnded(f"with status {status}: {self._complaints()}")
        process.send_signal(number)
        try:
            status = process.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        self._errors.unlink()
        return status

    def _complaints(self) -> str:
        said = self._errors.read_text(errors="replace").strip()
        self._errors.unlink()
        return said
