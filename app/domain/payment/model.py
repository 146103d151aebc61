"""Where a payment can stand, and what can be asked of it: types only.

The state is a union, so a combination that must not exist cannot be built.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, TypeGuard

from app.domain.ids import PaymentId
from app.domain.payment.events import (
    CardAuthenticationAction,
    CardMethod,
    Operation,
    PaymentInitiated,
    QrAction,
    RedirectAction,
)
from app.domain.reports import ProviderReport


class PaymentStatus(StrEnum):
    """The status as clients see it."""

    INITIATED = "INITIATED"
    PROCESSING = "PROCESSING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    AUTHORIZED = "AUTHORIZED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"

    @property
    def final(self) -> bool:
        """Whether a subscription completes here."""
        return self in _FINAL


_FINAL = frozenset(
    {
        PaymentStatus.SUCCEEDED,
        PaymentStatus.FAILED,
        PaymentStatus.CANCELLED,
        PaymentStatus.EXPIRED,
        PaymentStatus.REFUNDED,
    }
)


@dataclass(frozen=True, slots=True)
class Call:
    """The calls made for one operation so far.

    `missing`: the provider has no trace of the last one, so the next may be made.
    """

    operation: Operation
    attempt: int
    started_at: datetime
    missing: bool = False
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund of a captured payment; `amount` in minor units."""

    refund_id: str
    amount: int
    call: Call | None = None
    outcome: Literal["PENDING", "DONE", "FAILED"] = "PENDING"


@dataclass(frozen=True, slots=True)
class LateMoney:
    """Money a provider held or took after the payment had ended, on its way back."""

    reference: str
    amount: int
    captured: bool
    call: Call | None = None
    outcome: Literal["PENDING", "DONE", "FAILED"] = "PENDING"

    @property
    def operation(self) -> Operation:
        """What gives it back."""
        return Operation.REFUND if self.captured else Operation.VOID


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money that arrived by bank transfer; `reference` is the bank's, `amount` in minor units."""

    reference: str
    amount: int


@dataclass(frozen=True, slots=True)
class NotInitiated:
    """No event yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """What is known of a payment wherever it stands."""

    contradictions: tuple[str, ...] = ()
    """What a provider said here that cannot be; written down once, however often it is said."""
    transfers: tuple[Transfer, ...] = ()
    """What has arrived by bank transfer, each once, wherever the payment stood."""
    token_erased: bool = False
    """Whether the card's token is kept no more, wherever the payment has gone since."""


@dataclass(frozen=True, slots=True)
class Initiated(_Begun):
    """Accepted; no provider has been called."""

    terms: PaymentInitiated


@dataclass(frozen=True, slots=True)
class Authorizing(_Begun):
    """A provider has been, or is being, asked for the money.

    `refused_voids`: see `Voiding`. `refused_confirmations`: see `Confirming`.
    """

    terms: PaymentInitiated
    call: Call
    cancelling: bool = False
    refused_voids: int = 0
    reference: str | None = None
    refused_confirmations: int = 0


@dataclass(frozen=True, slots=True)
class AwaitingCustomer(_Begun):
    """The customer has to act.

    `asked_for` is the amount the action is about, in minor units. `urged`: there is reason to ask the provider now.
    `refused_confirmations`: see `Confirming`.
    """

    terms: PaymentInitiated
    reference: str
    action: RedirectAction | QrAction | CardAuthenticationAction
    call: Call
    since: datetime
    asked_for: int
    urged: bool = False
    refused_confirmations: int = 0


@dataclass(frozen=True, slots=True)
class Confirming(_Begun):
    """The customer has approved; the provider is being told to go on.

    `refused_confirmations` counts what the provider refused before: asked again, it is another operation with another
    key.
    """

    terms: PaymentInitiated
    reference: str
    authorization: Call
    call: Call | None = None
    cancelling: bool = False
    refused_confirmations: int = 0


@dataclass(frozen=True, slots=True)
class Authorized(_Begun):
    """`amount` is held; the merchant captures or cancels. `refused_voids`: see `Voiding`.

    `passing`: capture or void follows in the same append, so that for a client nothing rests here.
    """

    terms: PaymentInitiated
    reference: str
    amount: int
    passing: bool = False
    refused_voids: int = 0


@dataclass(frozen=True, slots=True)
class Capturing(_Begun):
    """`amount` of the held funds is being taken."""

    terms: PaymentInitiated
    reference: str
    held: int
    amount: int
    call: Call | None = None


@dataclass(frozen=True, slots=True)
class Voiding(_Begun):
    """The held funds are being released; `held` is 0 while it is the customer's session that is to end.

    `refused_voids` counts what the provider refused before: asked again, it is another operation with another key.
    """

    terms: PaymentInitiated
    reference: str
    held: int
    call: Call | None = None
    refused_voids: int = 0


@dataclass(frozen=True, slots=True)
class Captured(_Begun):
    """The money is taken; parts of it may have gone, or be going, back."""

    terms: PaymentInitiated
    reference: str
    amount: int
    refunds: tuple[Refund, ...] = ()

    @property
    def refunded(self) -> int:
        """What has gone back, in minor units."""
        return sum(refund.amount for refund in self.refunds if refund.outcome == "DONE")

    @property
    def refundable(self) -> int:
        """What can still be asked back, in minor units."""
        return self.amount - sum(refund.amount for refund in self.refunds if refund.outcome != "FAILED")


