"""The input types of the schema. What their fields may hold is checked by `app.gateway.requests`."""

from enum import Enum

import strawberry
from strawberry.scalars import JSON

from app.domain.payment.events import CaptureMode


@strawberry.enum(description="What a mutation's answer waits for.")
class WaitFor(Enum):
    """What a mutation's answer waits for."""

    ACTION_OR_FINAL = "ACTION_OR_FINAL"
    FINAL = "FINAL"


@strawberry.input(description="A card, by the provider's one-time token; never a card number.")
class CardInput:
    """A card."""

    token: str
    provider: str | None = "sandbox"


@strawberry.input(description="A wallet the customer is sent to.")
class RedirectInput:
    """A wallet."""

    provider: str


@strawberry.input(description="A QR code or bank transfer.")
class QrInput:
    """A QR code."""

    provider: str


@strawberry.input(one_of=True, description="How to pay: exactly one.")
class PaymentMethodInput:
    """How to pay."""

    card: strawberry.Maybe[CardInput]
    redirect: strawberry.Maybe[RedirectInput]
    qr: strawberry.Maybe[QrInput]


@strawberry.input(description="Whom to tell by mail of what becomes of it.")
class NotifyInput:
    """Whom to tell."""

    email: str = strawberry.field(description="Kept sealed; no answer and no log line has it.")
    locale: str | None = strawberry.field(default="en", description="`en` or `vi`, with or without a region.")


@strawberry.input(description="One line of an order.")
class OrderItemInput:
    """One line of an order."""

    sku: str
    quantity: int
    unit_amount: int = strawberry.field(description="Of one piece, in the currency's minor unit.")
    currency: str | None = strawberry.field(default=strawberry.UNSET, description="The order's, if given.")
    name: str | None = strawberry.UNSET


@strawberry.input(description="An order to place. The same `idempotencyKey` always means the same order.")
class PlaceOrderInput:
    """An order to place."""

    idempotency_key: str
    items: list[OrderItemInput]
    total: int = strawberry.field(description="The sum of the items, in the currency's minor unit.")
    currency: str = strawberry.field(description="ISO 4217, such as EUR.")
    method: PaymentMethodInput
    description: str | None = strawberry.UNSET
    return_url: str | None = strawberry.UNSET
    expires_in: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="Seconds in which it may be paid, by one payment after another (`initiatePayment` with `orderId`); "
        "without it an order whose payment fails is rejected at once.",
    )
    wait_for: WaitFor | None = strawberry.field(
        default=strawberry.UNSET, description="Hold the answer until the payment needs the customer or all is final."
    )
    timeout_ms: int | None = strawberry.field(
        default=strawberry.UNSET, description="How long to hold the answer at most."
    )
    metadata: JSON | None = strawberry.UNSET
    notify: NotifyInput | None = strawberry.UNSET


@strawberry.input(description="An order to call off.")
class CancelOrderInput:
    """An order to call off."""

    order_id: strawberry.ID
    reason: str | None = strawberry.UNSET


@strawberry.input(description="A payment to begin. The same `idempotencyKey` always means the same payment.")
class InitiatePaymentInput:
    """A payment to begin."""

    idempotency_key: str
    amount: int = strawberry.field(description="In the currency's minor unit.")
    currency: str = strawberry.field(description="ISO 4217, such as EUR.")
    method: PaymentMethodInput
    order_id: strawberry.ID | None = strawberry.UNSET
    description: str | None = strawberry.UNSET
    return_url: str | None = strawberry.UNSET
    capture: CaptureMode | None = CaptureMode.AUTOMATIC
    expires_in: int | None = strawberry.field(default=strawberry.UNSET, description="Seconds.")
    wait_for: WaitFor | None = strawberry.field(
        default=strawberry.UNSET, description="Hold the answer until the payment needs the customer or is final."
    )
    timeout_ms: int | None = strawberry.field(
        default=strawberry.UNSET, description="How long to hold the answer at most."
    )
    metadata: JSON | None = strawberry.UNSET
    notify: NotifyInput | None = strawberry.UNSET


@strawberry.input(description="Held funds to take: all of them, or `amount`.")
class CapturePaymentInput:
    """Held funds to take."""

    payment_id: strawberry.ID
    amount: int | None = strawberry.UNSET


@strawberry.input(description="A payment to call off.")
class CancelPaymentInput:
    """A payment to call off."""

    payment_id: strawberry.ID
    reason: str | None = strawberry.UNSET


@strawberry.input(
    description="Money to give back: what is left, or `amount`. The same key always means the same refund."
)
class RefundPaymentInput:
    """Money to give back."""

    payment_id: strawberry.ID
    idempotency_key: str
    amount: int | None = strawberry.UNSET
    reason: str | None = strawberry.UNSET
