"""The customer is back from the provider. That they are says nothing of the money: it is a reason to ask."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from app.domain.payment.model import NotInitiated, PaymentStatus, RequestLookUp, status_of
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import PAYMENTS, load, transact


@dataclass(frozen=True, slots=True)
class Returned:
    """Where a payment stands for its customer, and where the merchant wants the customer to go, None for nowhere."""

    status: PaymentStatus
    shop: str | None


@dataclass(frozen=True)
class Returns:
    """Receives customers."""

    store: EventStore
    clock: Callable[[], datetime]

    async def arrived(self, payment_id: str) -> Returned | None:
        """Have the provider asked soon; None when there is no such payment. Raises `StoreUnavailable`."""
        known = await load(self.store, PAYMENTS, payment_id)
        if isinstance(known.state, NotInitiated):
            return None
        command = RequestLookUp("return_page", self.clock())
        outcome = await transact(self.store, PAYMENTS, payment_id, command, new_cause(payment_id), known=known)
        state = outcome.history.state
        if isinstance(state, NotInitiated):
            return None
        return Returned(status_of(state), _with_payment(state.terms.return_url, payment_id))


def _with_payment(address: str | None, payment_id: str) -> str | None:
    """The merchant's address, told which payment it is about."""
    if address is None:
        return None
    parts = urlsplit(address)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("payment_id", payment_id)]
    return urlunsplit(parts._replace(query=urlencode(query)))
