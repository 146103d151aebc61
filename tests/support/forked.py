"""Processes of ours, each forked from one that has imported everything.

Most of what a short-lived process costs is imports, and tests start them by the hundred. What runs is what `python -m`
runs, in a process of its own with an environment, a standard output and a standard error of its own. That each program
begins by itself as well is for its own tests and those of `paygate dev` to show.
"""

import contextlib
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

_MOST_BYTES: Final = 1000
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.support.everything"])


class StillRunning(Exception):
    """The process did not end in time; it has been killed."""


class Forked:
    """A running process. Its standard error is added to the file `log`."""

    def __init__(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], *, log: Path) -> None:
        self._output, output = _FORKS.Pipe(duplex=False)
        # What a test leaves behind ends with the tests.
        self._process: ForkServerProcess = _FORKS.Process(
            target=_become, args=(module, tuple(arguments), dict(environment), output, log), name=module, daemon=True
        )
        self._process.start()
        output.close()

    @property
    def pid(self) -> int:
        """The id of the process."""
        if self._process.pid is None:
            raise RuntimeError("the process was never started")
        return self._process.pid

    @property
    def status(self) -> int | None:
        """What it ended with, negative for a signal; None while it runs."""
        return self._process.exitcode

    def announcement(self, seconds: float) -> str:
        """The first that it writes to its standard output; nothing if it ends, or the time does, before."""
        if not self._output.poll(seconds):
            return ""
        return os.read(self._output.fileno(), _MOST_BYTES).decode()

    def end(self, number: signal.Signals, seconds: float) -> int:
        """Send a signal, wait for the end, and return what it ended with. Raises `StillRunning`."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        self._process.join(seconds)
        late = self.status is None
        if late:
            self._process.kill()
            self._process.join()
        self._output.close()
        if late or self.status is None:
            raise StillRunning(f"process {self.pid} ran on for {seconds} s after {number.name}")
        return self.status


def _become(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], output: Connection, log: Path
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with log.open("ab") as errors:
        os.dup2(errors.fileno(), 2)
    os.dup2(output.fileno(), 1)
    output.close()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
