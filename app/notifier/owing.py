"""From an event of a payment or order to what is owed to whom."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.delivery.events import SubjectKind
from app.domain.delivery.model import Address, Change, Owe
from app.domain.event_types import event_type
from app.eventstore.codec import causation_of
from app.eventstore.port import EventStore, RecordedEvent
from app.eventstore.transact import DELIVERIES, PAYMENTS, transact
from app.notifier.port import Channel, Interest
from projections.folds import Folds, order_folds, payment_folds
from projections.views import View

_REMEMBERED = 2_000


def delivery_id_of(target_id: str, subject: str) -> str:
    """What the stream of a target's messages about one payment or order is called."""
    return f"{target_id}.{subject}"


@dataclass(frozen=True)
class Duties:
    """What the targets of a channel are owed. Payments and orders in use are remembered: their events cost no read."""

    store: EventStore
    channel: Channel[Any]
    clock: Callable[[], datetime]
    payments: Folds[Any, Any]
    orders: Folds[Any, Any]

    @classmethod
    def of(cls, store: EventStore, channel: Channel[Any], clock: Callable[[], datetime]) -> "Duties":
        """With nothing remembered yet."""
        payments, orders = payment_folds(store, _REMEMBERED), order_folds(store, _REMEMBERED)
        return cls(store, channel, clock, payments, orders)

    async def after(self, event: RecordedEvent) -> list[Address]:
        """Write down what follows from `event`; those who are owed anything about its payment or order.

        Events come in any order and more than once: all that is owed up to each of them is written with it. Raises
        `StoreUnavailable`, `WrongRevision`, `UnreadableEvent` and `UnfoldableEvent`; to try again is safe.
        """
        kind: SubjectKind = "payment" if event.stream.startswith(f"{PAYMENTS.category}-") else "order"
        subject, folded, update = await (self.payments if kind == "payment" else self.orders).take(event)
        if update is None:
            return []
        view: View = folded.view
        interested = await self.channel.directory.interested(view)
        changes = tuple(Change(step.version, event_type(kind, step.status), step.at) for step in view.history)
        owed = []
        for interest in interested:
            address = Address(self.channel.name, interest.target_id, view.merchant_id, kind, subject)
            command = Owe(address, _wanted(changes, interest), self.clock())
            if command.changes:
                delivery_id = delivery_id_of(interest.target_id, subject)
                await transact(self.store, DELIVERIES, delivery_id, command, causation_of(event))
                owed.append(address)
        return owed


def _wanted(changes: tuple[Change, ...], interest: Interest) -> tuple[Change, ...]:
    news = (change for change in changes if change.version > interest.since)
    return tuple(change for change in news if interest.wants(change.type, change.occurred_at))
