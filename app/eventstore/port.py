"""What the application needs of an event store, and nothing else."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

NO_STREAM = -1
"""The revision of a stream that does not exist: `append` expects it, `read` starts after it."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append. `id` is the same however often the append is tried; `data` and `metadata` are JSON."""

    id: UUID
    type: str
    data: bytes
    metadata: bytes


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event in its stream.

    `link_revision` is its place in the stream it was read through, when that is another one (`$ce-…`).
    """

    id: UUID
    stream: str
    revision: int
    type: str
    data: bytes
    metadata: bytes
    link_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event handed to one consumer of a group, who says what became of it.

    `retry` brings it back, to be parked by the store after too many times; `park` sets it aside for people.
    """

    event: RecordedEvent
    ack: Callable[[], Awaitable[None]]
    retry: Callable[[], Awaitable[None]]
    park: Callable[[], Awaitable[None]]


class EventStoreError(Exception):
    """Any fault of the event store."""


class WrongRevision(EventStoreError):
    """Another writer came first; nothing was appended."""

    def __init__(self, stream: str, expected: int) -> None:
        super().__init__(f"{stream} is not at revision {expected}")


class StreamErased(EventStoreError):
    """The stream was erased; nothing can be appended to it any more."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"{stream} was erased")


class StoreUnavailable(EventStoreError):
    """No answer in time. After an append the outcome is unknown: append the same events again to learn it."""


class SubscriptionLost(EventStoreError):
    """A subscription ended without being asked to; follow again from the last position."""


class EventStore(Protocol):
    """Streams of events. Revisions count from 0 within a stream."""

    async def append(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        """Append all of `events` after revision `expected` (`NO_STREAM`: to a new stream), or none.

        Appending the same events at the same place again succeeds and writes nothing. Raises `WrongRevision`,
        `StreamErased` and `StoreUnavailable`.
        """
        ...

    async def erase(self, stream: str) -> None:
        """End a stream for good, with all that its events say: it reads as one that does not exist.

        Again, or for a stream that never was, succeeds too. Raises `StoreUnavailable`.
        """
        ...

    async def read(self, stream: str, *, after: int = NO_STREAM) -> list[RecordedEvent]:
        """The events of a stream after a revision; none when there is no such stream. Raises `StoreUnavailable`."""
        ...

    async def head(self, stream: str) -> int:
        """The revision of a stream's last event, `NO_STREAM` when there is none. Raises `StoreUnavailable`."""
        ...

    def follow(self, stream: str, *, after: int | None) -> AsyncGenerator[RecordedEvent, None]:
        """Every event of a stream after a revision (None: from its start), for ever, links resolved.

        Raises `SubscriptionLost` or `StoreUnavailable`; it never ends by itself.
        """
        ...

    def consume(self, stream: str, *, group: str, at_once: int) -> AsyncGenerator[Delivery, None]:
        """The events of a stream, shared among the consumers of `group`, at least once and in no order.

        At most `at_once` are unsettled at a time. Raises as `follow` does.
        """
        ...

    async def check(self) -> None:
        """Return when the store answers; raises `StoreUnavailable`."""
        ...
