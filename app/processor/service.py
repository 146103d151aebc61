"""`paygate process`: consume the category as one of many, and sweep what is due.

A delivery is settled when its payment has been pumped as far as it goes now. What has to happen later (a provider that
does not answer, a customer who has yet to act, a deadline) is due at a time; the projection keeps that list, from the
streams, and the sweep pumps from it. So nothing depends on a timer in memory or on the processor that began.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from app.access.vault import Unsealable
from app.domain.payment.events import (
    CaptureRequested,
    ConfirmationRequested,
    LookUpRequested,
    PaymentInitiated,
    RefundRequested,
    TransferReceived,
    VoidRequested,
)
from app.domain.payment.evolve import ImpossibleHistory
from app.eventstore.codec import UnreadableEvent, causation_of, new_cause
from app.eventstore.port import Delivery, EventStore, EventStoreError, WrongRevision
from app.eventstore.transact import PAYMENTS
from app.processor.pump import Pump, UnknownProvider
from app.providers.port import ProviderUnreachable
from app.redisio import RedisError
from projections.readmodel import ReadModel

_GROUP = "payment-processor"
_LEAST_WAIT_SECONDS = 0.1
_MOST_WAIT_SECONDS = 2.0
_LEAST_BACKOFF_SECONDS = 0.5
_MOST_BACKOFF_SECONDS = 30.0
_REMEMBERED_BACKOFFS = 100_000
_MOST_DUE_OF_A_PARTITION = 1_000

# The events after which a provider has to be called; the others are of a call under way, or final.
_CALLING = {
    kind.__name__
    for kind in (
        PaymentInitiated,
        LookUpRequested,
        ConfirmationRequested,
        TransferReceived,
        CaptureRequested,
        VoidRequested,
        RefundRequested,
    )
}

log = structlog.get_logger()


@dataclass
class Processor:
    """One of the processors; `concurrency` is how many payments it works on at a time."""

    store: EventStore
    read_model: ReadModel
    pump: Pump
    concurrency: int
    sweep_seconds: float
    ready: Callable[[], None] = lambda: None
    _backoffs: dict[str, tuple[float, float]] = field(default_factory=dict)

    async def run(self) -> None:
        """Process until cancelled; faults of the event store, of Redis and of providers are outlasted."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._consume_for_ever(tasks))
            tasks.create_task(self._sweep_for_ever())
            self.ready()

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
        deliveries = self.store.consume("$ce-payment", group=_GROUP, at_once=self.concurrency)
        async with aclosing(deliveries):
            async for delivery in deliveries:
                # In the outer group: a call under way outlives the subscription that led to it.
                tasks.create_task(self._handle(delivery))

    async def _handle(self, delivery: Delivery) -> None:
        event = delivery.event
        if event.type not in _CALLING:
            await delivery.ack()
            return
        payment_id = PAYMENTS.entity_id(event.stream)
        try:
            await self.pump.run(payment_id, causation_of(event))
        except ProviderUnreachable as fault:
            # The intent is written, so the sweep takes it from here, with a growing pause.
            log.warning("provider unreachable", payment=payment_id, reason=str(fault))
            await delivery.ack()
        except (UnreadableEvent, ImpossibleHistory, UnknownProvider, Unsealable) as fault:
            log.exception("payment set aside", payment=payment_id, reason=str(fault))
            await delivery.park()
        except (WrongRevision, EventStoreError) as fault:
            log.warning("payment put back", payment=payment_id, fault=type(fault).__name__)
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
        """Pump what is due; how many payments. Raises `RedisError`."""
        now = asyncio.get_running_loop().time()
        # What became due within the last interval is most likely in somebody's hands already.
        until = self.pump.clock() - timedelta(seconds=self.sweep_seconds)
        due = await self.read_model.due_payments(until, at_most=_MOST_DUE_OF_A_PARTITION)
        # Chosen after the pauses are known: those that do not move must not stand before those that would.
        ripe = [payment_id for payment_id in due if self._backoffs.get(payment_id, (0.0, 0.0))[0] <= now]
        ripe = ripe[: self.concurrency * 8]
        at_once = asyncio.Semaphore(self.concurrency)
        async with asyncio.TaskGroup() as tasks:
            for payment_id in ripe:
                tasks.create_task(self._pump_due(payment_id, at_once))
        return len(ripe)

    async def _pump_due(self, payment_id: str, at_once: asyncio.Semaphore) -> None:
        async with at_once:
            moved = False
            try:
                moved = await self.pump.run(payment_id, new_cause(payment_id))
            except ProviderUnreachable as fault:
                log.warning("provider unreachable", payment=payment_id, reason=str(fault))
            except (UnreadableEvent, ImpossibleHistory, UnknownProvider, Unsealable) as fault:
                log.exception("payment stays as it is", payment=payment_id, reason=str(fault))
            except (WrongRevision, EventStoreError) as fault:
                log.warning("payment put off", payment=payment_id, fault=type(fault).__name__)
            self._back_off(payment_id, moved)

    def _back_off(self, payment_id: str, moved: bool) -> None:
        """Ask again soon about what moves, and ever more seldom about what does not."""
        _, pause = self._backoffs.pop(payment_id, (0.0, 0.0))
        if moved:
            return
        pause = min(max(pause * 2, _LEAST_BACKOFF_SECONDS), _MOST_BACKOFF_SECONDS)
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 — jitter, not a secret
        self._backoffs[payment_id] = (asyncio.get_running_loop().time() + pause * jitter, pause)
        if len(self._backoffs) > _REMEMBERED_BACKOFFS:
            self._backoffs.pop(next(iter(self._backoffs)))
