"""`paygate project`: follow a category, fold, publish, remember the place.

The order of the steps is what makes a crash harmless: the place is stored after the writes, and writes made twice
change nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog

from app.domain.order.next_action import due_at as order_due_at
from app.domain.payment.next_action import Policy, due_at
from app.eventstore.codec import UnreadableEvent
from app.eventstore.port import NO_STREAM, EventStore, EventStoreError, RecordedEvent
from app.redisio import RedisError
from projections.batches import batched
from projections.fold import FoldedDeliveries, FoldedOrder, FoldedPayment
from projections.folds import Folds, UnfoldableEvent, delivery_folds, order_folds, payment_folds
from projections.merchant_feed import FeedForgotten
from projections.names import CATEGORIES, Topic
from projections.publisher import Batch, Publisher, ReadModelLost

_BATCH = 256
_LEAST_WAIT_SECONDS = 0.1
_MOST_WAIT_SECONDS = 2.0
_FOLDS: dict[str, Callable[[EventStore], Folds[Any, Any]]] = {
    "payment": payment_folds,
    "order": order_folds,
    "delivery": delivery_folds,
}

log = structlog.get_logger()


@dataclass(frozen=True)
class Projection:
    """Keeps the read model up with its categories; `ready` is called once it has begun."""

    store: EventStore
    publisher: Publisher
    policy: Policy
    ready: Callable[[], None] = lambda: None
    idle_seconds: float = 1.0
    """How often to look whether Redis still has everything, when nothing happens."""

    async def run(self) -> None:
        """Project until cancelled; faults of the event store and of Redis are outlasted."""
        async with asyncio.TaskGroup() as tasks:
            for category in CATEGORIES:
                tasks.create_task(self._keep_up(category))
            self.ready()

    async def _keep_up(self, category: str) -> None:
        wait = _LEAST_WAIT_SECONDS
        # Streams do not change, so what was folded before an interruption holds after it: else the first event of every
        # payment that comes then would cost a read, one after the other.
        folds = _FOLDS[category](self.store)
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                await self._follow(category, folds)
            except (EventStoreError, RedisError, ReadModelLost, FeedForgotten) as fault:
                log.warning("projection interrupted", category=category, fault=type(fault).__name__, reason=str(fault))
            lasted = asyncio.get_running_loop().time() - begun
            wait = _LEAST_WAIT_SECONDS if lasted > _MOST_WAIT_SECONDS else min(wait * 2, _MOST_WAIT_SECONDS)
            await asyncio.sleep(wait)

    async def _follow(self, category: str, folds: Folds[Any, Any]) -> None:
        place = await self._begin(category)
        log.info("projecting", category=category, after=place)
        events = self.store.follow(f"$ce-{category}", after=None if place == NO_STREAM else place)
        async with batched(events) as batches:
            while True:
                batch = await batches.next(at_most=_BATCH, idle_seconds=self.idle_seconds)
                # When nothing happens, it is the time to notice that Redis has forgotten everything.
                reached = await self._project(category, folds, batch) if batch else place
                await self.publisher.advance(category, reached, known=place)
                place = reached

    async def _begin(self, category: str) -> int:
        place = await self.publisher.checkpoint(category)
        if category == "payment":
            await self.publisher.feeds.learn()
            # The feeds are taken for complete up to the place, so nothing may have been lost between the two.
            await self.publisher.advance(category, place, known=place)
        return place

    async def _project(self, category: str, folds: Folds[Any, Any], batch: list[RecordedEvent]) -> int:
        writes = self.publisher.batch()
        for event in batch:
            await self._fold(folds, event, writes)
        try:
            await writes.send()
        except FeedForgotten as fault:
            await self.publisher.rewind(category, fault.complete_to)
            raise
        return _place_of(batch[-1])

    async def _fold(self, folds: Folds[Any, Any], event: RecordedEvent, writes: Batch) -> None:
        try:
            entity_id, folded, update = await folds.take(event)
        except (UnreadableEvent, UnfoldableEvent) as fault:
            # One event that cannot be read must not stop every other payment; its own stream stays as it was.
            log.exception("event left out of the read model", reason=str(fault))
            return
        match folded:
            case FoldedPayment():
                due = due_at(folded.state, folded.at, self.policy)
                if event.revision == 0:
                    await writes.list_payment(folded.view)
                if update:
                    await writes.tell_merchant(folded.view.merchant_id, _place_of(event), entity_id, update)
                await writes.write(Topic("payment", entity_id), folded.view, update, due)
            case FoldedOrder():
                due = order_due_at(folded.state, folded.at, self.policy.order_patience)
                await writes.write(Topic("order", entity_id), folded.view, update, due)
            case FoldedDeliveries():
                await writes.log_delivery(folded, _place_of(event))


def _place_of(event: RecordedEvent) -> int:
    """Its place in the category."""
    return event.revision if event.link_revision is None else event.link_revision
