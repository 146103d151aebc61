"""What can be done to system projections, inside the writer's transaction."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .events import TICKS_PER_SECOND
from .storage.projections import Progress
from .storage.transaction import Transaction
from .system_projections import SystemProjection

_SOURCES_PER_STEP: Final = 500
_TICKS_PER_MS: Final = TICKS_PER_SECOND // 1000


@dataclass(frozen=True, slots=True)
class SwitchProjection:
    """Start or stop a projection. A stopped one goes on from where it was once it is started again."""

    projection: SystemProjection
    running: bool
    size: int = 0

    def streams(self) -> Iterator[str]:
        """Yield nothing: no stream is asked for."""
        yield from ()

    def run(self, transaction: Transaction) -> None:
        """Switch it."""
        progress = transaction.projections[self.projection]
        if progress.running != self.running:
            position = transaction.last_position if progress.position is None else progress.position
            transaction.projections[self.projection] = Progress(self.running, position)


@dataclass(frozen=True, slots=True)
class ReadProgress:
    """Learn how far a projection has come, and that nothing is on its way."""

    projection: SystemProjection
    size: int = 0

    def streams(self) -> Iterator[str]:
        """Yield nothing: no stream is asked for."""
        yield from ()

    def run(self, transaction: Transaction) -> Progress:
        """Return it."""
        return transaction.projections[self.projection]


@dataclass(frozen=True, slots=True)
class Project:
    """Let a projection look at some more of what it has not seen yet."""

    projection: SystemProjection
    lag_ms: int
    """Entries come this much after their events; with 0 the projection ends up writing them together."""
    size: int = 0

    def streams(self) -> Iterator[str]:
        """Yield nothing: what is asked for is not known before."""
        yield from ()

    def run(self, transaction: Transaction) -> bool:
        """Do a step; return whether there is more to do at once."""
        progress = transaction.projections[self.projection]
        if not progress.running:
            return False
        if progress.position is None:
            if self.lag_ms:
                transaction.projections[self.projection] = Progress(True, transaction.last_position)
            return False
        return self._step(transaction, progress.position)

    def _step(self, transaction: Transaction, position: int) -> bool:
        sources = transaction.read_sources(position, _SOURCES_PER_STEP)
        latest = transaction.now - self.lag_ms * _TICKS_PER_MS
        due = [source for source in sources if source.created <= latest] if self.lag_ms else sources
        for source in due:
            transaction.project(source, frozenset({self.projection}))
        more = len(due) == _SOURCES_PER_STEP
        reached: int | None = due[-1].position if due else position
        if not more and not self.lag_ms:
            reached = None
        if reached != position:
            transaction.projections[self.projection] = Progress(True, reached)
        return more
