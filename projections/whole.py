"""A whole stream folded: what the read model should hold of one payment or order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.order.events import OrderEvent
from app.domain.order.evolve import ImpossibleOrderHistory
from app.domain.order.next_action import due_at as order_due_at
from app.domain.payment.events import PaymentEvent
from app.domain.payment.evolve import ImpossibleHistory
from app.domain.payment.next_action import Policy, due_at
from app.eventstore.codec import UnreadableEvent
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS, load
from projections.fold import order_updates, payment_updates
from projections.names import Topic
from projections.views import View


class UnreadableStream(Exception):
    """A stream with an event that cannot be read, or does not follow from those before it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What a stream folds to; `due` is when somebody has to look at it."""

    topic: Topic
    view: View
    due: datetime | None = None


def whole_payment(events: Sequence[PaymentEvent], policy: Policy) -> Whole | None:
    """None when there are no events. Raises `UnreadableStream`."""
    try:
        folded, _ = payment_updates(events)
    except ImpossibleHistory as fault:
        raise UnreadableStream(str(fault)) from fault
    if folded is None:
        return None
    return Whole(Topic("payment", folded.view.id), folded.view, due_at(folded.state, folded.at, policy))


def whole_order(events: Sequence[OrderEvent], policy: Policy) -> Whole | None:
    """None when there are no events. Raises `UnreadableStream`."""
    try:
        folded, _ = order_updates(events)
    except ImpossibleOrderHistory as fault:
        raise UnreadableStream(str(fault)) from fault
    if folded is None:
        return None
    due = order_due_at(folded.state, folded.at, policy.order_patience)
    return Whole(Topic("order", folded.view.id), folded.view, due)


async def read_whole(store: EventStore, topic: Topic, policy: Policy) -> Whole | None:
    """None when there is no such stream. Raises `UnreadableStream` and `StoreUnavailable`."""
    try:
        if topic.kind == "order":
            return whole_order((await load(store, ORDERS, topic.id)).events, policy)
        return whole_payment((await load(store, PAYMENTS, topic.id)).events, policy)
    except (UnreadableEvent, ImpossibleHistory, ImpossibleOrderHistory) as fault:
        raise UnreadableStream(str(fault)) from fault
