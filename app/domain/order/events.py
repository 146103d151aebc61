"""What can have happened to an order. Stored for ever: see `app.domain.payment.events`."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class OrderItem(_Stored):
    """One line of an order; `unit_amount` in minor units."""

    sku: str
    quantity: int
    unit_amount: int
    name: str | None = None


class OrderPlaced(_Stored):
    """A customer ordered; `total` in minor units is the sum over the items."""

    order_id: str
    merchant_id: str
    idempotency_key: str
    fingerprint: str
    items: tuple[OrderItem, ...]
    total: int
    currency: str
    at: datetime


class OrderPaymentStarted(_Stored):
    """A payment for the whole order was begun; one at a time."""

    payment_id: str
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
    """The order could not be paid."""

    reason: str
    at: datetime


class OrderCancelled(_Stored):
    """The order was called off before it was confirmed."""

    reason: str | None = None
    at: datetime


OrderEvent = OrderPlaced | OrderPaymentStarted | OrderPaymentEnded | OrderConfirmed | OrderRejected | OrderCancelled
