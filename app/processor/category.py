"""One category of streams, kept moving: its events consumed as one of many, and what is due of it swept.

A delivery is settled when its entity has been brought forward as far as it goes now. What has to happen later (a
provider that does not answer, a customer who has yet to act, a deadline) is due at a time; the projection keeps that
list, from the streams, and the sweep works from it. So nothing depends on a timer in memory or on who began.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from app.access.vault import Unsealable
from app.domain.order.evolve import ImpossibleOrderHistory
from app.domain.payment.evolve import ImpossibleHistory
from app.eventstore.codec import Cause, UnreadableEvent, causation_of, new_cause
from app.eventstore.port import Delivery, EventStore, EventStoreError, WrongRevision
from app.eventstore.transact import Kind
from app.processor.pump import UnknownProvider
from app.providers.port import ProviderUnreachable
from app.redisio import RedisError

_LEAST_WAIT_SECONDS = 0.1
_MOST_WAIT_SECONDS = 2.0
_LEAST_BACKOFF_SECONDS = 0.5
_REMEMBERED_BACKOFFS = 100_000
_SWEPT_AT_ONCE = 8

log = structlog.get_logger()

Reaction = Callable[[str, Cause], Awaitable[bool]]
"""Brings one payment or order forward, by its id; whether anything was written."""


@dataclass
class Category:
    """One category and what is done about it.

    `reactions`: what to do after an event, by its type; the others are of work under way, or final. `due`: the ids of
    what is due by a time. `concurrency`: how many are worked on at a time. `most_backoff_seconds`: the longest pause
    before what does not move is looked at again.
    """

    store: EventStore
    kind: Kind[Any, Any, Any]
    group: str
    reactions: Mapping[str, Reaction]
    sweep_by: Reaction
    due: Callable[[datetime], Awaitable[list[str]]]
    clock: Callable[[], datetime]
    concurrency: int
    sweep_seconds: float
    most_backoff_seconds: float
    _backoffs: dict[str, tuple[float, float]] = field(default_factory=dict)

    async def run(self) -> None:
        """Keep it moving until cancelled; faults of the event store, of Redis and of providers are outlasted."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._consume_for_ever(tasks))
            tasks.create_task(self._sweep_for_ever())

    async def _consume_for_ever(self, tasks: asyncio.TaskGroup) -> None:
        wait = _LEAST_WAIT_SECONDS
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                await self._consume(tasks)
            except EventStoreError as fault:
                log.warning("processor interrupted", fault=type(fault).__name__, reason=str(fault))
            lasted = asyncio.get_running_loop().time() - begun
            wait = _LEAST_WAIT_SECONDS if lasted > _MOST_WAIT_SECONDS else min(wait * 2, _MOST_WAIT_SECONDS)
            await asyncio.sleep(wait)

    async def _consume(self, tasks: asyncio.TaskGroup) -> None:
        deliveries = self.store.consume(f"$ce-{self.kind.category}", group=self.group, at_once=self.concurrency)
        async with aclosing(deliveries):
            async for delivery in deliveries:
                # In the outer group: a call under way outlives the subscription that led to it.
                tasks.create_task(self.handle(delivery))

    async def handle(self, delivery: Delivery) -> None:
        """Do what an event is a reason for, and then say what became of its delivery."""
        event = delivery.event
        reaction = self.reactions.get(event.type)
        if reaction is None:
            await delivery.ack()
            return
        entity_id = self.kind.entity_id(event.stream)
        about = {self.kind.category: entity_id}
        try:
            await reaction(entity_id, causation_of(event))
        except ProviderUnreachable as fault:
            # The intent is written, so the sweep takes it from here, with a growing pause.
            log.warning("provider unreachable", **about, reason=str(fault))
            await delivery.ack()
        except (UnreadableEvent, ImpossibleHistory, ImpossibleOrderHistory, UnknownProvider, Unsealable) as fault:
            log.exception("set aside", **about, reason=str(fault))
            await delivery.park()
        except (WrongRevision, EventStoreError) as fault:
            log.warning("put back", **about, fault=type(fault).__name__)
            await delivery.retry()
        else:
            await delivery.ack()

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self.sweep_seconds * random.uniform(0.75, 1.25))  # noqa: S311 — jitter, not a secret
            try:
                await self.sweep()
            except RedisError as fault:
                log.warning("sweep put off", fault=type(fault).__name__)

    async def sweep(self) -> int:
        """Bring forward what is due; how many. Raises `RedisError`."""
        now = asyncio.get_running_loop().time()
        # What became due within the last interval is most likely in somebody's hands already.
        due = await self.due(self.clock() - timedelta(seconds=self.sweep_seconds))
        # Chosen after the pauses are known: those that do not move must not stand before those that would.
        ripe = [entity_id for entity_id in due if self._backoffs.get(entity_id, (0.0, 0.0))[0] <= now]
        ripe = ripe[: self.concurrency * _SWEPT_AT_ONCE]
        at_once = asyncio.Semaphore(self.concurrency)
        async with asyncio.TaskGroup() as tasks:
            for entity_id in ripe:
                tasks.create_task(self._sweep_one(entity_id, at_once))
        return len(ripe)

    async def _sweep_one(self, entity_id: str, at_once: asyncio.Semaphore) -> None:
        about = {self.kind.category: entity_id}
        async with at_once:
            moved = False
            try:
                moved = await self.sweep_by(entity_id, new_cause(entity_id))
            except ProviderUnreachable as fault:
                log.warning("provider unreachable", **about, reason=str(fault))
            except (UnreadableEvent, ImpossibleHistory, ImpossibleOrderHistory, UnknownProvider, Unsealable) as fault:
                log.exception("stays as it is", **about, reason=str(fault))
            except (WrongRevision, EventStoreError) as fault:
                log.warning("put off", **about, fault=type(fault).__name__)
            self._back_off(entity_id, moved)

    def _back_off(self, entity_id: str, moved: bool) -> None:
        """Ask again soon about what moves, and ever more seldom about what does not."""
        _, pause = self._backoffs.pop(entity_id, (0.0, 0.0))
        if moved:
            return
        pause = min(max(pause * 2, _LEAST_BACKOFF_SECONDS), self.most_backoff_seconds)
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 — jitter, not a secret
        self._backoffs[entity_id] = (asyncio.get_running_loop().time() + pause * jitter, pause)
        if len(self._backoffs) > _REMEMBERED_BACKOFFS:
            self._backoffs.pop(next(iter(self._backoffs)))
