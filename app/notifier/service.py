"""`paygate notify`: write down what is owed to whom, and bring it to them.

Each channel has subscriptions, lanes and a sweep of its own, so that one that is down delays no other. An event is
settled when what follows from it is written; to send it is another step, which starts at once and which the sweep takes
up again from the list of what is due. So nothing depends on a timer in memory or on the notifier that began.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from app.access.vault import Unsealable
from app.domain.delivery.evolve import ImpossibleDeliveryHistory
from app.domain.endpoints.evolve import ImpossibleEndpointHistory
from app.domain.order.evolve import ImpossibleOrderHistory
from app.domain.payment.evolve import ImpossibleHistory
from app.domain.refusals import Refusal
from app.eventstore.codec import UnreadableEvent, new_cause
from app.eventstore.port import Delivery, EventStore, EventStoreError, RecordedEvent
from app.eventstore.transact import DELIVERIES
from app.notifier.backoffs import Backoffs
from app.notifier.lanes import Lanes
from app.notifier.owing import Duties, delivery_id_of
from app.notifier.pump import DeliveryPump, Progress
from app.notifier.subjects import NothingToTell
from app.redisio import RedisError
from projections.deliveries import DeliveryLog
from projections.folds import UnfoldableEvent

_LEAST_WAIT_SECONDS = 0.1
_MOST_WAIT_SECONDS = 2.0
_MOST_DUE_TARGETS = 1_000
_MOST_DUE_OF_A_TARGET = 1_000
_CATEGORIES = ("payment", "order")
_UNREADABLE = (
    UnreadableEvent,
    ImpossibleHistory,
    ImpossibleOrderHistory,
    ImpossibleDeliveryHistory,
    ImpossibleEndpointHistory,
    NothingToTell,
    UnfoldableEvent,
    Unsealable,
    Refusal,
)

log = structlog.get_logger()


@dataclass(frozen=True)
class Wishes:
    """A category of a channel's own that it follows, such as what merchants ask of their endpoints.

    `streams_after` answers what to work on after an event of it, as pairs of target and delivery stream.
    """

    category: str
    streams_after: Callable[[RecordedEvent], Awaitable[Sequence[tuple[str, str]]]]


@dataclass(frozen=True)
class ChannelService:
    """Everything about one channel: `at_once` is how many deliveries a target gets at a time."""

    store: EventStore
    deliveries: DeliveryLog
    pump: DeliveryPump[Any]
    at_once: int
    sweep_seconds: float
    concurrency: int = 64
    """How many events are turned into what is owed at a time."""
    wishes: Wishes | None = None
    _backoffs: Backoffs = field(default_factory=lambda: Backoffs(time.monotonic))

    async def run(self) -> None:
        """Serve until cancelled; faults of the event store and of Redis are outlasted."""
        async with asyncio.TaskGroup() as tasks:
            lanes = Lanes(tasks, self._work, self.at_once)
            duties = Duties(self.pump.subjects, self.pump.deliveries, self.pump.channel, self.pump.clock)

            async def owe(event: RecordedEvent) -> Sequence[tuple[str, str]]:
                owed = await duties.after(event)
                return [(each.target_id, delivery_id_of(each.target_id, each.subject)) for each in owed]

            for category in _CATEGORIES:
                tasks.create_task(self._consume_for_ever(category, owe, lanes, tasks))
            if self.wishes is not None:
                tasks.create_task(self._consume_for_ever(self.wishes.category, self._fulfil, lanes, tasks))
            tasks.create_task(self._sweep_for_ever(lanes))

    async def _consume_for_ever(
        self, category: str, handle: "_Handler", lanes: Lanes, tasks: asyncio.TaskGroup
    ) -> None:
        wait = _LEAST_WAIT_SECONDS
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                await self._consume(category, handle, lanes, tasks)
            except EventStoreError as fault:
                log.warning("notifier interrupted", category=category, fault=type(fault).__name__, reason=str(fault))
            lasted = asyncio.get_running_loop().time() - begun
            wait = _LEAST_WAIT_SECONDS if lasted > _MOST_WAIT_SECONDS else min(wait * 2, _MOST_WAIT_SECONDS)
            await asyncio.sleep(wait)

    async def _consume(self, category: str, handle: "_Handler", lanes: Lanes, tasks: asyncio.TaskGroup) -> None:
        group = f"notifier-{self.pump.channel.name}"
        deliveries = self.store.consume(f"$ce-{category}", group=group, at_once=self.concurrency)
        async with aclosing(deliveries):
            async for delivery in deliveries:
                # In the outer group: what is begun outlives the subscription that led to it.
                tasks.create_task(self._settle(delivery, handle, lanes))

    async def _settle(self, delivery: Delivery, handle: "_Handler", lanes: Lanes) -> None:
        event = delivery.event
        try:
            streams = await handle(event)
        except _UNREADABLE as fault:
            log.exception("event set aside", stream=event.stream, revision=event.revision, reason=str(fault))
            await delivery.park()
        except (EventStoreError, RedisError) as fault:
            log.warning("event put back", stream=event.stream, fault=type(fault).__name__)
            await delivery.retry()
        except Exception as fault:
            log.exception("event put back", stream=event.stream, fault=type(fault).__name__, reason=str(fault))
            await delivery.retry()
        else:
            await delivery.ack()
            for target_id, delivery_id in streams:
                lanes.offer(target_id, delivery_id)

    async def _fulfil(self, event: RecordedEvent) -> Sequence[tuple[str, str]]:
        streams = await self.wishes.streams_after(event) if self.wishes is not None else ()
        for target_id, _ in streams:
            self._backoffs.forget(target_id)
        return streams

    async def _sweep_for_ever(self, lanes: Lanes) -> None:
        while True:
            await asyncio.sleep(self.sweep_seconds * random.uniform(0.75, 1.25))  # noqa: S311 — jitter, not a secret
            try:
                await self.sweep(lanes)
            except RedisError as fault:
                log.warning("sweep put off", fault=type(fault).__name__)

    async def sweep(self, lanes: Lanes) -> None:
        """Work on what is due. Raises `RedisError`."""
        async for target_id, delivery_id in self.due():
            lanes.offer(target_id, delivery_id)

    async def due(self) -> AsyncIterator[tuple[str, str]]:
        """Targets and the delivery streams that are due to them. Raises `RedisError`."""
        # What became due within the last interval is most likely in somebody's hands already.
        until = self.pump.clock() - timedelta(seconds=self.sweep_seconds)
        name = self.pump.channel.name
        for target_id in await self.deliveries.due_targets(name, until, at_most=_MOST_DUE_TARGETS):
            if not self._backoffs.allow(target_id):
                continue
            for subject in await self.deliveries.due_subjects(target_id, until, at_most=_MOST_DUE_OF_A_TARGET):
                delivery_id = delivery_id_of(target_id, subject)
                if self._backoffs.allow(delivery_id):
                    yield target_id, delivery_id

    async def _work(self, target_id: str, delivery_id: str) -> None:
        stream = DELIVERIES.stream(delivery_id)
        try:
            progress = await self.pump.run(delivery_id, new_cause(delivery_id))
        except EventStoreError as fault:
            log.warning("delivery put off", stream=stream, fault=type(fault).__name__)
            self._backoffs.lengthen(delivery_id)
        except Exception as fault:
            log.exception("delivery stays as it is", stream=stream, fault=type(fault).__name__, reason=str(fault))
            self._backoffs.lengthen(delivery_id)
        else:
            self._remember(target_id, delivery_id, progress)

    def _remember(self, target_id: str, delivery_id: str, progress: Progress) -> None:
        match progress:
            case Progress.MOVED:
                self._backoffs.forget(delivery_id)
            case Progress.STILL:
                # Somebody else is at it, or the due list is behind.
                self._backoffs.lengthen(delivery_id)
            case Progress.OFF:
                self._backoffs.lengthen(target_id)


_Handler = Callable[[RecordedEvent], Awaitable[Sequence[tuple[str, str]]]]


@dataclass(frozen=True)
class Notifier:
    """All channels that are switched on, side by side; `ready` is called once they have begun."""

    channels: Sequence[ChannelService]
    ready: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Notify until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for channel in self.channels:
                tasks.create_task(channel.run())
            self.ready()
