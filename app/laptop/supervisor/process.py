"""One process of the operating system: its start, its words, its end."""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from typing import IO

from app.laptop.supervisor.child import Child
from app.laptop.supervisor.output import LineSplitter, Output
from app.laptop.supervisor.start import Descriptors

_CHUNK_BYTES = 64 * 1024
_KILL_SECONDS = 1.0


class Process:
    """A running child, the leader of a session of its own: the terminal's Ctrl-C does not reach it."""

    def __init__(self, child: Child, lifeline: int, kept: tuple[int, ...] = ()) -> None:
        # Not asyncio's subprocess: nothing is awaited between the start and owning the process, and an exit is an exit
        # even while some grandchild still holds the output.
        with contextlib.ExitStack() as given:
            self._output, output = _pipe(given)
            self._errors, errors = _pipe(given)
            descriptors = Descriptors(output, errors, lifeline, kept)
            try:
                self._running = child.start(child.command, child.environment, descriptors)
            except OSError:
                self._output.close()
                self._errors.close()
                raise
        self.pid = self._running.pid
        self.output = Output()
        self.exited = asyncio.Event()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._wait, args=(loop,), name=f"exit of {child.name}", daemon=True).start()

    @property
    def status(self) -> int:
        """The exit status, once it has exited; negative is a signal."""
        # A process stuck in the kernel outlives even SIGKILL for a while; nothing else is left to do about it.
        return -signal.SIGKILL if self._running.returncode is None else self._running.returncode

    def kill(self) -> None:
        """End the process and whatever it started, at once."""
        # Even after the process itself has exited: while one of its group lives, the number is given to nobody else.
        # EPERM is how macOS says that only zombies are left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """Ask it to end; what is left of it, or of what it started, after that many seconds is killed."""
        self._running.terminate()
        try:
            await _happens(self.exited, grace)
        finally:
            # Also when this is cancelled: whoever is in such a hurry gets no process left behind.
            self.kill()
        await _happens(self.exited, _KILL_SECONDS)

    async def pass_on(self, say: Callable[[str], None]) -> None:
        """Hand on every line of both outputs, until both are closed."""

        def spoke(line: str) -> None:
            self.output.spoke(line)
            say(line)

        def complained(line: str) -> None:
            self.output.complained(line)
            say(line)

        async with asyncio.TaskGroup() as group:
            group.create_task(_pass_lines(self._output, spoke))
            group.create_task(_pass_lines(self._errors, complained))

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._running.wait()
        # The loop may have been closed over an unkillable process.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self.exited.set)


def _pipe(given: contextlib.ExitStack) -> tuple[IO[bytes], int]:
    """The end to read, and the one to write, which whoever gets it has got when the block ends."""
    reads, writes = os.pipe()
    given.callback(os.close, writes)
    return os.fdopen(reads, "rb", buffering=0), writes


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


async def _pass_lines(pipe: IO[bytes], say: Callable[[str], None]) -> None:
    reader, splitter = asyncio.StreamReader(), LineSplitter()
    with pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            while data := await reader.read(_CHUNK_BYTES):
                for line in splitter.feed(data):
                    say(line)
        finally:
            transport.close()
            for line in splitter.finish():
                say(line)
