"""(state, event) -> state. Facts are not judged here: `decide` did that before they were written."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Literal

from app.domain.payment import events as happened
from app.domain.payment.events import Operation, PaymentEvent
from app.domain.payment.model import (
    Authorized,
    Authorizing,
    AwaitingCustomer,
    Call,
    Cancelled,
    Captured,
    Capturing,
    Confirming,
    Ended,
    Existing,
    Expired,
    Failed,
    Initiated,
    LateMoney,
    NotInitiated,
    PaymentState,
    Refund,
    Session,
    Transfer,
    Voiding,
    outstanding_of,
    waits_for_session,
)


class ImpossibleHistory(Exception):
    """An event that cannot follow the state before it: the stream was not written by `decide`."""

    def __init__(self, state: PaymentState, event: PaymentEvent) -> None:
        super().__init__(f"{type(event).__name__} cannot follow {type(state).__name__}")


def fold(events: Iterable[PaymentEvent], state: PaymentState = NotInitiated()) -> PaymentState:  # noqa: B008 — frozen
    """The state after `events`, from `state` or from nothing."""
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: PaymentState, event: PaymentEvent) -> Existing:
    """The state after `event`; raises `ImpossibleHistory` when it cannot follow."""
    following = _FOLLOWING[type(event)](state, event)
    if following is None:
        raise ImpossibleHistory(state, event)
    return following if isinstance(state, NotInitiated) else _remembering(state, following)


def _remembering(state: Existing, following: Existing) -> Existing:
    """`following` with what is known of a payment wherever it goes."""
    if state.transfers and not following.transfers:
        following = replace(following, transfers=state.transfers)
    if state.token_erased and not following.token_erased:
        following = replace(following, token_erased=True)
    return following


def _initiated(state: PaymentState, event: happened.PaymentInitiated) -> Existing | None:
    return Initiated(event) if isinstance(state, NotInitiated) else None


def _call_started(state: PaymentState, event: happened.ProviderCallStarted) -> Existing | None:
    call = Call(event.operation, event.attempt, event.at)
    if isinstance(state, Initiated):
        return Authorizing(state.terms, call)
    return _with_call(state, call, event.refund_id)


def _outcome_unknown(state: PaymentState, event: happened.ProviderOutcomeUnknown) -> Existing | None:
    return _change_call(state, event, unknown=True)


def _call_missing(state: PaymentState, event: happened.ProviderCallMissing) -> Existing | None:
    return _change_call(state, event, missing=True)


def _change_call(
    state: PaymentState,
    event: happened.ProviderOutcomeUnknown | happened.ProviderCallMissing,
    *,
    unknown: bool = False,
    missing: bool = False,
) -> Existing | None:
    call = call_of(state, event.operation, event.refund_id)
    if call is None:
        return None
    return _with_call(state, replace(call, unknown=unknown, missing=missing), event.refund_id)


def call_of(state: PaymentState, operation: Operation, refund_id: str | None = None) -> Call | None:
    """The calls made so far for an operation that is under way, or None."""
    match state, operation:
        case Captured(), Operation.REFUND:
            return next((refund.call for refund in state.refunds if refund.refund_id == refund_id), None)
        case _ if refund_id is not None:
            return None
        case ((Failed() | Cancelled() | Expired()), _) if state.late and state.late.operation is operation:
            return state.late.call
        case Authorizing() | AwaitingCustomer(), Operation.AUTHORIZE:
            return state.call
        case Confirming(), Operation.CONFIRM:
            return state.call
        case Capturing(), Operation.CAPTURE:
            return state.call
        case Voiding(), Operation.VOID:
            return state.call
    return None


def _with_call(state: PaymentState, call: Call, refund_id: str | None) -> Existing | None:
    match state:
        case Authorizing() | AwaitingCustomer() | Confirming() | Capturing() | Voiding():
            return replace(state, call=call)
        case Captured():
            return replace(state, refunds=_changed(state.refunds, refund_id, call=call))
        case Failed() | Cancelled() | Expired() if state.late:
            return replace(state, late=replace(state.late, call=call))
    return None


def _changed(refunds: tuple[Refund, ...], refund_id: str | None, **changes: Any) -> tuple[Refund, ...]:
    return tuple(replace(refund, **changes) if refund.refund_id == refund_id else refund for refund in refunds)


def _action_required(state: PaymentState, event: happened.ActionRequired) -> Existing | None:
    match state:
        case Authorizing() | AwaitingCustomer():
            call, refused = state.call, state.refused_confirmations
        case Confirming():
            call, refused = state.authorization, state.refused_confirmations + 1
        case _:
            return None
    asked_for = outstanding_of(state)
    return AwaitingCustomer(
        state.terms, event.reference, event.action, call, event.at, asked_for, refused_confirmations=refused
    )


def _action_completed(state: PaymentState, event: happened.ActionCompleted) -> Existing | None:
    if not isinstance(state, AwaitingCustomer):
        return None
    # The provider answered the first call; what comes now has to be asked for.
    asked_again = replace(state.call, started_at=event.at, unknown=True, missing=False)
    refused = state.refused_confirmations
    return Authorizing(state.terms, asked_again, reference=state.reference, refused_confirmations=refused)


def _look_up_requested(state: PaymentState, _: happened.LookUpRequested) -> Existing | None:
    return replace(state, urged=True) if isinstance(state, AwaitingCustomer) else None


def _confirmation_requested(state: PaymentState, event: happened.ConfirmationRequested) -> Existing | None:
    if not isinstance(state, Authorizing | AwaitingCustomer):
        return None
    refused = state.refused_confirmations
    return Confirming(state.terms, event.reference, state.call, refused_confirmations=refused)


def _session_closed(state: PaymentState, _: happened.SessionClosed) -> Existing | None:
    return replace(state, session=None) if isinstance(state, Ended) else None


def _transfer_received(state: PaymentState, event: happened.TransferReceived) -> Existing | None:
    if isinstance(state, NotInitiated):
        return None
    return replace(state, transfers=(*state.transfers, Transfer(event.reference, event.amount)))


def _money_to_return(state: PaymentState, _: happened.MoneyToReturn) -> Existing | None:
    return None if isinstance(state, NotInitiated) else state


def _authorized(state: PaymentState, event: happened.PaymentAuthorized) -> Existing | None:
    if not isinstance(state, Authorizing | Confirming | Expired | Failed):
        return None
    cancelling = isinstance(state, Authorizing | Confirming) and state.cancelling
    passing = cancelling or state.terms.capture is happened.CaptureMode.AUTOMATIC
    refused_voids = state.refused_voids if isinstance(state, Authorizing) else 0
    return Authorized(state.terms, event.reference, event.amount, passing, refused_voids)


def _capture_requested(state: PaymentState, event: happened.CaptureRequested) -> Existing | None:
    if not isinstance(state, Authorized):
        return None
    return Capturing(state.terms, state.reference, state.amount, event.amount)


def _captured(state: PaymentState, event: happened.PaymentCaptured) -> Existing | None:
    if isinstance(state, Authorizing | Confirming | Capturing | Voiding | Expired | Failed):
        return Captured(state.terms, event.reference, event.amount)
    return None


def _failed(state: PaymentState, event: happened.PaymentFailed) -> Existing | None:
    if not isinstance(state, Authorizing | Confirming | Capturing):
        return None
    # What could not be captured may still be held.
    held = None
    if isinstance(state, Capturing) and not event.released:
        held = LateMoney(state.reference, state.held, captured=False)
    return Failed(state.terms, event.code, event.message, event.retryable, held)


def _cancellation_requested(state: PaymentState, _: happened.CancellationRequested) -> Existing | None:
    return replace(state, cancelling=True) if isinstance(state, Authorizing | Confirming) else None


def _void_requested(state: PaymentState, _: happened.VoidRequested) -> Existing | None:
    match state:
        case Authorized():
            return Voiding(state.terms, state.reference, state.amount, refused_voids=state.refused_voids)
        case AwaitingCustomer() | Confirming():
            return Voiding(state.terms, state.reference, 0)
    return None


def _void_failed(state: PaymentState, event: happened.VoidFailed) -> Existing | None:
    match state:
        case Voiding(held=0):
            call = Call(Operation.AUTHORIZE, 1, event.at, unknown=True)
            refused = state.refused_voids + 1
            return Authorizing(state.terms, call, cancelling=True, refused_voids=refused, reference=state.reference)
        case Voiding():
            return Authorized(state.terms, state.reference, state.held, refused_voids=state.refused_voids + 1)
    return None


def _cancelled(state: PaymentState, event: happened.PaymentCancelled) -> Existing | None:
    match state:
        case Voiding(held=0):
            # Not every provider can end a session: a customer may pay all the same.
            call = Call(Operation.AUTHORIZE, 1, event.at, unknown=True)
            return Cancelled(state.terms, session=Session(state.reference, call, event.at))
        case Authorizing() if waits_for_session(state):
            return Cancelled(state.terms, session=Session(state.reference or "", state.call, event.at))
        case Authorized() | Voiding():
            return Cancelled(state.terms, released=state.reference)
        case Initiated() | Authorizing() | Confirming():
            return Cancelled(state.terms)
    return None


def _expired(state: PaymentState, event: happened.PaymentExpired) -> Existing | None:
    match state:
        case AwaitingCustomer() if not event.by_provider:
            return Expired(state.terms, session=Session(state.reference, state.call, event.at))
        case Confirming() if not event.by_provider:
            return Expired(state.terms, session=Session(state.reference, state.authorization, event.at))
        case Authorizing() if waits_for_session(state) and not event.by_provider:
            return Expired(state.terms, session=Session(state.reference or "", state.call, event.at))
        case Initiated() | Authorizing() | AwaitingCustomer() | Confirming():
            return Expired(state.terms)
    return None


def _refund_requested(state: PaymentState, event: happened.RefundRequested) -> Existing | None:
    if not isinstance(state, Captured):
        return None
    return replace(state, refunds=(*state.refunds, Refund(event.refund_id, event.amount)))


def _refunded(state: PaymentState, event: happened.PaymentRefunded) -> Existing | None:
    if not isinstance(state, Captured):
        return None
    return replace(state, refunds=_changed(state.refunds, event.refund_id, outcome="DONE"))


def _refund_failed(state: PaymentState, event: happened.RefundFailed) -> Existing | None:
    if not isinstance(state, Captured):
        return None
    return replace(state, refunds=_changed(state.refunds, event.refund_id, outcome="FAILED"))


def _late_success(state: PaymentState, event: happened.LateSuccessRecorded) -> Existing | None:
    if event.resolution == "ACCEPTED":
        # What was accepted follows as an event of its own in the same append.
        return state if isinstance(state, Ended) else None
    if not isinstance(state, Ended):
        return None
    return replace(state, late=LateMoney(event.reference, event.amount, event.captured), session=None)


def _late_returned(state: PaymentState, _: happened.LateSuccessReturned) -> Existing | None:
    return _end_late(state, "DONE")


def _late_refused(state: PaymentState, _: happened.LateReturnRefused) -> Existing | None:
    return _end_late(state, "FAILED")


def _end_late(state: PaymentState, outcome: Literal["DONE", "FAILED"]) -> Existing | None:
    if isinstance(state, Ended) and state.late:
        return replace(state, late=replace(state.late, outcome=outcome))
    return None


def _token_erased(state: PaymentState, _: happened.TokenErased) -> Existing | None:
    return None if isinstance(state, NotInitiated) else replace(state, token_erased=True)


def _contradicted(state: PaymentState, event: happened.ContradictionRecorded) -> Existing | None:
    if isinstance(state, NotInitiated):
        return None
    return replace(state, contradictions=(*state.contradictions, event.detail))


_Following = Callable[[PaymentState, Any], Existing | None]

_FOLLOWING: dict[type[PaymentEvent], _Following] = {
    happened.PaymentInitiated: _initiated,
    happened.ProviderCallStarted: _call_started,
    happened.ProviderOutcomeUnknown: _outcome_unknown,
    happened.ProviderCallMissing: _call_missing,
    happened.ActionRequired: _action_required,
    happened.ActionCompleted: _action_completed,
    happened.LookUpRequested: _look_up_requested,
    happened.ConfirmationRequested: _confirmation_requested,
    happened.SessionClosed: _session_closed,
    happened.TransferReceived: _transfer_received,
    happened.MoneyToReturn: _money_to_return,
    happened.PaymentAuthorized: _authorized,
    happened.CaptureRequested: _capture_requested,
    happened.PaymentCaptured: _captured,
    happened.PaymentFailed: _failed,
    happened.CancellationRequested: _cancellation_requested,
    happened.VoidRequested: _void_requested,
    happened.VoidFailed: _void_failed,
    happened.PaymentCancelled: _cancelled,
    happened.PaymentExpired: _expired,
    happened.RefundRequested: _refund_requested,
    happened.PaymentRefunded: _refunded,
    happened.RefundFailed: _refund_failed,
    happened.LateSuccessRecorded: _late_success,
    happened.LateSuccessReturned: _late_returned,
    happened.LateReturnRefused: _late_refused,
    happened.TokenErased: _token_erased,
    happened.ContradictionRecorded: _contradicted,
}
