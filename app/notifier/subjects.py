"""Payments and orders as what others are told of: their visible changes, and each change as a message."""

from dataclasses import dataclass

from app.domain.delivery.events import SubjectKind
from app.domain.delivery.model import Address, Change, OwedMessage
from app.domain.event_types import event_type
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS, load
from app.notifier.port import Message
from projections.fold import order_updates, payment_updates
from projections.views import View


class NothingToTell(Exception):
    """A delivery names a version at which its payment or order shows nothing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A payment or order of a merchant, with every change of it that can be seen, in order."""

    kind: SubjectKind
    id: str
    merchant_id: str
    changes: tuple[Change, ...]


def kind_and_id(stream: str) -> tuple[SubjectKind, str]:
    """Whose stream it is: that of a payment or that of an order."""
    if stream.startswith(f"{PAYMENTS.category}-"):
        return "payment", PAYMENTS.entity_id(stream)
    return "order", ORDERS.entity_id(stream)


async def subject_of(store: EventStore, kind: SubjectKind, subject_id: str) -> Subject | None:
    """The payment or order as it stands. Raises `StoreUnavailable`, `UnreadableEvent`."""
    view = await _view(store, kind, subject_id, None)
    if view is None:
        return None
    changes = tuple(Change(step.version, event_type(kind, step.status), step.at) for step in view.history)
    return Subject(kind, subject_id, view.merchant_id, changes)


async def message_of(store: EventStore, address: Address, owed: OwedMessage) -> Message:
    """The message with its content, as of its version. Raises `NothingToTell` and as `subject_of` does."""
    view = await _view(store, address.subject_kind, address.subject, owed.version)
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


async def _view(store: EventStore, kind: SubjectKind, subject_id: str, version: int | None) -> View | None:
    upto = None if version is None else version + 1
    if kind == "payment":
        payment, _ = payment_updates((await load(store, PAYMENTS, subject_id)).events[:upto])
        return payment.view if payment else None
    order, _ = order_updates((await load(store, ORDERS, subject_id)).events[:upto])
    return order.view if order else None