@dataclass(frozen=True, slots=True)
class Session:
    """What a customer may still pay under `reference` although the payment ended at `ended_at`: to be watched."""

    reference: str
    call: Call
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Failed(_Begun):
    """Ended without money: the provider refused, or could not be brought to act."""

    terms: PaymentInitiated
    code: str
    message: str
    retryable: bool
    late: LateMoney | None = None
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class Cancelled(_Begun):
    """Ended without money: the merchant or the customer called it off.

    `released` is the reference of a hold that was let go of: an old word of it is no money that came late.
    """

    terms: PaymentInitiated
    released: str | None = None
    late: LateMoney | None = None
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class Expired(_Begun):
    """Ended without money: the deadline passed."""

    terms: PaymentInitiated
    late: LateMoney | None = None
    session: Session | None = None


Open = Initiated | Authorizing | AwaitingCustomer | Confirming | Authorized | Capturing | Voiding
Ended = Failed | Cancelled | Expired
Existing = Open | Captured | Ended
PaymentState = NotInitiated | Existing


def status_of(state: Existing) -> PaymentStatus:
    """The status a client sees for a state."""
    match state:
        case Captured():
            if state.refunded == 0:
                return PaymentStatus.SUCCEEDED
            return PaymentStatus.REFUNDED if state.refunded >= state.amount else PaymentStatus.PARTIALLY_REFUNDED
        case Authorized(passing=True):
            return PaymentStatus.PROCESSING
        case _:
            return _STATUS_BY_STATE[type(state)]


_STATUS_BY_STATE: dict[type[Existing], PaymentStatus] = {
    Initiated: PaymentStatus.INITIATED,
    Authorizing: PaymentStatus.PROCESSING,
    AwaitingCustomer: PaymentStatus.REQUIRES_ACTION,
    Confirming: PaymentStatus.PROCESSING,
    Authorized: PaymentStatus.AUTHORIZED,
    Capturing: PaymentStatus.PROCESSING,
    Voiding: PaymentStatus.PROCESSING,
    Failed: PaymentStatus.FAILED,
    Cancelled: PaymentStatus.CANCELLED,
    Expired: PaymentStatus.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Initiate:
    """Begin a payment; the event it becomes is the command's whole content."""

    terms: PaymentInitiated


@dataclass(frozen=True, slots=True)
class StartCall:
    """Write down that a provider is about to be called."""

    operation: Operation
    at: datetime
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordReport:
    """Take in what a provider said of an operation.

    `attempt` is the call it is about, where that is known: an older one's silence says nothing of the one under way.
    """

    operation: Operation
    report: ProviderReport
    at: datetime
    refund_id: str | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """Take held funds: all of them, or `amount` minor units."""

    at: datetime
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Call the payment off."""

    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RefundMoney:
    """Give back the money: what is left of it, or `amount` minor units."""

    refund_id: str
    at: datetime
    amount: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Expire:
    """End the payment because its deadline has passed.

    `patience` is how long a customer may take to act when the payment itself has no deadline; None for any time.
    """

    at: datetime
    patience: timedelta | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """End the authorisation because the provider, asked again and again, has no trace of it."""

    at: datetime


@dataclass(frozen=True, slots=True)
class RequestLookUp:
    """There is reason to ask the provider now."""

    reason: Literal["return_page", "notice"]
    at: datetime


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Stop watching for a late success: the customer's session is over at the provider too."""

    at: datetime


@dataclass(frozen=True, slots=True)
class RecordTokenErased:
    """Write down that the card's token is kept no more."""

    at: datetime


PaymentCommand = (
    Initiate
    | StartCall
    | RecordReport
    | Capture
    | Cancel
    | RefundMoney
    | Expire
    | GiveUp
    | RequestLookUp
    | CloseSession
    | RecordTokenErased
)


def deadline_of(state: Existing, patience: timedelta | None) -> datetime | None:
    """When the payment ends by itself: its own deadline, or else `patience` after the customer was asked to act."""
    if state.terms.expires_at is None and patience is not None:
        if isinstance(state, AwaitingCustomer):
            return state.since + patience
        if waits_for_session(state):
            return state.call.started_at + patience
    return state.terms.expires_at


def waits_for_session(state: Existing) -> TypeGuard[Authorizing]:
    """Whether the customer may still act in a session that was to be ended and the provider would not end."""
    return isinstance(state, Authorizing) and state.refused_voids > 0 and state.reference is not None


def outstanding_of(state: Existing) -> int:
    """What has not arrived by bank transfer yet, in minor units."""
    return max(0, state.terms.amount - sum(transfer.amount for transfer in state.transfers))


def token_to_erase(state: Existing) -> str | None:
    """The stream of a card's token that the payment does not need any more; None when there is none (any more).

    As long as it may turn out that the provider has no trace of the authorisation, it may have to be asked again.
    """
    method = state.terms.method
    if state.token_erased or not isinstance(method, CardMethod) or isinstance(state, _NEEDS_TOKEN):
        return None
    return method.token_stream


_NEEDS_TOKEN = (Initiated, Authorizing, AwaitingCustomer)


def payment_id_of(state: Existing) -> PaymentId:
    """The id of the payment the state belongs to."""
    return PaymentId(state.terms.payment_id)
