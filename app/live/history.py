"""What happened to a topic: the read model's last update where that is enough, else its stream."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from app.eventstore.port import NO_STREAM, EventStore
from app.eventstore.transact import ORDERS, PAYMENTS, load
from app.live.feed_history import FeedHistory
from app.redisio import RedisError
from projections.fold import order_updates, payment_updates
from projections.names import Topic
from projections.readmodel import ReadModel
from projections.views import Update

READS_AT_ONCE = 64
"""How many streams are read together; with more, each call would spend its time-out waiting for the others."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Past:
    """A topic's updates, oldest first, and the revision of its last event, which an invisible event may have moved on.

    The updates may be the last one only (from the read model, `complete` false) or all there ever were.
    """

    updates: tuple[Update, ...]
    revision: int
    complete: bool

    @property
    def exists(self) -> bool:
        """Whether there is such a payment or order."""
        return bool(self.updates)


class Histories:
    """Reads the past of topics."""

    def __init__(self, store: EventStore, read_model: ReadModel, patience_seconds: float = 1.0) -> None:
        """`patience_seconds`: how long to wait for the read model, which the streams can stand in for."""
        self.feeds = FeedHistory(store, read_model.feeds, patience_seconds)
        self._store = store
        self._read_model = read_model
        self._patience_seconds = patience_seconds
        self._places = asyncio.Semaphore(READS_AT_ONCE)

    async def recent(self, topics: Sequence[Topic]) -> list[Past]:
        """The last update of each topic, as far as the projection has come; none while Redis is away."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                updates = await self._read_model.last_updates(topics)
        except (RedisError, TimeoutError, ValueError) as fault:
            log.warning("read model unavailable", fault=type(fault).__name__)
            updates = [None] * len(topics)
        return [
            Past((update,), update.version, complete=update.previous is None)
            if update
            else Past((), NO_STREAM, complete=False)
            for update in updates
        ]

    async def whole(self, topic: Topic) -> Past:
        """Everything, from the stream. Raises `StoreUnavailable`, `UnreadableEvent` and `ImpossibleHistory`.

        After a loss every topic may be asked for at once; then they take turns.
        """
        async with self._places:
            return await self._read(topic)

    async def _read(self, topic: Topic) -> Past:
        if topic.kind == "payment":
            payment = await load(self._store, PAYMENTS, topic.id)
            _, updates = payment_updates(payment.events)
            return Past(tuple(updates), payment.revision, complete=True)
        order = await load(self._store, ORDERS, topic.id)
        _, updates = order_updates(order.events)
        return Past(tuple(updates), order.revision, complete=True)
