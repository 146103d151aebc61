"""(state, now) -> what the notifier should do next, and how patient it is with a target that does not answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.delivery.model import DeliveryState, NothingOwed, OwedMessage

_SECOND, _MINUTE, _HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """After which pauses a message is tried again; when none is left it is given up, by default after three days."""

    pauses: tuple[timedelta, ...] = (
        5 * _SECOND,
        30 * _SECOND,
        2 * _MINUTE,
        10 * _MINUTE,
        30 * _MINUTE,
        1 * _HOUR,
        2 * _HOUR,
        4 * _HOUR,
        *(8 * _HOUR for _ in range(8)),
    )
    spread: float = 0.2
    """By which part of itself a pause is longer at most, so that not everything is tried again at once."""
    longest_wish: timedelta = 24 * _HOUR
    """How long a target may ask not to be called."""
    switch_off_after: timedelta = timedelta(days=5)
    """How long a target may fail, without one success, before it is switched off."""

    def next_attempt(self, attempt: int, now: datetime, wish: timedelta | None, jitter: float) -> datetime | None:
        """When to try again after `attempt` (from 1) failed; None for never.

        `wish` is how long the target asks not to be called, `jitter` a random number from 0 to 1.
        """
        if attempt > len(self.pauses):
            return None
        pause = self.pauses[attempt - 1] * (1 + self.spread * jitter)
        return now + max(pause, min(wish or timedelta(0), self.longest_wish))


@dataclass(frozen=True, slots=True)
class Attempt:
    """Send this message now."""

    message: OwedMessage


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Look again at `due`."""

    due: datetime


def next_action(state: DeliveryState, now: datetime, resumed_at: datetime | None = None) -> Attempt | WaitUntil | None:
    """What to do now, or None when nothing is owed. A target back in service at `resumed_at` is called at once."""
    message = None if isinstance(state, NothingOwed) else state.next
    if message is None:
        return None
    due = message.next_attempt_at or message.owed_at
    if resumed_at is not None and message.failed_at is not None and message.failed_at <= resumed_at:
        due = min(due, resumed_at)
    return Attempt(message) if due <= now else WaitUntil(due)


def due_at(state: DeliveryState) -> datetime | None:
    """When the notifier has something to do; None for never."""
    message = None if isinstance(state, NothingOwed) else state.next
    return None if message is None else message.next_attempt_at or message.owed_at
