"""Our own processes, forked from one that has imported everything.

Most of what the start of `paygate dev` costs is imports, the same ones in process after process. The nursery imports
them once, and forks a process off whenever it is asked to: it runs what its command line would run, as the leader of a
session, with an environment and outputs of its own.

Linux only; elsewhere, and should the nursery end, processes are started by their commands.
"""

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TextIO

from app.laptop.forking import LONGEST_REQUEST, fork_for
from app.laptop.supervisor.start import Command, Descriptors, Running, Start, executed

_READY_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 5.0
"""A fork takes milliseconds."""

UNKNOWN: Final = 255
"""An exit status."""


class _NurseryEnded(Exception):
    """It starts nothing any more."""


@contextlib.contextmanager
def opened(
    modules: Sequence[str], program: Command, main: Callable[[], None], answer_seconds: float = _ANSWER_SECONDS
) -> Iterator["Nursery | None"]:
    """A nursery that imports these modules, open within the block; None where there can be none.

    To be called while there is one thread and no event loop. `main` is what a command line that begins with `program`
    runs; it finds the rest of the line in `sys.argv`. A nursery that takes longer than `answer_seconds` to fork is
    given up.
    """
    if not _possible():
        yield None
        return
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if (pid := os.fork()) == 0:
        ours.close()
        fork_for(its, modules, main)
    its.close()
    try:
        yield Nursery(pid, ours, program, answer_seconds)
    finally:
        ours.close()
        # It has nothing to tidy up, and may be busy importing. Its number is its own until it is waited for.
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _possible() -> bool:
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


class Nursery:
    """The nursery as whoever wants processes sees it."""

    def __init__(self, pid: int, connection: socket.socket, program: Command, answer_seconds: float) -> None:
        self._pid = pid
        self._connection = connection
        self._program = program
        self._answer_seconds = answer_seconds

    async def ready(self) -> None:
        """Returns once it has imported everything. Should it never, `start` will find that out."""
        self._connection.setblocking(False)
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await asyncio.get_running_loop().sock_recv(self._connection, 1)
        except (TimeoutError, OSError):
            self._give_up()
        finally:
            self._connection.setblocking(True)

    def start(self, command: Command, environment: Mapping[str, str], descriptors: Descriptors) -> Running:
        """Start one of `program`'s command lines; as `executed` does, if the nursery has ended."""
        try:
            return self._fork(command[len(self._program) :], environment, descriptors)
        except (_NurseryEnded, OSError):
            return executed(command, environment, descriptors)

    def _fork(self, words: Command, environment: Mapping[str, str], descriptors: Descriptors) -> "_Forked":
        request = json.dumps([words, dict(environment)]).encode()
        if len(request) > LONGEST_REQUEST:
            raise _NurseryEnded
        hears, tells = os.pipe()
        # A pipe for each process, so that nobody has to sort what is said of them.
        news = os.fdopen(hears, encoding="ascii")
        try:
            given = (tells, descriptors.output, descriptors.errors, descriptors.lifeline, *descriptors.kept)
            socket.send_fds(self._connection, [request], given)
        except OSError:
            news.close()
            raise
        finally:
            os.close(tells)
        answers, _, _ = select.select([news], [], [], self._answer_seconds)
        pid = _number(news) if answers else None
        if pid is None:
            # Before it is done by command: should there be a process after all, it ends, as nobody has heard of it.
            self._give_up()
            news.close()
            raise _NurseryEnded
        return _Forked(pid, news)

    def _give_up(self) -> None:
        os.kill(self._pid, signal.SIGKILL)


class _Forked:
    """A process that the nursery has forked."""

    def __init__(self, pid: int, news: TextIO) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._news = news

    def wait(self) -> int:
        """What it ended with; `UNKNOWN` when the nursery, which alone is told, has ended before it."""
        with self._news:
            status = _number(self._news)
        if status is None:
            _see_the_end_of(self.pid)
            status = UNKNOWN
        self.returncode = status
        return status

    def terminate(self) -> None:
        """SIGTERM, unless it is known to have ended."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)


def _see_the_end_of(pid: int) -> None:
    """Return when a process is gone that is nobody's child here."""
    with contextlib.suppress(ProcessLookupError):
        process = os.pidfd_open(pid)
        try:
            select.select([process], [], [])
        finally:
            os.close(process)


def _number(news: TextIO) -> int | None:
    line = news.readline()
    return int(line) if line else None


def start_of(nursery: Nursery | None) -> Start:
    """How to start processes with this nursery, or without one."""
    return nursery.start if nursery else executed
