"""What can have happened to a payment.

Every model here is stored for ever: a field is never renamed or removed, a new one has a default, and a change of
meaning is a new event type. All times are aware UTC datetimes, all amounts are minor units of the payment's currency.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class _Stored(BaseModel):
    # Older code reads events of newer code: what it does not know, it leaves out.
    model_config = ConfigDict(frozen=True, extra="ignore")


class CaptureMode(StrEnum):
    """Whether held funds are taken at once or when the merchant says so."""

    AUTOMATIC = "AUTOMATIC"
    MANUAL = "MANUAL"


class Operation(StrEnum):
    """The calls a provider can be asked to make."""

    AUTHORIZE = "AUTHORIZE"
    CONFIRM = "CONFIRM"
    CAPTURE = "CAPTURE"
    VOID = "VOID"
    REFUND = "REFUND"


class CardMethod(_Stored):
    """A card, known to us only by the provider's one-time token, which is kept sealed in a stream of its own."""

    kind: Literal["card"] = "card"
    provider: str
    sealed_token: str = ""
    """The token itself, in events from before it had a stream."""
    token_stream: str | None = None
    """The stream that keeps the token while the payment needs it."""


class RedirectMethod(_Stored):
    """A wallet the customer is sent to."""

    kind: Literal["redirect"] = "redirect"
    provider: str


class QrMethod(_Stored):
    """A QR code or bank transfer."""

    kind: Literal["qr"] = "qr"
    provider: str


Method = Annotated[CardMethod | RedirectMethod | QrMethod, Field(discriminator="kind")]


class RedirectAction(_Stored):
    """Send the customer to `url`."""

    kind: Literal["redirect"] = "redirect"
    url: str


class QrAction(_Stored):
    """Show `payload` as a QR code."""

    kind: Literal["qr"] = "qr"
    payload: str


class CardAuthenticationAction(_Stored):
    """Let the customer authenticate with the card's bank at `url`."""

    kind: Literal["card_authentication"] = "card_authentication"
    url: str


CustomerAction = Annotated[RedirectAction | QrAction | CardAuthenticationAction, Field(discriminator="kind")]


class PaymentInitiated(_Stored):
    """A merchant asked for a payment; `fingerprint` tells a repeat of the request from another one."""

    payment_id: str
    merchant_id: str
    idempotency_key: str
    fingerprint: str
    amount: int
    currency: str
    method: Method
    capture: CaptureMode = CaptureMode.AUTOMATIC
    order_id: str | None = None
    description: str | None = None
    return_url: str | None = None
    metadata: dict[str, JsonValue] = {}
    expires_at: datetime | None = None
    at: datetime


class ProviderCallStarted(_Stored):
    """The intent: a provider is about to be called. Written before the call, so a crash cannot hide one."""

    operation: Operation
    provider_key: str
    attempt: int
    refund_id: str | None = None
    at: datetime


class ProviderOutcomeUnknown(_Stored):
    """A call got no answer that can be relied on; the provider has to be asked."""

    operation: Operation
    attempt: int
    reason: str
    refund_id: str | None = None
    at: datetime


class ProviderCallMissing(_Stored):
    """The provider was asked and has, for certain, no trace of the call: it may be made again."""

    operation: Operation
    attempt: int
    refund_id: str | None = None
    at: datetime


class ActionRequired(_Stored):
    """The customer has to act before the payment can go on."""

    reference: str
    action: CustomerAction
    at: datetime


class ActionCompleted(_Stored):
    """The customer has acted; the provider goes on."""

    at: datetime


class LookUpRequested(_Stored):
    """There is reason to ask the provider now: the customer came back, or a notice said that something happened."""

    reason: Literal["return_page", "notice"]
    at: datetime


class ConfirmationRequested(_Stored):
    """The customer has approved what stands under `reference`; the provider is to be told to go on."""

    reference: str
    at: datetime


