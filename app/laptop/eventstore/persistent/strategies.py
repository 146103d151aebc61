"""Which consumer gets a message. Pure."""

import zlib
from collections.abc import Sequence
from typing import Final, Protocol

from app.laptop.eventstore.events import ResolvedEvent
from app.laptop.eventstore.system_projections import correlation_id

from . import settings

_BUCKETS: Final = 1024


class Seat(Protocol):
    """A consumer, as far as the choice among consumers goes."""

    @property
    def has_room(self) -> bool:
        """Whether it takes another message."""


class Strategy(Protocol):
    """Chooses among consumers; knows who is there."""

    overtakes: bool
    """Whether a message may go out while an earlier one waits for its consumer."""

    def seat(self, consumers: Sequence[Seat]) -> None:
        """Learn that consumers came or went."""

    def choose(self, event: ResolvedEvent) -> int | None:
        """Return the index of the consumer that gets this event; None when it has to wait."""


class DispatchToSingle:
    """Fills the first consumer, then the next."""

    overtakes = False

    def __init__(self) -> None:
        self._consumers: Sequence[Seat] = ()

    def seat(self, consumers: Sequence[Seat]) -> None:
        """Learn that consumers came or went."""
        self._consumers = consumers

    def choose(self, event: ResolvedEvent) -> int | None:  # noqa: ARG002 - all events are alike here
        """Return the first with room."""
        return next((index for index, consumer in enumerate(self._consumers) if consumer.has_room), None)


class RoundRobin:
    """Gives to each in turn, and leaves out those that are full."""

    overtakes = False

    def __init__(self) -> None:
        self._consumers: Sequence[Seat] = ()
        self._next = 0

    def seat(self, consumers: Sequence[Seat]) -> None:
        """Learn that consumers came or went."""
        self._consumers = consumers

    def choose(self, event: ResolvedEvent) -> int | None:  # noqa: ARG002 - all events are alike here
        """Return the next with room."""
        count = len(self._consumers)
        for step in range(count):
            index = (self._next + step) % count
            if self._consumers[index].has_room:
                self._next = index + 1
                return index
        return None


class Pinned:
    """Gives all events of one stream to the same consumer, as long as consumers neither come nor go."""

    overtakes = True

    def __init__(self) -> None:
        self._consumers: Sequence[Seat] = ()

    def seat(self, consumers: Sequence[Seat]) -> None:
        """Share the buckets among those who are there now."""
        self._consumers = consumers

    def choose(self, event: ResolvedEvent) -> int | None:
        """Return the consumer whose bucket the event falls into, if it has room."""
        if not self._consumers:
            return None
        bucket = zlib.crc32(self.pin(event).encode()) % _BUCKETS
        index = bucket % len(self._consumers)
        return index if self._consumers[index].has_room else None

    def pin(self, event: ResolvedEvent) -> str:
        """Return what is kept together: the stream the event comes from."""
        return (event.event or event.original).stream


class PinnedByCorrelation(Pinned):
    """Gives all events of one correlation to the same consumer."""

    def pin(self, event: ResolvedEvent) -> str:
        """Return the correlation, or the stream for an event that has none."""
        correlation = correlation_id(event.event.metadata) if event.event is not None else None
        return super().pin(event) if correlation is None else correlation


def make_strategy(name: str) -> Strategy:
    """Make the strategy of this name. Raises KeyError for an unknown one."""
    kinds: dict[str, type[Strategy]] = {
        settings.DISPATCH_TO_SINGLE: DispatchToSingle,
        settings.ROUND_ROBIN: RoundRobin,
        settings.PINNED: Pinned,
        settings.PINNED_BY_CORRELATION: PinnedByCorrelation,
    }
    return kinds[name]()
