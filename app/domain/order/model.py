"""Where an order can stand, and what can be asked of it: types only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.order.events import OrderPlaced


class OrderStatus(StrEnum):
    """The status as clients see it."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        """Whether a subscription completes here."""
        return self is not OrderStatus.PENDING


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """No event yet."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Placed and not yet paid; `payment_id` is the payment under way, None between payments."""

    terms: OrderPlaced
    payment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Paid."""

    terms: OrderPlaced
    payment_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Ended without money: it could not be paid."""

    terms: OrderPlaced
    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Ended without money: called off. `payment_id` is the payment that was under way and has to be undone."""

    terms: OrderPlaced
    payment_id: str | None


Placed = Pending | Confirmed | Rejected | Cancelled
OrderState = NotPlaced | Placed


def status_of(state: Placed) -> OrderStatus:
    """The status a client sees for a state."""
    return _STATUS_BY_STATE[type(state)]


_STATUS_BY_STATE: dict[type[Placed], OrderStatus] = {
    Pending: OrderStatus.PENDING,
    Confirmed: OrderStatus.CONFIRMED,
    Rejected: OrderStatus.REJECTED,
    Cancelled: OrderStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Begin an order; the event it becomes is the command's whole content."""

    terms: OrderPlaced


@dataclass(frozen=True, slots=True)
class StartPayment:
    """Pay the order by this payment."""

    payment_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EndPayment:
    """The payment ended without money."""

    payment_id: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Confirm:
    """The payment's money is safe."""

    payment_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reject:
    """End the order unpaid."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Cancel:
    """Call the order off."""

    at: datetime
    reason: str | None = None


OrderCommand = Place | StartPayment | EndPayment | Confirm | Reject | Cancel
