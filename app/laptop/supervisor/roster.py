"""Who runs now, and how the end of all of them shares its time."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

from app.laptop.supervisor.child import Child
from app.laptop.supervisor.process import Process

_RESERVE_SECONDS = 0.4
"""What each that has to end later is sure of; enough for a process without a fault."""


class Roster:
    """The processes that run now; tells `changed` the pids by name whenever one comes or goes."""

    def __init__(self, changed: Callable[[Mapping[str, int]], None], stop_within: float) -> None:
        self._changed = changed
        self._stop_within = stop_within
        self._processes: dict[str, Process] = {}
        self._deadline: float | None = None

    @contextlib.contextmanager
    def listed(self, child: Child, process: Process) -> Iterator[None]:
        """Within the block this is the child's process."""
        self._processes[child.name] = process
        self._tell()
        try:
            yield
        finally:
            del self._processes[child.name]
            self._tell()

    @property
    def closing(self) -> bool:
        """Whether the end has begun: from then on who ends is not started again."""
        return self._deadline is not None

    def close(self) -> None:
        """The end begins."""
        if self._deadline is None:
            self._deadline = time.monotonic() + self._stop_within

    def kill_all(self) -> None:
        """The end, at once."""
        self._deadline = time.monotonic()
        for process in self._processes.values():
            process.kill()

    def grace_for(self, child: Child) -> float:
        """The seconds this one has to end by itself."""
        if self._deadline is None:
            return child.stop_timeout
        remaining = self._deadline - time.monotonic()
        return share(remaining, child.stop_timeout, later=len(self._processes) - 1)

    def _tell(self) -> None:
        self._changed({name: process.pid for name, process in self._processes.items()})


def share(remaining: float, wanted: float, later: int) -> float:
    """What one may use of the remaining time, when `later` others have to end after it."""
    return max(0.0, min(wanted, remaining - later * _RESERVE_SECONDS))
