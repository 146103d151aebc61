"""Where an order can stand, and what can be asked of it: types only."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.order.events import OrderPlaced
from app.domain.payment.events import PaymentInitiated


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


class AttemptStatus(StrEnum):
    """What became of one payment of an order, as the order has written it down."""

    OPEN = "OPEN"
    """Begun, and no outcome yet."""
    ENDED = "ENDED"
    """Ended without money."""
    PAID = "PAID"
    """Its money is the order's."""
    REFUSED = "REFUSED"
    """Its money is not the order's and is on its way back."""
    RETURNED = "RETURNED"
    """What it held or took has been given back."""
    STUCK = "STUCK"
    """What it holds or took could not be given back; people have to look."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One payment of an order; `terms` is how it begins."""

    payment_id: str
    terms: PaymentInitiated | None = None
    status: AttemptStatus = AttemptStatus.OPEN


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """No event yet."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Placed and not paid yet."""

    terms: OrderPlaced
    attempts: tuple[Attempt, ...] = ()

    @property
    def under_way(self) -> Attempt | None:
        """The payment of which no outcome is known; None between payments."""
        return next((attempt for attempt in self.attempts if attempt.status is AttemptStatus.OPEN), None)


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Paid, by the payment `payment_id`."""

    terms: OrderPlaced
    attempts: tuple[Attempt, ...]
    payment_id: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Ended without money: it was not paid."""

    terms: OrderPlaced
    attempts: tuple[Attempt, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Ended without money: called off. A payment that was under way is undone."""

    terms: OrderPlaced
    attempts: tuple[Attempt, ...]
    reason: str | None


Ended = Confirmed | Rejected | Cancelled
Placed = Pending | Ended
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


def attempt_of(state: Placed, payment_id: str) -> Attempt | None:
    """What is known of one of the order's payments; None for a payment that is not the order's."""
    return next((attempt for attempt in state.attempts if attempt.payment_id == payment_id), None)


@dataclass(frozen=True, slots=True)
class Place:
    """Begin an order and its first payment; the events they become are the command's whole content."""

    terms: OrderPlaced
    payment: PaymentInitiated


@dataclass(frozen=True, slots=True)
class StartPayment:
    """Try another payment."""

    payment: PaymentInitiated
    at: datetime


@dataclass(frozen=True, slots=True)
class Cancel:
    """Call the order off."""

    at: datetime
    reason: str | None = None


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
class RefusePayment:
    """The payment took money for an order that has ended without it."""

    payment_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordReturn:
    """All that the payment held or took has been given back."""

    payment_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordFailedReturn:
    """What the payment holds or took could not be given back."""

    payment_id: str
    at: datetime


Finding = EndPayment | Confirm | Reject | RefusePayment | RecordReturn | RecordFailedReturn
"""What the process manager has found out about an order's payments."""

OrderCommand = Place | StartPayment | Cancel | Finding
