"""An event store in memory, with a network between: what is read may be old when it arrives, and it may be away."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from random import Random

from app.eventstore.port import (
    NO_STREAM,
    Delivery,
    NewEvent,
    RecordedEvent,
    StoreUnavailable,
    SubscriptionLost,
    WrongRevision,
)

_LATENCY_SECONDS = 0.003


class SimulatedStore:
    """Streams and their category streams."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._streams: dict[str, list[RecordedEvent]] = defaultdict(list)
        self._news = asyncio.Event()
        self.up = True

    def stop(self) -> None:
        self.up = False
        self._wake()

    def start(self) -> None:
        self.up = True

    async def append(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        self.put(stream, events, expected=expected)

    def put(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        """Append at once."""
        recorded = self._streams[stream]
        if len(recorded) - 1 != expected:
            raise WrongRevision(stream, expected)
        category = self._streams[f"$ce-{stream.partition('-')[0]}"]
        for new in events:
            place = (len(recorded), new.type, new.data, new.metadata)
            recorded.append(RecordedEvent(new.id, stream, *place))
            category.append(RecordedEvent(new.id, stream, *place, link_revision=len(category)))
        self._wake()

    async def erase(self, stream: str) -> None:
        raise NotImplementedError

    async def read(self, stream: str, *, after: int = NO_STREAM) -> list[RecordedEvent]:
        await self._reach()
        found = self._streams[stream][after + 1 :]
        await self._reach()
        return found

    async def head(self, stream: str) -> int:
        return len(await self.read(stream)) - 1

    async def follow(self, stream: str, *, after: int | None) -> AsyncGenerator[RecordedEvent, None]:
        await self._reach()
        place = 0 if after is None else after + 1
        while True:
            while place < len(self._streams[stream]):
                yield self._streams[stream][place]
                place += 1
            await self._news.wait()
            if not self.up:
                raise SubscriptionLost("the store has gone")
            await asyncio.sleep(self._rng.random() * _LATENCY_SECONDS)

    def consume(self, stream: str, *, group: str, at_once: int) -> AsyncGenerator[Delivery, None]:
        raise NotImplementedError

    async def check(self) -> None:
        await self._reach()

    async def _reach(self) -> None:
        await asyncio.sleep(self._rng.random() * _LATENCY_SECONDS)
        if not self.up:
            raise StoreUnavailable("no answer")

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
