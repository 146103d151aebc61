"""What a client sends about its push subscription, checked before anything happens; see `requests`."""

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.gateway.addresses import KnownLocale, P256Point, PushEndpoint, SixteenBytes
from app.gateway.requests import CheckedRequest, Id


class UnsubscribeFromPushRequest(CheckedRequest):
    """Tell a browser no more of one payment or of one order."""

    payment_id: Id | None = None
    order_id: Id | None = None
    endpoint: PushEndpoint

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.payment_id is None) == (self.order_id is None):
            raise PydanticCustomError("one_of", "takes exactly one of paymentId and orderId", {"field": "paymentId"})
        return self

    @property
    def subject(self) -> str:
        """The payment or order."""
        return self.payment_id or self.order_id or ""


class SubscribeToPushRequest(UnsubscribeFromPushRequest):
    """Tell a browser by its push service of what becomes of one payment or of one order."""

    p256dh: P256Point = Field(alias="p256dh")
    auth: SixteenBytes
    locale: KnownLocale = "en"
