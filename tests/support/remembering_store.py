"""An event store in memory which everybody hears of; a real one may stand behind it and is asked first.

What is read comes from memory, so that playing a thousand crashes does not take an hour of reading; that the store
behind has the same is for the test to look at, by `read_behind`.
"""

from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, field

from app.eventstore.port import (
    NO_STREAM,
    Delivery,
    EventStore,
    NewEvent,
    RecordedEvent,
    StreamErased,
    WrongRevision,
)


@dataclass
class RememberingStore:
    """Streams; `heard` is what was appended and nobody has looked at yet, oldest first."""

    behind: EventStore | None = None
    heard: deque[RecordedEvent] = field(default_factory=deque)
    everything: list[RecordedEvent] = field(default_factory=list)
    """In the order in which it was written."""
    _streams: dict[str, list[RecordedEvent]] = field(default_factory=lambda: defaultdict(list))
    _erased: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, events: Iterable[RecordedEvent]) -> "RememberingStore":
        """In memory alone, with what another one has written; nobody has to hear of it."""
        store = cls()
        for event in events:
            store._streams[event.stream].append(event)
            store.everything.append(event)
        return store

    async def append(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        if self.behind is not None:
            await self.behind.append(stream, events, expected=expected)
        if stream in self._erased:
            raise StreamErased(stream)
        recorded = self._streams[stream]
        if [event.id for event in recorded[expected + 1 :][: len(events)]] == [event.id for event in events]:
            return
        if len(recorded) - 1 != expected:
            raise WrongRevision(stream, expected)
        for new in events:
            event = RecordedEvent(new.id, stream, len(recorded), new.type, new.data, new.metadata)
            recorded.append(event)
            self.heard.append(event)
            self.everything.append(event)

    async def erase(self, stream: str) -> None:
        if self.behind is not None:
            await self.behind.erase(stream)
        self._erased.add(stream)

    async def read(self, stream: str, *, after: int = NO_STREAM) -> list[RecordedEvent]:
        return self.events(stream)[after + 1 :]

    def events(self, stream: str) -> list[RecordedEvent]:
        """As `read`, at once."""
        return [] if stream in self._erased else list(self._streams.get(stream, ()))

    def streams(self, category: str) -> list[str]:
        """The streams of a category that were written."""
        return [stream for stream, events in self._streams.items() if events and stream.startswith(f"{category}-")]

    async def read_behind(self, stream: str) -> list[RecordedEvent]:
        """What the store behind has of a stream."""
        assert self.behind is not None
        return await self.behind.read(stream)

    async def head(self, stream: str) -> int:
        return len(self.events(stream)) - 1

    def follow(self, stream: str, *, after: int | None) -> AsyncGenerator[RecordedEvent, None]:
        raise NotImplementedError

    def consume(self, stream: str, *, group: str, at_once: int) -> AsyncGenerator[Delivery, None]:
        raise NotImplementedError

    async def check(self) -> None:
        return
