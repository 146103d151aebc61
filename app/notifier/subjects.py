"""A change of a payment or order as a message, with its content."""

from app.domain.delivery.model import Address, OwedMessage
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS, load
from app.notifier.port import Message
from projections.fold import order_updates, payment_updates
from projections.views import View


class NothingToTell(Exception):
    """A delivery names a version at which its payment or order shows nothing."""


async def message_of(store: EventStore, address: Address, owed: OwedMessage) -> Message:
    """The message as of its version. Raises `NothingToTell`, `StoreUnavailable` and `UnreadableEvent`."""
    view = await _view(store, address, owed.version)
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


async def _view(store: EventStore, address: Address, version: int) -> View | None:
    if address.subject_kind == "payment":
        payment, _ = payment_updates((await load(store, PAYMENTS, address.subject)).events[: version + 1])
        return payment.view if payment else None
    order, _ = order_updates((await load(store, ORDERS, address.subject)).events[: version + 1])
    return order.view if order else None
