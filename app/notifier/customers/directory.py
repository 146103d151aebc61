"""The customers that one channel can tell of a payment or order: what is kept of them, opened when it is needed.

Whoever is to be told of an order is told too when its payment needs them, or when money comes back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from app.access.vault import CUSTOMER_ADDRESSES, Unsealable, Vault
from app.domain.contact.events import ContactAdded, Locale
from app.domain.contact.model import Contacts, RemoveContact
from app.domain.delivery.model import Address
from app.domain.event_types import event_type
from app.domain.ids import is_order_id
from app.domain.order.model import NotPlaced
from app.domain.payment.model import NotInitiated
from app.eventstore.codec import new_cause
from app.eventstore.port import NO_STREAM, EventStore
from app.eventstore.transact import CONTACTS, ORDERS, PAYMENTS, load, transact
from app.notifier.customers.text import TOLD, TOLD_TO_ORDERS
from app.notifier.port import Interest, Off, Ready, Removed
from projections.views import PaymentView, View


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody to tell, in their language, at an address of the channel's kind."""

    address: SecretStr
    locale: Locale


@dataclass(frozen=True)
class CustomerDirectory:
    """The contacts of a channel; `chosen` are those among all that there are."""

    store: EventStore
    vault: Vault
    chosen: Callable[[Contacts], Sequence[ContactAdded]]

    async def interested(self, view: View) -> Sequence[Interest]:
        """Those who may want to be told. Raises `StoreUnavailable` and `UnreadableEvent`."""
        if not _tells_anything(view, TOLD):
            # Most of a payment's changes come before the first that customers are told of: they cost no read.
            return []
        interests = [_interest(contact) for contact in await self._contacts(view.id)]
        named = view.order_id if isinstance(view, PaymentView) and _tells_anything(view, TOLD_TO_ORDERS) else None
        order_id = await self._placed_here(view.merchant_id, named)
        if order_id is not None:
            interests += [_interest_in_payment(contact) for contact in await self._contacts(order_id)]
        return interests

    async def find(self, address: Address) -> Ready[Customer] | Off | Removed:
        """Where a customer stands now. Raises `StoreUnavailable` and `UnreadableEvent`."""
        where = await self._whose(address)
        if where is None:
            return Removed("is not to be told any more")
        _, contact = where
        try:
            return Ready(Customer(self.vault.unseal(contact.sealed_address, CUSTOMER_ADDRESSES), contact.locale))
        except Unsealable as fault:
            return Removed(str(fault))

    async def switch_off(self, address: Address, reason: str, at: datetime) -> bool:
        """Tell a customer no more; whether they were told until now. Raises `StoreUnavailable`."""
        where = await self._whose(address)
        if where is None:
            return False
        subject, contact = where
        command = RemoveContact(contact.contact_id, "gone", at, reason)
        outcome = await transact(self.store, CONTACTS, subject, command, new_cause(subject))
        return bool(outcome.appended)

    async def _whose(self, address: Address) -> tuple[str, ContactAdded] | None:
        """The contact, and the payment or order that it is kept under."""
        contact = await self._contact(address.subject, address.target_id)
        if contact is not None:
            return address.subject, contact
        payment = (await load(self.store, PAYMENTS, address.subject)).state
        named = None if isinstance(payment, NotInitiated) else payment.terms.order_id
        order_id = await self._placed_here(address.merchant_id, named)
        contact = None if order_id is None else await self._contact(order_id, address.target_id)
        return None if order_id is None or contact is None else (order_id, contact)

    async def _contact(self, subject: str, contact_id: str) -> ContactAdded | None:
        return next((each for each in await self._contacts(subject) if each.contact_id == contact_id), None)

    async def _contacts(self, subject: str) -> Sequence[ContactAdded]:
        return self.chosen((await load(self.store, CONTACTS, subject)).state)

    async def _placed_here(self, merchant_id: str, order_id: str | None) -> str | None:
        if order_id is None or not is_order_id(order_id):
            return None
        # It may be the merchant's own name for something, and the same as that of another merchant's order here.
        order = (await load(self.store, ORDERS, order_id)).state
        return None if isinstance(order, NotPlaced) or order.terms.merchant_id != merchant_id else order_id


def _tells_anything(view: View, told: frozenset[str]) -> bool:
    if isinstance(view, PaymentView):
        return any(event_type("payment", step.status) in told for step in view.history)
    return any(event_type("order", step.status) in told for step in view.history)


def _interest(contact: ContactAdded) -> Interest:
    return Interest(contact.contact_id, lambda kind, _: kind in TOLD, contact.since)


def _interest_in_payment(contact: ContactAdded) -> Interest:
    """Of whoever follows its order: what they knew when they asked is a version of the order, none of the payment."""
    from_the_start = contact.since == NO_STREAM
    return Interest(
        contact.contact_id, lambda kind, at: kind in TOLD_TO_ORDERS and (from_the_start or at >= contact.at)
    )
