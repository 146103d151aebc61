"""Payments and orders as they were after each of their events: what there is to tell, and the messages that tell it.

The ones in use are remembered, so their events cost no read, and neither does a message about what was just met.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from app.domain.delivery.events import SubjectKind
from app.domain.delivery.model import Address, OwedMessage
from app.domain.order.evolve import ImpossibleOrderHistory
from app.domain.payment.evolve import ImpossibleHistory
from app.eventstore.codec import UnreadableEvent, decode
from app.eventstore.port import EventStore, RecordedEvent
from app.eventstore.transact import ORDERS, PAYMENTS, Kind
from app.notifier.port import Message
from projections.fold import FoldedOrder, FoldedPayment, fold_order, fold_payment
from projections.folds import UnfoldableEvent
from projections.views import Update, View

_REMEMBERED = 2_000

Event = TypeVar("Event", bound=BaseModel)
Folded = TypeVar("Folded", bound=FoldedPayment | FoldedOrder)


class NothingToTell(Exception):
    """A delivery names a version at which its payment or order shows nothing."""


@dataclass
class _Past(Generic[Folded]):
    """One stream: `views[n]` is what clients see after event n, as it last changed; `last` is folded up to the end."""

    views: list[View] = field(default_factory=list)
    last: Folded | None = None


@dataclass
class _Pasts(Generic[Event, Folded]):
    """The streams of one category."""

    store: EventStore
    kind: Kind[Event, Any, Any]
    fold: Callable[[Folded | None, int, Event], tuple[Folded, Update | None]]
    _remembered: "OrderedDict[str, _Past[Folded]]" = field(default_factory=OrderedDict)

    async def view_after(self, event: RecordedEvent) -> View | None:
        entity_id = self.kind.entity_id(event.stream)
        past = self._past(entity_id)
        if event.revision == len(past.views):
            self._take(past, event)
        return await self.view_at(entity_id, event.revision)

    async def view_at(self, entity_id: str, revision: int) -> View | None:
        """None when the stream ends before."""
        past = self._past(entity_id)
        if revision >= len(past.views):
            await self._read_on(past, self.kind.stream(entity_id), revision)
        return past.views[revision] if revision < len(past.views) else None

    async def _read_on(self, past: _Past[Folded], stream: str, wanted: int) -> None:
        for event in await self.store.read(stream, after=len(past.views) - 1):
            # Somebody else may have read on meanwhile.
            if event.revision == len(past.views):
                try:
                    self._take(past, event)
                except (UnreadableEvent, UnfoldableEvent):
                    if event.revision <= wanted:
                        raise
                    return

    def _take(self, past: _Past[Folded], recorded: RecordedEvent) -> None:
        event = decode(recorded, self.kind.events)
        try:
            past.last, _ = self.fold(past.last, recorded.revision, event)
        except (ImpossibleHistory, ImpossibleOrderHistory) as fault:
            raise UnfoldableEvent(f"{recorded.stream}@{recorded.revision}: {fault}") from fault
        view = past.last.view
        past.views.append(view if view.changed == recorded.revision else past.views[-1])

    def _past(self, entity_id: str) -> _Past[Folded]:
        past = self._remembered.setdefault(entity_id, _Past())
        self._remembered.move_to_end(entity_id)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return past


class Subjects:
    """What deliveries are about. Raises `StoreUnavailable`, `UnreadableEvent` and `UnfoldableEvent`."""

    def __init__(self, store: EventStore) -> None:
        self._payments = _Pasts(store, PAYMENTS, fold_payment)
        self._orders = _Pasts(store, ORDERS, fold_order)

    async def changed_by(self, event: RecordedEvent) -> tuple[SubjectKind, View] | None:
        """The payment or order as of an event of it; None when the event changes nothing a client can see."""
        kind: SubjectKind = "payment" if event.stream.startswith(f"{PAYMENTS.category}-") else "order"
        view = await (self._payments if kind == "payment" else self._orders).view_after(event)
        if view is None:
            raise UnfoldableEvent(f"{event.stream} ends before {event.revision}")
        return (kind, view) if view.changed == event.revision else None

    async def message_of(self, address: Address, owed: OwedMessage) -> Message:
        """The message as of its version, the same whenever it is asked for. Raises `NothingToTell` too."""
        pasts = self._payments if address.subject_kind == "payment" else self._orders
        view = await pasts.view_at(address.subject, owed.version)
        if view is None or view.changed != owed.version:
            raise NothingToTell(f"{address.subject} shows nothing at {owed.version}")
        return Message(
            id=owed.message_id,
            subject_kind=address.subject_kind,
            subject=address.subject,
            version=owed.version,
            type=owed.type,
            occurred_at=owed.occurred_at,
            view=view,
        )
