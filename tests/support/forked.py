"""Processes of ours, each forked from one that has imported everything.

Most of what a short-lived process costs is imports, and tests start them by the hundred. What runs is what `python -m`
runs, in a process of its own with an environment, a standard output and a standard error of its own. That each program
begins by itself as well is for its own tests and those of `paygate dev` to show.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from io import FileIO
from pathlib import Path
from typing import Final

from tests.support import nursery

_MOST_BYTES: Final = 1000


class Forked:
    """A running process, with the methods of a `subprocess.Popen`.

    What it writes to its standard error is added to the file `errors`, and what it writes to its standard output to
    the file `output`; without one, the first of that is its `announcement`.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str],
        errors: Path,
        output: Path | None = None,
    ) -> None:
        self._name = module
        self._status: int | None = None
        with contextlib.ExitStack() as given:
            self._news, tells = _pipe(given)
            self._announced, announces = _pipe(given)
            said = given.enter_context(FileIO(output, "ab")) if output else announces
            complaints = given.enter_context(FileIO(errors, "ab"))
            start = _fork if sys.platform == "linux" else _execute
            start((module, *arguments), environment, tells, said, complaints)
        self.pid = int(self._news.readline())
        _running.add(self)

    def announcement(self, seconds: float) -> str:
        """The first that it writes to its standard output; nothing if it ends, or the time does, before."""
        with self._announced:
            return self._announced.read(_MOST_BYTES).decode() if _comes(self._announced, seconds) else ""

    def poll(self) -> int | None:
        """What it ended with, negative for a signal; None while it runs."""
        return self._ended_within(0)

    def wait(self, timeout: float) -> int:
        """What it ends with. Raises `subprocess.TimeoutExpired` when it runs for so many more seconds."""
        if (status := self._ended_within(timeout)) is None:
            raise subprocess.TimeoutExpired(self._name, timeout)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)

    def _ended_within(self, seconds: float) -> int | None:
        if self._status is None and _comes(self._news, seconds):
            self._status = int(self._news.readline())
            self._news.close()
            self._announced.close()
            _running.discard(self)
        return self._status


_running: set[Forked] = set()


@atexit.register
def _end_what_is_left() -> None:
    """What a test leaves behind ends with the tests."""
    for process in tuple(_running):
        process.kill()
    if _nursery.cache_info().currsize:
        _nursery().close()


def _pipe(given: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    """The end that is read here, and the one that is given away. Nothing that comes waits anywhere but in the pipe."""
    reads, writes = os.pipe()
    return FileIO(reads), given.enter_context(FileIO(writes, "w"))


def _fork(
    words: Sequence[str], environment: Mapping[str, str], tells: FileIO, said: FileIO, complaints: FileIO
) -> None:
    with FileIO(os.devnull) as nothing:
        request = json.dumps([words, dict(environment)]).encode()
        socket.send_fds(_nursery(), [request], [file.fileno() for file in (tells, said, complaints, nothing)])


def _execute(
    words: Sequence[str], environment: Mapping[str, str], tells: FileIO, said: FileIO, complaints: FileIO
) -> None:
    """The same by its command, where there is no nursery."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words], env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=complaints
    )
    news = FileIO(os.dup(tells.fileno()), "w")
    news.write(f"{process.pid}\n".encode())

    def tell() -> None:
        with news:
            news.write(f"{process.wait()}\n".encode())

    threading.Thread(target=tell, daemon=True).start()


def _comes(pipe: FileIO, seconds: float) -> bool:
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


@cache
def _nursery() -> socket.socket:
    return nursery.connected()
