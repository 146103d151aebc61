"""A notifier of one channel, and everything that outlasts it: streams, settled events, and what has arrived outside.

Who is killed loses all the rest, whatever it was about to do. So a moment is kept after each change of what lasts: to
begin a notifier from each of them is to kill one wherever it can be killed.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from app.domain.delivery.model import Address, DeliveryState, NothingOwed
from app.domain.delivery.next_action import due_at
from app.eventstore.codec import decode
from app.eventstore.port import Delivery, NewEvent, RecordedEvent
from app.eventstore.transact import DELIVERIES, ORDERS, PAYMENTS
from app.notifier.port import Message, Outcome, Sender, Sent
from app.notifier.service import ChannelService
from tests.support.remembering_store import RememberingStore

_PATIENCE_SECONDS = 30.0
_CATEGORIES = (PAYMENTS.category, ORDERS.category)

Change = Hashable
"""Of what lasts: a place written to, an event settled, a message that has arrived. The same when it is made again."""


@dataclass(frozen=True)
class Heard:
    """A message as it has arrived."""

    message_id: str
    content: object


@dataclass(frozen=True)
class Moment:
    """What a notifier that is killed now leaves."""

    streams: tuple[RecordedEvent, ...]
    settled: frozenset[UUID] = frozenset()
    heard: tuple[Heard, ...] = ()

    def deliveries(self) -> list[DeliveryState]:
        """What is owed to each target about each payment or order."""
        store = RememberingStore.of(self.streams)
        return [_state(store, stream) for stream in store.streams(DELIVERIES.category)]


@dataclass
class DueDeliveries:
    """The lists that the projection keeps, made anew whenever anything was written since they were last asked for."""

    store: RememberingStore
    _written: int = -1
    _waiting: list[tuple[datetime, Address]] = field(default_factory=list)

    async def due_targets(self, channel: str, now: datetime, *, at_most: int) -> list[str]:
        """As `DeliveryLog.due_targets`."""
        due = [each.target_id for each in self._due(now) if each.channel == channel]
        return list(dict.fromkeys(due))[:at_most]

    async def due_subjects(self, target_id: str, now: datetime | None, *, at_most: int) -> list[str]:
        """As `DeliveryLog.due_subjects`."""
        return [each.subject for each in self._due(now) if each.target_id == target_id][:at_most]

    async def failing_since(self, target_id: str, now: datetime) -> datetime | None:
        """As `DeliveryLog.failing_since`: nobody fails here."""

    def waiting(self) -> list[tuple[datetime, Address]]:
        """Who is to be told of what, and since when, or from when on."""
        if self._written < len(self.store.everything):
            self._written = len(self.store.everything)
            states = [_state(self.store, stream) for stream in self.store.streams(DELIVERIES.category)]
            times = [(due_at(state), state.address) for state in states if not isinstance(state, NothingOwed)]
            self._waiting = [(due, address) for due, address in times if due is not None]
        return self._waiting

    def _due(self, now: datetime | None) -> list[Address]:
        return [address for due, address in self.waiting() if now is None or due <= now]


@dataclass
class Surroundings:
    """What a notifier works on, as it was at the `moment` when the one before it was killed.

    The first is handed each event when all before it are settled and told. Those who follow are handed all that is
    unsettled at once, in an order that depends on the `seed`.
    """

    moment: Moment
    seed: int | None = None
    is_killed_after: Callable[[Change], bool] = lambda _: False
    hear: Callable[[], Sequence[Heard]] = tuple
    """Answers what has arrived since it was last asked."""
    moments: list[Moment] = field(default_factory=list)
    """All that there were, the last of them at rest unless the notifier was killed."""
    killed: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self._store = RememberingStore.of(self.moment.streams)
        happened = (event for event in self._store.everything if _category(event) in _CATEGORIES)
        self._unsettled = {event.id: event for event in happened if event.id not in self.moment.settled}
        self.due = DueDeliveries(self._store)
        self.moments.append(self.moment)

    async def live(self, begin: Callable[["Surroundings"], ChannelService]) -> Moment:
        """Begin a notifier and let it work until it is killed or nothing is left to do; what there is then."""
        async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(begin(self).run())
            async with self._changed:
                await self._changed.wait_for(lambda: self.killed or self._rests())
            running.cancel()
        return self.moments[-1]

    # What a notifier needs of an event store

    async def append(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        await self._store.append(stream, events, expected=expected)
        await self._keep_moment((stream, expected))

    async def consume(self, stream: str, **_: object) -> AsyncGenerator[Delivery, None]:
        events = [event for event in self._unsettled.values() if f"$ce-{_category(event)}" == stream]
        if self.seed is not None:
            random.Random(self.seed).shuffle(events)  # noqa: S311 — no secret
        for event in events:
            if self.seed is None:
                async with self._changed:
                    await self._changed.wait_for(partial(self._is_next, event))
            yield Delivery(event, partial(self._settle, event), _nothing_fails, _nothing_fails)
        await asyncio.Event().wait()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    # How it brings messages

    def noting(self, _: Sender[Any]) -> Sender[Any]:
        """In place of the sender: everybody hears at once."""
        return _Noting(self)

    def watching(self, sender: Sender[Any]) -> Sender[Any]:
        """The sender, and what is heard of it."""
        return _Watching(self, sender)

    async def note(self, message_id: str, *heard: Heard) -> None:
        """A message has been sent, and this was heard meanwhile."""
        await self._keep_moment(message_id, *heard)

    async def _settle(self, event: RecordedEvent) -> None:
        del self._unsettled[event.id]
        await self._keep_moment(event.id)

    async def _keep_moment(self, change: Change, *heard: Heard) -> None:
        if self.killed:
            await asyncio.Event().wait()
        before = self.moments[-1]
        settled = {event.id for event in self._store.everything} - self._unsettled.keys()
        async with self._changed:
            self.moments.append(Moment(tuple(self._store.everything), frozenset(settled), (*before.heard, *heard)))
            self.killed = self.is_killed_after(change)
            self._changed.notify_all()

    def _is_next(self, event: RecordedEvent) -> bool:
        return next(iter(self._unsettled.values())) is event and not self.due.waiting()

    def _rests(self) -> bool:
        return not self._unsettled and not self.due.waiting()


@dataclass(frozen=True)
class _Noting:
    surroundings: Surroundings

    async def send(self, message: Message, target: Any) -> Outcome:  # noqa: ARG002 — whoever it is
        await self.surroundings.note(message.id, Heard(message.id, message))
        return Sent("noted")


@dataclass(frozen=True)
class _Watching:
    surroundings: Surroundings
    sender: Sender[Any]

    async def send(self, message: Message, target: Any) -> Outcome:
        outcome = await self.sender.send(message, target)
        await self.surroundings.note(message.id, *self.surroundings.hear())
        return outcome


async def _nothing_fails() -> None:
    raise AssertionError("an event was put back or set aside")


def _category(event: RecordedEvent) -> str:
    return event.stream.partition("-")[0]


def _state(store: RememberingStore, stream: str) -> DeliveryState:
    return DELIVERIES.fold([decode(event, DELIVERIES.events) for event in store.events(stream)])
