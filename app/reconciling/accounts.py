"""What a payment's stream says of its money: what was taken, given back, held. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.domain.money import Money
from app.domain.payment import events as happened
from app.domain.payment.events import Operation, PaymentEvent
from app.domain.payment.model import Captured, Existing, PaymentStatus, payment_id_of, status_of


@dataclass(frozen=True, slots=True)
class Flow:
    """Money that moved, by our own record; `reference` is the provider's. `refund_id` only of a merchant's refund."""

    reference: str
    money: Money
    at: datetime
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The money of one payment. `by_transfer`: every bank transfer is a charge of its own."""

    payment_id: str
    provider: str
    by_transfer: bool
    status: PaymentStatus
    charges: tuple[Flow, ...] = ()
    refunds: tuple[Flow, ...] = ()
    held: bool = False
    """Whether money is known to have been held at any time."""
    refunding: bool = False
    """Whether a refund has no outcome yet."""


def account_of(events: Sequence[PaymentEvent], state: Existing) -> Account:
    """The money of the payment that `events` fold to `state`."""
    by_transfer = state.terms.method.kind == "qr"
    return Account(
        payment_id=payment_id_of(state),
        provider=state.terms.method.provider,
        by_transfer=by_transfer,
        status=status_of(state),
        charges=tuple(_transfers(events, state) if by_transfer else _charges(events, state)),
        refunds=tuple(_refunds(events, state)),
        held=any(isinstance(event, happened.PaymentAuthorized | happened.LateSuccessRecorded) for event in events),
        refunding=isinstance(state, Captured) and any(refund.outcome == "PENDING" for refund in state.refunds),
    )


def was_captured_by_us(events: Iterable[PaymentEvent]) -> bool:
    """Whether the money was held first, and taken by a call of its own."""
    return any(
        isinstance(event, happened.ProviderCallStarted) and event.operation is Operation.CAPTURE for event in events
    )


def _transfers(events: Sequence[PaymentEvent], state: Existing) -> Iterable[Flow]:
    for event in events:
        if isinstance(event, happened.TransferReceived):
            yield Flow(event.reference, Money(event.amount, state.terms.currency), event.at)


def _charges(events: Sequence[PaymentEvent], state: Existing) -> Iterable[Flow]:
    for event in events:
        match event:
            case happened.PaymentCaptured():
                yield Flow(event.reference, Money(event.amount, state.terms.currency), event.at)
            # One that is accepted is followed by the event it stands for.
            case happened.LateSuccessRecorded(captured=True, resolution="RETURNED"):
                yield Flow(event.reference, Money(event.amount, state.terms.currency), event.at)


def _refunds(events: Sequence[PaymentEvent], state: Existing) -> Iterable[Flow]:
    late: happened.LateSuccessRecorded | None = None
    for event in events:
        match event:
            case happened.LateSuccessRecorded():
                late = event
            case happened.PaymentRefunded():
                money = Money(event.amount, state.terms.currency)
                yield Flow(event.reference, money, event.at, event.refund_id)
            case happened.LateSuccessReturned() if late is not None and late.captured:
                yield Flow(event.reference, Money(late.amount, state.terms.currency), event.at)
