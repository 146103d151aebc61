"""How far each system projection has come."""

import sqlite3
from dataclasses import dataclass

from app.laptop.eventstore.system_projections import SystemProjection


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one projection stands."""

    running: bool
    position: int | None
    """The last event it has looked at. None: it writes its entries together with the events and is never behind."""


class ProjectionTable:
    """The progress of all projections, stored in the same transactions as their entries: exactly once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._progress: dict[SystemProjection, Progress] = {}
        self.inline: frozenset[SystemProjection] = frozenset()
        """Those that write their entries together with the events."""
        self.load()

    def load(self) -> None:
        """Read everything anew; a projection never heard of runs, from the beginning."""
        rows = self._connection.execute("SELECT number, running, position FROM projections")
        stored = {number: Progress(bool(running), position) for number, running, position in rows}
        self._progress = {kind: stored.get(kind.value, Progress(True, 0)) for kind in SystemProjection}
        self._find_inline()

    def __getitem__(self, projection: SystemProjection) -> Progress:
        return self._progress[projection]

    def __setitem__(self, projection: SystemProjection, progress: Progress) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO projections (number, running, position) VALUES (?, ?, ?)",
            (projection.value, progress.running, progress.position),
        )
        self._progress[projection] = progress
        self._find_inline()

    def _find_inline(self) -> None:
        self.inline = frozenset(
            kind for kind, progress in self._progress.items() if progress.running and progress.position is None
        )
