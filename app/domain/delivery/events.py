"""What can have happened to what a target is owed. Stored for ever: see `app.domain.payment.events`.

A stream holds all messages about one payment or order for one target, so their order is the stream's own. A message's
content is not kept: it is the fold of the payment's or order's stream up to `version`.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

SubjectKind = Literal["payment", "order"]


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DeliveryOwed(_Stored):
    """A target is to be told of a change; `occurred_at` is when it happened, `type` what it is called outside."""

    message_id: str
    version: int
    type: str
    occurred_at: datetime
    merchant_id: str
    channel: str
    target_id: str
    subject_kind: SubjectKind
    subject: str
    at: datetime


class DeliveryRequested(_Stored):
    """Somebody wants a message sent again, or at once; `request_id` tells a repeat of the wish from another one."""

    message_id: str
    version: int
    request_id: str
    at: datetime


class DeliveryFailed(_Stored):
    """An attempt failed; the next is at `next_attempt_at`, None when it was the last."""

    message_id: str
    version: int
    attempt: int
    reason: str
    next_attempt_at: datetime | None = None
    at: datetime


class DeliveryMade(_Stored):
    """The target has taken the message; `detail` is what it answered, such as an HTTP status."""

    message_id: str
    version: int
    attempt: int
    detail: str
    at: datetime


class DeliveryGivenUp(_Stored):
    """The message is not tried any more, unless somebody wants it again."""

    message_id: str
    version: int
    reason: str
    at: datetime


DeliveryEvent = DeliveryOwed | DeliveryRequested | DeliveryFailed | DeliveryMade | DeliveryGivenUp