class SessionClosed(_Stored):
    """Of an ended payment: nothing can come of the customer's session any more."""

    at: datetime


class TransferReceived(_Stored):
    """A bank transfer for this payment has arrived; `reference` is the bank's."""

    reference: str
    amount: int
    at: datetime


class MoneyToReturn(_Stored):
    """Of what was transferred, `amount` is not ours to keep. People give it back."""

    reference: str
    amount: int
    reason: Literal["SURPLUS", "DUPLICATE", "LATE", "UNDERPAID"]
    at: datetime


class PaymentAuthorized(_Stored):
    """The funds are held."""

    reference: str
    amount: int
    at: datetime


class CaptureRequested(_Stored):
    """The held funds, or `amount` of them, are to be taken."""

    amount: int
    at: datetime


class PaymentCaptured(_Stored):
    """The money is taken."""

    reference: str
    amount: int
    at: datetime


class PaymentFailed(_Stored):
    """The provider refused, or could not be brought to act."""

    code: str
    message: str
    retryable: bool = False
    reference: str | None = None
    released: bool = False
    """Whether money that was held is known to be held no more."""
    at: datetime


class CancellationRequested(_Stored):
    """The merchant wants no money taken; carried out when the call in flight has an outcome."""

    reason: str | None = None
    at: datetime


class VoidRequested(_Stored):
    """The held funds are to be released."""

    reason: str | None = None
    at: datetime


class VoidFailed(_Stored):
    """The provider refused to release the funds; they are still held."""

    code: str
    message: str
    at: datetime


class PaymentCancelled(_Stored):
    """The payment is off and nothing was taken."""

    reason: str | None = None
    at: datetime


class PaymentExpired(_Stored):
    """The deadline passed before the payment was authorised: ours, or the provider's own."""

    by_provider: bool = False
    at: datetime


class RefundRequested(_Stored):
    """Money is to go back to the customer."""

    refund_id: str
    amount: int
    reason: str | None = None
    at: datetime


class PaymentRefunded(_Stored):
    """Money went back to the customer."""

    refund_id: str
    reference: str
    amount: int
    at: datetime


class RefundFailed(_Stored):
    """The provider refused the refund; the money stays where it is."""

    refund_id: str
    code: str
    message: str
    at: datetime


class LateSuccessRecorded(_Stored):
    """The provider holds or took the money although the payment had ended without it.

    `ACCEPTED`: nothing contradicts it and the payment goes on. `RETURNED`: it is given back.
    """

    reference: str
    amount: int
    captured: bool
    resolution: Literal["ACCEPTED", "RETURNED"]
    at: datetime


class LateSuccessReturned(_Stored):
    """What a late success held or took has been given back."""

    reference: str
    at: datetime


class LateReturnRefused(_Stored):
    """The provider refused to give back what a late success holds or took. People have to look."""

    code: str
    message: str
    at: datetime


class TokenErased(_Stored):
    """The card's token, which the payment does not need any more, is kept no more."""

    at: datetime


class ContradictionRecorded(_Stored):
    """A provider said what cannot be: another amount, another currency, another outcome. People have to look."""

    operation: Operation
    detail: str
    at: datetime


PaymentEvent = (
    PaymentInitiated
    | ProviderCallStarted
    | ProviderOutcomeUnknown
    | ProviderCallMissing
    | ActionRequired
    | ActionCompleted
    | LookUpRequested
    | ConfirmationRequested
    | SessionClosed
    | TransferReceived
    | MoneyToReturn
    | PaymentAuthorized
    | CaptureRequested
    | PaymentCaptured
    | PaymentFailed
    | CancellationRequested
    | VoidRequested
    | VoidFailed
    | PaymentCancelled
    | PaymentExpired
    | RefundRequested
    | PaymentRefunded
    | RefundFailed
    | LateSuccessRecorded
    | LateSuccessReturned
    | LateReturnRefused
    | TokenErased
    | ContradictionRecorded
)
