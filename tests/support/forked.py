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
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

_MOST_BYTES: Final = 1000
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.support.preload"])


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
        self._announced, announcing = _FORKS.Pipe(duplex=False)
        # What a test leaves behind ends with the tests.
        self._process: ForkServerProcess = _FORKS.Process(
            target=_become,
            args=(module, arguments, dict(environment), errors, output or announcing),
            name=module,
            daemon=True,
        )
        self._process.start()
        announcing.close()

    @property
    def pid(self) -> int:
        """The id of the process."""
        if self._process.pid is None:
            raise RuntimeError("the process was never started")
        return self._process.pid

    def announcement(self, seconds: float) -> str:
        """The first that it writes to its standard output; nothing if it ends, or the time does, before."""
        if not self._announced.poll(seconds):
            return ""
        return os.read(self._announced.fileno(), _MOST_BYTES).decode()

    def poll(self) -> int | None:
        """What it ended with, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """What it ends with. Raises `subprocess.TimeoutExpired` when it runs for so many more seconds."""
        self._process.join(timeout)
        if (status := self.poll()) is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
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


def _become(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], errors: Path, output: Path | Connection
) -> None:
    # A daemon of multiprocessing may start no processes of its own, and a gateway starts its workers.
    multiprocessing.current_process().daemon = False
    os.environ.clear()
    os.environ.update(environment)
    _write_to(errors, 2)
    if isinstance(output, Connection):
        os.dup2(output.fileno(), 1)
        output.close()
    else:
        _write_to(output, 1)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _write_to(path: Path, descriptor: int) -> None:
    with path.open("ab") as file:
        os.dup2(file.fileno(), descriptor)
