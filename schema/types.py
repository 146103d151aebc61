"""The object types of the schema. Docs on fields become descriptions in GraphiQL."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import segno
import strawberry
from strawberry.scalars import JSON

from app.domain.money import Money as DomainMoney
from app.domain.payment.events import CaptureMode
from app.domain.payment.model import PaymentStatus
from app.live.hub import Delivery

strawberry.enum(PaymentStatus, description="Where a payment stands.")
strawberry.enum(Delivery, description="What becomes of changes for which you are too slow.")
strawberry.enum(CaptureMode, description="Whether held funds are taken at once or when the merchant says so.")


@strawberry.enum(description="The ways of paying.")
class PaymentMethodKind(Enum):
    """The ways of paying."""

    CARD = "card"
    REDIRECT = "redirect"
    QR = "qr"


@strawberry.interface(description="Something with an id.")
class Node:
    """Something with an id."""

    id: strawberry.ID


@strawberry.type(description="An amount in the currency's minor unit: 4999 EUR is 49.99 euro, 4999 VND is 4999 đồng.")
class Money:
    """An amount of money."""

    amount: int
    currency: str

    @strawberry.field(description="For people: `49.99 EUR`.")
    def formatted(self) -> str:
        """The amount with its decimal point."""
        return str(DomainMoney(self.amount, self.currency))


@strawberry.type(description="How the customer pays.")
class PaymentMethod:
    """How the customer pays."""

    kind: PaymentMethodKind
    provider: str


@strawberry.type(description="Send the customer to `url`.")
class RedirectAction:
    """Send the customer to a wallet."""

    url: str


@strawberry.type(description="Let the customer authenticate with the card's bank at `url`.")
class CardAuthenticationAction:
    """Send the customer to the card's bank."""

    url: str


@strawberry.type(description="Show `payload` as a QR code.")
class QrAction:
    """Show a QR code."""

    payload: str

    @strawberry.field(description="The QR code, as an SVG image.")
    def svg(self) -> str:
        """The payload as a picture."""
        return segno.make(self.payload, error="m", micro=False).svg_inline(scale=4)


PaymentAction = Annotated[
    RedirectAction | QrAction | CardAuthenticationAction,
    strawberry.union("PaymentAction", description="What the customer has to do."),
]


@strawberry.type(description="Why a payment failed.")
class PaymentFailure:
    """Why a payment failed."""

    code: str
    message: str
    retryable: bool = strawberry.field(description="Whether another attempt, as another payment, may succeed.")


@strawberry.type(description="A change of the payment that a client could see.")
class PaymentTransition:
    """One step of a payment's history."""

    version: int
    status: PaymentStatus
    at: datetime
    detail: str | None


@strawberry.type(description="A payment as of `version`.")
class Payment(Node):
    """A payment."""

    id: strawberry.ID
    status: PaymentStatus
    version: int = strawberry.field(description="The revision of the last event folded in; what `after` takes.")
    previous_version: int | None = strawberry.field(
        description="The version of the value before this one, so that a client can check that none is missing."
    )
    amount: Money
    refunded_amount: Money
    method: PaymentMethod
    capture: CaptureMode
    provider: str
    order_id: strawberry.ID | None
    description: str | None
    action: PaymentAction | None
    failure: PaymentFailure | None
    history: list[PaymentTransition]
    initiated_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    metadata: JSON


@strawberry.type(description="A change of one of your payments.")
class PaymentUpdate:
    """One value of the subscription to all payments."""

    payment: Payment
    cursor: str = strawberry.field(description="What `after` takes to go on behind this value.")
    merged: int = strawberry.field(description="How many changes of the payment it stands for; 1 unless it is merged.")


@strawberry.type(description="A place in a list of payments.")
class PaymentEdge:
    """A payment in a list."""

    cursor: str
    node: Payment


@strawberry.type(description="Where a page of a list begins and ends.")
class PageInfo:
    """As in the Relay connection specification."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="A page of payments, newest first.")
class PaymentConnection:
    """As in the Relay connection specification."""

    edges: list[PaymentEdge]
    nodes: list[Payment]
    page_info: PageInfo
