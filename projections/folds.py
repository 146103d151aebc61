"""Streams as far as they are folded.

The ones in use are remembered, so an event costs no read; for the others the fold begins with the stream itself.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.evolve import ImpossibleDeliveryHistory
from app.domain.order.events import OrderEvent
from app.domain.order.evolve import ImpossibleOrderHistory
from app.domain.payment.events import PaymentEvent
from app.domain.payment.evolve import ImpossibleHistory
from app.eventstore.codec import decode
from app.eventstore.port import EventStore, RecordedEvent
from app.eventstore.transact import DELIVERIES, ORDERS, PAYMENTS, Kind
from projections.fold import (
    FoldedDeliveries,
    FoldedOrder,
    FoldedPayment,
    fold_deliveries,
    fold_order,
    fold_payment,
)
from projections.views import Update

REMEMBERED = 20_000
"""How many streams are remembered when nothing else is said."""

Event = TypeVar("Event", bound=BaseModel)
Folded = TypeVar("Folded", bound=FoldedPayment | FoldedOrder | FoldedDeliveries)


class UnfoldableEvent(Exception):
    """An event that does not follow from the ones before it."""


@dataclass
class Folds(Generic[Event, Folded]):
    """The streams of one category."""

    store: EventStore
    kind: Kind[Event, Any, Any]
    fold: Callable[[Folded | None, int, Event], tuple[Folded, Update | None]]
    remembered: int = REMEMBERED
    _remembered: "OrderedDict[str, Folded]" = field(default_factory=OrderedDict)

    async def take(self, recorded: RecordedEvent) -> tuple[str, Folded, Update | None]:
        """Fold one event in; the id of its payment or order, where that now stands, and the update, if any.

        Raises `UnreadableEvent` and `UnfoldableEvent`; then nothing has changed. They are raised for every later event
        of the stream too, as nobody can say where it stands.
        """
        entity_id = self.kind.entity_id(recorded.stream)
        before = self._remembered.get(entity_id)
        if recorded.revision == 0:
            before = None
        elif before is None or before.view.version != recorded.revision - 1:
            before = await self._fold_before(recorded)
        folded, update = self._step(before, recorded)
        self._remember(entity_id, folded)
        return entity_id, folded, update

    async def _fold_before(self, recorded: RecordedEvent) -> Folded | None:
        folded: Folded | None = None
        for event in await self.store.read(recorded.stream):
            if event.revision < recorded.revision:
                folded, _ = self._step(folded, event)
        return folded

    def _step(self, before: Folded | None, recorded: RecordedEvent) -> tuple[Folded, Update | None]:
        event = decode(recorded, self.kind.events)
        try:
            return self.fold(before, recorded.revision, event)
        except (ImpossibleHistory, ImpossibleOrderHistory, ImpossibleDeliveryHistory) as fault:
            raise UnfoldableEvent(f"{recorded.stream}@{recorded.revision}: {fault}") from fault

    def _remember(self, entity_id: str, folded: Folded) -> None:
        self._remembered[entity_id] = folded
        self._remembered.move_to_end(entity_id)
        if len(self._remembered) > self.remembered:
            self._remembered.popitem(last=False)


def payment_folds(store: EventStore, remembered: int = REMEMBERED) -> Folds[PaymentEvent, FoldedPayment]:
    """No payment remembered yet."""
    return Folds(store, PAYMENTS, fold_payment, remembered)


def order_folds(store: EventStore, remembered: int = REMEMBERED) -> Folds[OrderEvent, FoldedOrder]:
    """No order remembered yet."""
    return Folds(store, ORDERS, fold_order, remembered)


def delivery_folds(store: EventStore) -> Folds[DeliveryEvent, FoldedDeliveries]:
    """Nothing remembered yet of what is owed to anybody."""
    return Folds(store, DELIVERIES, fold_deliveries)
