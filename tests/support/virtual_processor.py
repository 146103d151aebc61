"""The processor without its loops: what an event, or a due time, is a reason for is done, one thing after the other.

Time leaps to when something is due, so what would wait for ever is seen at once. Everything that the processor is given
here it is given in the field too: each event at least once, and what the due list has. Nothing else moves anything.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.domain.order.next_action import due_at as order_due_at
from app.domain.payment.next_action import due_at as payment_due_at
from app.eventstore.codec import decode
from app.eventstore.port import Delivery, EventStore, RecordedEvent
from app.eventstore.transact import ORDERS, PAYMENTS, Kind
from app.processor.pump import Pump
from app.processor.service import Processor
from tests.support.remembering_store import RememberingStore

MOST_TURNS = 150
"""More than anything may need to come to rest when nothing goes wrong any more."""

LONGEST_PAUSE = timedelta(days=1)


@dataclass
class Clock:
    """Time passes when it is told to."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass(frozen=True)
class DueList:
    """The list that the projection keeps, made anew from the streams whenever it is asked for."""

    store: RememberingStore
    pump: Pump
    known: dict[tuple[str, int], datetime | None] = field(default_factory=dict)
    """When what was written so far makes something due, by stream and number of events."""

    async def due(self, kind: str, now: datetime, *, at_most: int) -> list[str]:
        """As `ReadModel.due`."""
        which: Kind[Any, Any, Any] = PAYMENTS if kind == "payment" else ORDERS
        times = self.times(which)
        return [entity_id for entity_id, due in times.items() if due <= now][:at_most]

    def first(self) -> datetime | None:
        """When something is due first; None for never."""
        return min((*self.times(PAYMENTS).values(), *self.times(ORDERS).values()), default=None)

    def times(self, kind: Kind[Any, Any, Any]) -> dict[str, datetime]:
        """When what is due, of one kind."""
        found = {}
        for stream in self.store.streams(kind.category):
            recorded = self.store.events(stream)
            place = stream, len(recorded)
            if place not in self.known:
                events = [decode(event, kind.events) for event in recorded]
                self.known[place] = self._due(kind, kind.fold(events), events[-1].at)
            due = self.known[place]
            if due is not None:
                found[kind.entity_id(stream)] = due
        return found

    def _due(self, kind: Kind[Any, Any, Any], state: Any, at: datetime) -> datetime | None:
        policy = self.pump.policy
        if kind is ORDERS:
            return order_due_at(state, at, policy.order_patience)
        return payment_due_at(state, at, policy)


@dataclass
class VirtualProcessor:
    """`begin` makes a processor's pump over a store; the next one is begun when one has been stopped."""

    store: RememberingStore
    begin: Callable[[EventStore], Pump]
    clock: Clock
    idle: Callable[[], Awaitable[bool]]
    """What the world does when the processor has nothing to do at once; whether it did anything."""
    through: Callable[[RememberingStore], Any] = lambda store: store
    """What stands between the processors and the store."""
    stops: int = 0
    between: Any = field(init=False)
    """The store as processors see it."""
    _known: dict[tuple[str, int], datetime | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.between = self.through(self.store)

    async def rest(self) -> None:
        """Work, and let time pass, until nothing is left to do, ever."""
        pause = timedelta(seconds=1)
        for _ in range(MOST_TURNS):
            written = len(self.store.everything)
            await self.work()
            if await self.idle():
                continue
            first = self.due_list().first()
            if first is None:
                return
            if first > self.clock.now:
                self.clock.now = first
            await self.sweep()
            if len(self.store.everything) > written or self.store.heard:
                pause = timedelta(seconds=1)
            elif first <= self.clock.now:
                # Nobody has an answer yet: it is asked ever more seldom, as the sweep does.
                self.clock.advance(pause)
                pause = min(pause * 4, LONGEST_PAUSE)
        waiting = {**self.due_list().times(PAYMENTS), **self.due_list().times(ORDERS)}
        raise AssertionError(f"no rest after {MOST_TURNS} turns: {waiting} wait for ever")

    async def work(self) -> None:
        """React to every event that there is."""
        while self.store.heard:
            await self.react(self.store.heard.popleft())

    async def react(self, event: RecordedEvent) -> None:
        """What an event is a reason for; it comes again until a processor has settled it."""
        kind: Kind[Any, Any, Any] | None = _KINDS.get(event.stream.partition("-")[0])
        if kind is None:
            return
        processor = self._processor()
        category = processor.payments() if kind is PAYMENTS else processor.orders()
        unsettled = [event]

        async def ack() -> None:
            unsettled.clear()

        async def retry() -> None:
            self.store.heard.append(unsettled.pop())

        async def park() -> None:
            raise AssertionError(f"{event.stream}@{event.revision} {event.type} is set aside")

        try:
            await category.handle(Delivery(event, ack, retry, park))
        except asyncio.CancelledError:
            self.stops += 1
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                # It is not the store that has stopped this processor: whoever plays it has.
                raise
        finally:
            self.store.heard.extendleft(unsettled)

    async def sweep(self) -> None:
        """Look after what is due."""
        processor = self._processor()
        for category in (processor.payments(), processor.orders()):
            await category.sweep()

    def due_list(self) -> DueList:
        """What is due by now and later."""
        return DueList(self.store, self.begin(self.store), self._known)

    def _processor(self) -> Processor:
        pump = self.begin(self.between)
        read_model: Any = self.due_list()
        return Processor(self.between, read_model, pump, concurrency=1, sweep_seconds=0.0)


_KINDS: dict[str, Kind[Any, Any, Any]] = {kind.category: kind for kind in (PAYMENTS, ORDERS)}
