"""How long to wait before a child that ended is started again."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

_RANDOM = secrets.SystemRandom()


@dataclass(frozen=True, slots=True)
class Backoff:
    """At once the first time, then ever longer; all times in seconds."""

    shortest: float = 0.5
    longest: float = 15.0
    healthy_after: float = 30.0
    """Who served that long starts with a clean record."""

    def delay(self, crashes: int, chance: float) -> float:
        """The wait after so many crashes in a row; `chance` in [0, 1) spreads it over the upper half."""
        if crashes <= 1:
            return 0.0
        # The exponent stays small: a child may crash for days.
        full = min(self.longest, self.shortest * 2.0 ** min(crashes - 2, 30))
        return full * (0.5 + chance / 2)


class Crashes:
    """The record of one child."""

    def __init__(self, backoff: Backoff, chance: Callable[[], float] = _RANDOM.random) -> None:
        self._backoff = backoff
        self._chance = chance
        self._in_a_row = 0

    def delay_after(self, ready_for: float | None) -> float:
        """Records one more crash, after serving that long, and tells the wait."""
        healthy = ready_for is not None and ready_for >= self._backoff.healthy_after
        self._in_a_row = 1 if healthy else self._in_a_row + 1
        return self._backoff.delay(self._in_a_row, self._chance())
