"""Looking ever more seldom at what does not move."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

_LEAST_SECONDS = 0.5
_MOST_SECONDS = 30.0
_REMEMBERED = 100_000


@dataclass
class Backoffs:
    """Pauses by name, kept in memory alone; `clock` counts seconds."""

    clock: Callable[[], float]
    _pauses: dict[str, tuple[float, float]] = field(default_factory=dict)

    def allow(self, name: str) -> bool:
        """Whether it is time to look again."""
        return self._pauses.get(name, (0.0, 0.0))[0] <= self.clock()

    def lengthen(self, name: str) -> None:
        """It has not moved: look again later than last time."""
        _, pause = self._pauses.pop(name, (0.0, 0.0))
        pause = min(max(pause * 2, _LEAST_SECONDS), _MOST_SECONDS)
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 — jitter, not a secret
        self._pauses[name] = (self.clock() + pause * jitter, pause)
        if len(self._pauses) > _REMEMBERED:
            self._pauses.pop(next(iter(self._pauses)))

    def forget(self, name: str) -> None:
        """It moves: look whenever there is reason to."""
        self._pauses.pop(name, None)
