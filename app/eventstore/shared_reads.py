"""Reading what is asked for far more often than it changes: whoever asks at the same time shares one read."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Generic

from app.eventstore.port import EventStore
from app.eventstore.transact import Command, Event, History, Kind, State, empty, load


@dataclass
class _Stream(Generic[Event, State]):
    """What is known of a stream, and the read that has not begun yet."""

    history: History[Event, State]
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    next: asyncio.Task[History[Event, State]] | None = None


class SharedReads(Generic[Event, Command, State]):
    """Streams of one kind, each as it is when it is asked for, or later: nothing is answered from memory alone.

    A read under way may have begun before what its latecomers want to know of was written, so they share the next one.
    Each goes on from what the one before it found, so that mostly nothing comes of it.
    """

    def __init__(self, store: EventStore, kind: Kind[Event, Command, State], remembered: int = 1_000) -> None:
        self._store = store
        self._kind = kind
        self._remembered = remembered
        self._streams: OrderedDict[str, _Stream[Event, State]] = OrderedDict()
        self._reading: set[asyncio.Task[History[Event, State]]] = set()

    async def load(self, entity_id: str) -> History[Event, State]:
        """As `transact.load`, by a read that begins after this call. Raises `UnreadableEvent`, `StoreUnavailable`."""
        stream = self._stream(entity_id)
        if stream.next is None:
            stream.next = asyncio.create_task(self._read(entity_id, stream))
            self._reading.add(stream.next)
            stream.next.add_done_callback(self._forget)
        # Whoever does not want to know any more leaves the others waiting.
        return await asyncio.shield(stream.next)

    async def _read(self, entity_id: str, stream: _Stream[Event, State]) -> History[Event, State]:
        try:
            await stream.one_at_a_time.acquire()
        finally:
            stream.next = None
        try:
            stream.history = await load(self._store, self._kind, entity_id, known=stream.history)
            return stream.history
        finally:
            stream.one_at_a_time.release()

    def _stream(self, entity_id: str) -> _Stream[Event, State]:
        stream = self._streams.setdefault(entity_id, _Stream(empty(self._kind)))
        self._streams.move_to_end(entity_id)
        if len(self._streams) > self._remembered:
            self._streams.popitem(last=False)
        return stream

    def _forget(self, task: asyncio.Task[History[Event, State]]) -> None:
        self._reading.discard(task)
        if not task.cancelled():
            task.exception()
