"""(command, state) -> events. `[]` when it is already so; a `Refusal` when it may not be."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, assert_never

from app.domain.ids import provider_key
from app.domain.payment import events as happened
from app.domain.payment.events import Operation, PaymentEvent
from app.domain.payment.evolve import call_of
from app.domain.payment.model import (
    Authorized,
    Authorizing,
    AwaitingCustomer,
    Cancel,
    Cancelled,
    Capture,
    Captured,
    Capturing,
    CloseSession,
    Confirming,
    Ended,
    Existing,
    Expire,
    Expired,
    Failed,
    GiveUp,
    Initiate,
    Initiated,
    NotInitiated,
    PaymentCommand,
    PaymentState,
    RecordReport,
    RecordTokenErased,
    RefundMoney,
    RequestLookUp,
    StartCall,
    Voiding,
    deadline_of,
    payment_id_of,
    status_of,
    token_to_erase,
    waits_for_session,
)
from app.domain.payment.reported import PROVIDER_TIMEOUT, record
from app.domain.payment.transfers import to_return
from app.domain.refusals import AmountNotAllowed, IdempotencyKeyReused, IllegalTransition


def decide(command: PaymentCommand, state: PaymentState) -> list[PaymentEvent]:
    """What `command` changes in `state`.

    Raises `IllegalTransition`, `AmountNotAllowed` or `IdempotencyKeyReused`; then nothing changes.
    """
    if isinstance(command, Initiate):
        return _initiate(command, state)
    if isinstance(state, NotInitiated):
        raise IllegalTransition("there is no such payment", status="NONE")
    return _DECIDERS[type(command)](command, state)


def _initiate(command: Initiate, state: PaymentState) -> list[PaymentEvent]:
    if isinstance(state, NotInitiated):
        return [command.terms]
    if state.terms.fingerprint == command.terms.fingerprint:
        return []
    raise IdempotencyKeyReused("this idempotency key was used before, for a request with other content")


def _start_call(command: StartCall, state: Existing) -> list[PaymentEvent]:
    """The intent, if it is time for it; `[]` when somebody else's call is under way or nothing is to be done."""
    if not _wanted(command, state):
        return []
    call = call_of(state, command.operation, command.refund_id)
    if call is not None and not call.missing:
        return []
    return [
        happened.ProviderCallStarted(
            operation=command.operation,
            provider_key=provider_key_of(state, command.operation, command.refund_id),
            attempt=call.attempt + 1 if call else 1,
            refund_id=command.refund_id,
            at=command.at,
        )
    ]


def _wanted(command: StartCall, state: Existing) -> bool:
    match state, command.operation:
        case Captured(), Operation.REFUND:
            return any(
                refund.refund_id == command.refund_id and refund.outcome == "PENDING" for refund in state.refunds
            )
        case _ if command.refund_id is not None:
            # It would be in the key: a second operation where there is to be one.
            return False
        case Initiated(), Operation.AUTHORIZE:
            return True
        case Authorizing(), Operation.AUTHORIZE:
            return not state.cancelling
        case Confirming(), Operation.CONFIRM:
            return not state.cancelling
        case Capturing(), Operation.CAPTURE:
            return True
        case Voiding(), Operation.VOID:
            return True
        case ((Failed() | Cancelled() | Expired()), operation):
            late = state.late
            return late is not None and late.operation is operation and late.outcome == "PENDING"
    return False


def provider_key_of(state: Existing, operation: Operation, refund_id: str | None) -> str:
    """The provider's idempotency key for an operation; the same for every attempt at it."""
    if isinstance(state, Voiding):
        return provider_key(payment_id_of(state), operation, str(1 + state.refused_voids))
    if isinstance(state, Confirming) and operation is Operation.CONFIRM:
        return provider_key(payment_id_of(state), operation, str(1 + state.refused_confirmations))
    if isinstance(state, Ended) and operation is Operation.VOID:
        # Not the operation that was to end the session, or that was refused while it was held: its answer says nothing.
        return provider_key(payment_id_of(state), operation, "late")
    return provider_key(payment_id_of(state), operation, refund_id or "1")


def _capture(command: Capture, state: Existing) -> list[PaymentEvent]:
    match state:
        case Authorized():
            amount = state.amount if command.amount is None else command.amount
            if not 0 < amount <= state.amount:
                raise AmountNotAllowed(
                    f"between 1 and {state.amount} can be captured, not {amount}", maximum=state.amount
                )
            return [happened.CaptureRequested(amount=amount, at=command.at)]
        case Capturing() | Captured() if command.amount in (None, state.amount):
            return []
    raise _not_in(state, "captured")


