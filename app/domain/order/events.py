"""What can have happened to an order. Stored for ever: see `app.domain.payment.events`."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from app.domain.payment.events import PaymentInitiated


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class OrderItem(_Stored):
    """One line of an order; `unit_amount` in minor units."""

    sku: str
    quantity: int
    unit_amount: int
    name: str | None = None


class OrderPlaced(_Stored):
    """A customer ordered; `total` in minor units is the sum over the items.

    `expires_at`: until when it may be paid, by one attempt after another; without it the first failure rejects it.
    """

    order_id: str
    merchant_id: str
    idempotency_key: str
    fingerprint: str
    items: tuple[OrderItem, ...]
    total: int
    currency: str
    description: str | None = None
    metadata: dict[str, JsonValue] = {}
    expires_at: datetime | None = None
    at: datetime


class OrderPaymentStarted(_Stored):
    """A payment for the whole order is to be begun, as `terms` says; one at a time."""

    payment_id: str
    terms: PaymentInitiated | None = None
    """All of the payment's first event, so that anyone can begin it; none in events from before it was kept."""
    at: datetime


class OrderPaymentEnded(_Stored):
    """The payment under way ended without money; another may be begun."""

    payment_id: str
    reason: str
    at: datetime


class OrderConfirmed(_Stored):
    """The order's money is safe."""

    payment_id: str
    at: datetime


class OrderRejected(_Stored):
    """The order was not paid, and will not be."""

    reason: str
    at: datetime


class OrderCancelled(_Stored):
    """The order was called off before it was confirmed."""

    reason: str | None = None
    at: datetime


class OrderPaymentRefused(_Stored):
    """A payment took money for an order that has ended without it: the money is to be given back."""

    payment_id: str
    reason: Literal["CANCELLED", "REJECTED", "ALREADY_PAID"]
    at: datetime


class OrderPaymentReturned(_Stored):
    """All that a payment held or took has been given back."""

    payment_id: str
    at: datetime


class OrderReturnFailed(_Stored):
    """What a payment holds or took could not be given back. People have to look."""

    payment_id: str
    at: datetime


OrderEvent = (
    OrderPlaced
    | OrderPaymentStarted
    | OrderPaymentEnded
    | OrderConfirmed
    | OrderRejected
    | OrderCancelled
    | OrderPaymentRefused
    | OrderPaymentReturned
    | OrderReturnFailed
)
