"""Browsers' push subscriptions as clients send them, and what is answered."""

from typing import Annotated

import strawberry

from app.gateway.contacts import NobodyThere
from app.gateway.requests import InvalidRequest
from schema import mapping
from schema.orders import OrderNotFound
from schema.results import InvalidInput, PaymentNotFound


@strawberry.input(
    description="A browser's push subscription, made with `pushKey`, to be told of one payment or of one order."
)
class SubscribeToPushInput:
    """A push subscription to tell."""

    endpoint: str = strawberry.field(description="As the browser gives it, and so are the keys, in base64url.")
    p256dh: str
    auth: str
    payment_id: strawberry.ID | None = strawberry.UNSET
    order_id: strawberry.ID | None = strawberry.UNSET
    locale: str | None = strawberry.field(default="en", description="`en` or `vi`, with or without a region.")


@strawberry.input(description="A browser's push subscription to tell no more of one payment or of one order.")
class UnsubscribeFromPushInput:
    """A push subscription to forget."""

    endpoint: str
    payment_id: strawberry.ID | None = strawberry.UNSET
    order_id: strawberry.ID | None = strawberry.UNSET


@strawberry.type(description="It is safely stored whether this browser is told.")
class PushSubscription:
    """Whether a browser is told."""

    subscribed: bool


PushSubscriptionResult = Annotated[
    PushSubscription | InvalidInput | PaymentNotFound | OrderNotFound,
    strawberry.union("PushSubscriptionResult"),
]


def refused(refusal: InvalidRequest | NobodyThere) -> InvalidInput | PaymentNotFound | OrderNotFound:
    """The answer to a command that was not carried out."""
    match refusal:
        case InvalidRequest():
            return mapping.invalid(refusal)
        case NobodyThere(kind="order"):
            return OrderNotFound(code="order_not_found", message="there is no such order")
        case NobodyThere():
            return PaymentNotFound(code="payment_not_found", message="there is no such payment")