def _cancel(command: Cancel, state: Existing) -> list[PaymentEvent]:
    match state:
        case Initiated():
            return [happened.PaymentCancelled(reason=command.reason, at=command.at)]
        case Authorizing():
            if state.cancelling:
                return []
            return [happened.CancellationRequested(reason=command.reason, at=command.at)]
        case Confirming() if state.call is not None:
            return [] if state.cancelling else [happened.CancellationRequested(reason=command.reason, at=command.at)]
        case AwaitingCustomer() | Confirming() | Authorized():
            return [
                happened.VoidRequested(reason=command.reason, at=command.at),
                *to_return(state.transfers, "LATE", command.at),
            ]
        case Voiding() | Cancelled():
            return []
        case Capturing() | Captured() | Failed() | Expired():
            raise _not_in(state, "cancelled")
    assert_never(state)


def _refund(command: RefundMoney, state: Existing) -> list[PaymentEvent]:
    if not isinstance(state, Captured):
        raise _not_in(state, "refunded")
    earlier = next((refund for refund in state.refunds if refund.refund_id == command.refund_id), None)
    if earlier is not None:
        if command.amount in (None, earlier.amount):
            return []
        raise IdempotencyKeyReused("this idempotency key was used before, for a refund of another amount")
    amount = state.refundable if command.amount is None else command.amount
    if not 0 < amount <= state.refundable:
        raise AmountNotAllowed(f"at most {state.refundable} can be refunded, not {amount}", maximum=state.refundable)
    return [happened.RefundRequested(refund_id=command.refund_id, amount=amount, reason=command.reason, at=command.at)]


def _expire(command: Expire, state: Existing) -> list[PaymentEvent]:
    at, deadline = command.at, deadline_of(state, command.patience)
    if deadline is None or at < deadline:
        return []
    return _expired(state, at)


def _expired(state: Existing, at: datetime) -> list[PaymentEvent]:
    match state:
        case Initiated() | AwaitingCustomer():
            return [happened.PaymentExpired(at=at), *to_return(state.transfers, "UNDERPAID", at)]
        case Authorizing() if waits_for_session(state):
            # What the merchant wants no more is cancelled: money that comes after that is given back.
            return [happened.PaymentCancelled(at=at) if state.cancelling else happened.PaymentExpired(at=at)]
        case Authorizing(cancelling=False) if state.call.missing:
            return [happened.PaymentExpired(at=at)]
        case Confirming(cancelling=False) if state.call is None or state.call.missing:
            return [happened.PaymentExpired(at=at)]
    # While an outcome is open, the deadline waits for it.
    return []


def _give_up(command: GiveUp, state: Existing) -> list[PaymentEvent]:
    at = command.at
    match state:
        case Authorizing(cancelling=True) if state.call.missing:
            return [happened.PaymentCancelled(at=at)]
        case Confirming(cancelling=True) if state.call is None or state.call.missing:
            return [happened.PaymentCancelled(at=at)]
        case Authorizing() if state.call.missing:
            return [
                happened.PaymentFailed(
                    code=PROVIDER_TIMEOUT,
                    message="the provider did not answer and has no record of the payment",
                    retryable=True,
                    at=at,
                )
            ]
    return []


def _not_in(state: Existing, wish: str) -> IllegalTransition:
    status = status_of(state)
    return IllegalTransition(f"a payment that is {status} cannot be {wish}", status=status)


def _request_look_up(command: RequestLookUp, state: Existing) -> list[PaymentEvent]:
    if isinstance(state, AwaitingCustomer) and not state.urged:
        return [happened.LookUpRequested(reason=command.reason, at=command.at)]
    # Elsewhere the provider is being asked already, or there is nothing to ask.
    return []


def _close_session(command: CloseSession, state: Existing) -> list[PaymentEvent]:
    if isinstance(state, Ended) and state.session is not None:
        return [happened.SessionClosed(at=command.at)]
    return []


def _record_token_erased(command: RecordTokenErased, state: Existing) -> list[PaymentEvent]:
    return [] if token_to_erase(state) is None else [happened.TokenErased(at=command.at)]


_DECIDERS: dict[type[PaymentCommand], Callable[[Any, Existing], list[PaymentEvent]]] = {
    StartCall: _start_call,
    RecordReport: record,
    Capture: _capture,
    Cancel: _cancel,
    RefundMoney: _refund,
    Expire: _expire,
    GiveUp: _give_up,
    RequestLookUp: _request_look_up,
    CloseSession: _close_session,
    RecordTokenErased: _record_token_erased,
}
