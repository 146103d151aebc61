"""What a provider's report changes: the one door for the answer of a call, a webhook and a look-up.

Reports may come late, twice and in any order. What is already known changes nothing; the first definite word wins;
what contradicts it is recorded for people and moves no money.
"""

from collections.abc import Callable
from typing import Any

from app.domain import reports
from app.domain.ids import refund_id_for
from app.domain.money import Money
from app.domain.payment import events as happened
from app.domain.payment.events import CaptureMode, Operation, PaymentEvent
from app.domain.payment.evolve import call_of
from app.domain.payment.model import (
    Authorized,
    Authorizing,
    AwaitingCustomer,
    Cancelled,
    Captured,
    Capturing,
    Confirming,
    Ended,
    Existing,
    Expired,
    Failed,
    LateMoney,
    RecordReport,
    Refund,
    Voiding,
    outstanding_of,
    payment_id_of,
    waits_for_session,
)
from app.domain.payment.transfers import contradiction, transferred

PROVIDER_TIMEOUT = "provider_timeout"
"""Failure code of a payment whose provider never answered and has no trace of it."""


def record(command: RecordReport, state: Existing) -> list[PaymentEvent]:
    """The events a report amounts to; `[]` when it says nothing new."""
    return _RECORDERS[type(command.report)](command, command.report, state)


def _about_the_call(
    command: RecordReport, report: reports.Unknown | reports.Missing, state: Existing
) -> list[PaymentEvent]:
    if isinstance(state, Ended):
        never_begun = command.operation is Operation.AUTHORIZE and report == reports.Missing(conclusive=True)
        if never_begun and state.session is not None:
            return _session_closed(command, state)
    call = call_of(state, command.operation, command.refund_id)
    if call is None or call.missing or command.attempt not in (None, call.attempt):
        return []
    about = {"operation": call.operation, "attempt": call.attempt, "refund_id": command.refund_id}
    if isinstance(report, reports.Missing):
        if not report.conclusive:
            return []
        return [happened.ProviderCallMissing.model_validate({**about, "at": command.at})]
    if call.unknown:
        return []
    return [happened.ProviderOutcomeUnknown.model_validate({**about, "reason": report.reason, "at": command.at})]


def _pending_call(command: RecordReport, _: reports.Pending, state: Existing) -> list[PaymentEvent]:
    return _acted(command, state) if command.operation is Operation.AUTHORIZE else []


def _acted(command: RecordReport, state: Existing) -> list[PaymentEvent]:
    """Clients see a payment go back to PROCESSING before they see what came of the customer's action."""
    return [happened.ActionCompleted(at=command.at)] if isinstance(state, AwaitingCustomer) else []


def _action_needed(command: RecordReport, report: reports.ActionNeeded, state: Existing) -> list[PaymentEvent]:
    if report.action is None:
        return []
    required = happened.ActionRequired(reference=report.reference, action=report.action, at=command.at)
    match state:
        case Authorizing(refused_voids=0) if state.cancelling:
            return [required, happened.VoidRequested(at=command.at)]
        case Authorizing(refused_voids=0):
            return [required]
        case AwaitingCustomer() if outstanding_of(state) < state.asked_for and report.action != state.action:
            # A part has arrived; what is shown now asks for the rest.
            return [required]
        case Confirming() if command.operation is Operation.CONFIRM:
            # The provider sends the customer back to choose another way to pay there.
            return [happened.VoidRequested(at=command.at)] if state.cancelling else [required]
    # After a refusal to end the customer's session, it is waited for.
    return []


def _approved(command: RecordReport, report: reports.Approved, state: Existing) -> list[PaymentEvent]:
    requested = happened.ConfirmationRequested(reference=report.reference, at=command.at)
    match state:
        case Authorizing() if state.cancelling:
            # Nothing moves unless the provider is told to go on.
            return [requested, happened.VoidRequested(at=command.at)]
        case AwaitingCustomer() if state.refused_confirmations and command.attempt is not None and not state.urged:
            # Not news: it may still be the approval that was refused when it was confirmed.
            return []
        case Authorizing() | AwaitingCustomer():
            return [*_acted(command, state), requested]
    return []


def _transferred(command: RecordReport, report: reports.Transferred, state: Existing) -> list[PaymentEvent]:
    events = transferred(report, state, command.at)
    if events is None:
        return _contradiction(command, state, contradiction(report, _asked(state)))
    return events


def _expired(command: RecordReport, report: reports.Expired, state: Existing) -> list[PaymentEvent]:
    expired = happened.PaymentExpired(by_provider=True, at=command.at)
    match state:
        case Authorizing(cancelling=True) | Confirming(cancelling=True):
            return _called_off(command, state)
        case Voiding(held=0):
            return _session_over(command)
        case Authorizing() | AwaitingCustomer() | Confirming():
            return [*_acted(command, state), expired]
        case Authorized() | Capturing() | Voiding():
            # A hold that ran out has been released.
            return _voided(command, reports.Voided(report.reference or state.reference), state)
        case Expired() | Failed() | Cancelled():
            return _session_closed(command, state)
    return []


def _session_closed(command: RecordReport, state: Existing) -> list[PaymentEvent]:
    # The answer to our own wish to end a session says only that we wished it.
    word = command.operation is not Operation.VOID
    if word and isinstance(state, Expired | Failed | Cancelled) and state.session is not None:
        return [happened.SessionClosed(at=command.at)]
    return []


def _called_off(command: RecordReport, state: Existing) -> list[PaymentEvent]:
    """By the provider's own word, nothing can come of it any more."""
    cancelled = happened.PaymentCancelled(at=command.at)
    return [cancelled, happened.SessionClosed(at=command.at)] if waits_for_session(state) else [cancelled]


def _session_over(command: RecordReport) -> list[PaymentEvent]:
    """A session that we wished to end has ended; by the provider's own word, nothing can come of it any more."""
    cancelled = happened.PaymentCancelled(at=command.at)
    if command.operation is Operation.VOID:
        return [cancelled]
    return [cancelled, happened.SessionClosed(at=command.at)]


def _authorized(command: RecordReport, report: reports.Authorized, state: Existing) -> list[PaymentEvent]:
    authorized = happened.PaymentAuthorized(reference=report.reference, amount=report.amount.amount, at=command.at)
    match state:
        case Authorizing() | AwaitingCustomer() | Confirming():
            if report.amount != _asked(state):
                return _contradiction(command, state, f"{report.amount} was authorised, {_asked(state)} was asked for")
            return [*_acted(command, state), authorized, *_after_authorization(command, state)]
        case Expired() | Failed() | Cancelled():
            return _late(command, report.reference, report.amount, authorized, state)
    return []


def _after_authorization(command: RecordReport, state: Existing) -> list[PaymentEvent]:
    if isinstance(state, Authorizing | Confirming) and state.cancelling:
        return [happened.VoidRequested(at=command.at)]
    if state.terms.capture is CaptureMode.AUTOMATIC:
        return [happened.CaptureRequested(amount=state.terms.amount, at=command.at)]
    return []


def _captured(command: RecordReport, report: reports.Captured, state: Existing) -> list[PaymentEvent]:
    captured = happened.PaymentCaptured(reference=report.reference, amount=report.amount.amount, at=command.at)
    match state:
        case Authorizing() | AwaitingCustomer() | Confirming() | Capturing() | Voiding():
            asked = Money(state.amount, state.terms.currency) if isinstance(state, Capturing) else _asked(state)
            if report.amount != asked:
                return _contradiction(command, state, f"{report.amount} was captured, {asked} was asked for")
            unwanted = isinstance(state, Voiding) or (isinstance(state, Authorizing | Confirming) and state.cancelling)
            back = [_refund_of_all(command, report, state)] if unwanted else []
            return [*_acted(command, state), captured, *back]
        case Authorized():
            return _contradiction(command, state, f"{report.amount} was captured, nothing was asked for")
        case Expired() | Failed() | Cancelled():
            return _late(command, report.reference, report.amount, captured, state)
    return []


def _refund_of_all(command: RecordReport, report: reports.Captured, state: Existing) -> happened.RefundRequested:
    return happened.RefundRequested(
        # With a space, which no merchant's key has.
        refund_id=refund_id_for(payment_id_of(state), "after cancellation"),
        amount=report.amount.amount,
        reason="cancelled before the money was taken",
        at=command.at,
    )


def _late(
    command: RecordReport,
    reference: str,
    amount: Money,
    success: happened.PaymentAuthorized | happened.PaymentCaptured,
    state: Expired | Failed | Cancelled,
) -> list[PaymentEvent]:
    """A success after the end: accepted when nothing contradicts it, else given back; never dropped."""
    captured = isinstance(success, happened.PaymentCaptured)
    if isinstance(state, Cancelled) and not captured and state.released == reference:
        return []
    if state.late and (state.late.captured or not captured):
        return []
    timed_out = isinstance(state, Failed) and state.code == PROVIDER_TIMEOUT
    accepted = (isinstance(state, Expired) or timed_out) and amount == _asked(state)
    if isinstance(state, Expired) and not accepted:
        return _contradiction(command, state, f"{amount} arrived after expiry, {_asked(state)} was asked for")
    recorded = happened.LateSuccessRecorded(
        reference=reference,
        amount=amount.amount,
        captured=captured,
        resolution="ACCEPTED" if accepted else "RETURNED",
        at=command.at,
    )
    if not accepted:
        return [recorded]
    follow_up = [] if recorded.captured else _after_authorization(command, state)
    return [recorded, success, *follow_up]


def _declined(command: RecordReport, report: reports.Declined, state: Existing) -> list[PaymentEvent]:
    failed = happened.PaymentFailed(
        code=report.code,
        message=report.message,
        retryable=report.retryable,
        reference=report.reference,
        at=command.at,
    )
    match state, command.operation:
        case Authorizing(cancelling=True) | Confirming(cancelling=True), Operation.AUTHORIZE | Operation.CONFIRM:
            return _called_off(command, state)
        case Confirming(), Operation.AUTHORIZE | Operation.CONFIRM:
            return [failed]
        case ((Authorizing() | AwaitingCustomer()), Operation.AUTHORIZE):
            return [*_acted(command, state), failed]
        case ((Failed() | Cancelled() | Expired()), Operation.AUTHORIZE):
            return _session_closed(command, state)
        case ((Authorized() | Captured()), Operation.AUTHORIZE):
            return _contradiction(command, state, f"declined ({report.code}) after it was authorised")
        case Capturing(), Operation.CAPTURE:
            return [failed]
        case Voiding(), Operation.VOID:
            return [happened.VoidFailed(code=report.code, message=report.message, at=command.at)]
        case Captured(), Operation.REFUND:
            return _refund_declined(command, report, state)
        case ((Failed() | Cancelled() | Expired()), operation) if _returning(state, operation):
            return [happened.LateReturnRefused(code=report.code, message=report.message, at=command.at)]
    return []


def _refund_declined(command: RecordReport, report: reports.Declined, state: Captured) -> list[PaymentEvent]:
    if _pending(state, command.refund_id):
        refund_id = command.refund_id or ""
        return [happened.RefundFailed(refund_id=refund_id, code=report.code, message=report.message, at=command.at)]
    if _done(state, command.refund_id):
        detail = f"refund {command.refund_id} failed ({report.code}) after it was made"
        return _contradiction(command, state, detail)
    return []


def _voided(command: RecordReport, report: reports.Voided, state: Existing) -> list[PaymentEvent]:
    cancelled = happened.PaymentCancelled(at=command.at)
    match state:
        case Voiding(held=0):
            return _session_over(command)
        case Voiding() | Authorized() | Authorizing() | Confirming():
            return _called_off(command, state)
        case AwaitingCustomer():
            return [*_acted(command, state), cancelled]
        case Capturing():
            return [
                happened.PaymentFailed(
                    code="authorization_released",
                    message="the provider released the held funds before they were captured",
                    retryable=True,
                    reference=report.reference,
                    released=True,
                    at=command.at,
                )
            ]
        case Failed() | Cancelled() | Expired() if late := _returning(state, Operation.VOID):
            if late.call is None or command.attempt is None:
                # Not what we are still to ask for, or a notice, which does not say what it is about: it may be an old
                # word of the session that had ended before the hold came. Our own call is asked about until we know.
                return []
            return [happened.LateSuccessReturned(reference=report.reference, at=command.at)]
        case Failed() | Cancelled() | Expired():
            return _session_closed(command, state)
    return []


def _refunded(command: RecordReport, report: reports.Refunded, state: Existing) -> list[PaymentEvent]:
    match state:
        case Captured():
            refund = _pending(state, command.refund_id)
            if refund is None:
                return []
            asked = Money(refund.amount, state.terms.currency)
            if report.amount != asked:
                return _contradiction(command, state, f"{report.amount} was refunded, {asked} was asked for")
            return [
                happened.PaymentRefunded(
                    refund_id=refund.refund_id,
                    reference=report.reference,
                    amount=report.amount.amount,
                    at=command.at,
                )
            ]
        case Failed() | Cancelled() | Expired() if _returning(state, Operation.REFUND):
            return [happened.LateSuccessReturned(reference=report.reference, at=command.at)]
    return []


def _asked(state: Existing) -> Money:
    return Money(state.terms.amount, state.terms.currency)


def _pending(state: Captured, refund_id: str | None) -> Refund | None:
    return next(
        (refund for refund in state.refunds if refund.refund_id == refund_id and refund.outcome == "PENDING"),
        None,
    )


def _done(state: Captured, refund_id: str | None) -> bool:
    return any(refund.refund_id == refund_id and refund.outcome == "DONE" for refund in state.refunds)


def _returning(state: Failed | Cancelled | Expired, operation: Operation) -> LateMoney | None:
    late = state.late
    return late if late and late.outcome == "PENDING" and late.operation is operation else None


def _contradiction(command: RecordReport, state: Existing, detail: str) -> list[PaymentEvent]:
    if detail in state.contradictions:
        return []
    return [happened.ContradictionRecorded(operation=command.operation, detail=detail, at=command.at)]


_RECORDERS: dict[type[reports.ProviderReport], Callable[[RecordReport, Any, Existing], list[PaymentEvent]]] = {
    reports.Unknown: _about_the_call,
    reports.Missing: _about_the_call,
    reports.Pending: _pending_call,
    reports.ActionNeeded: _action_needed,
    reports.Approved: _approved,
    reports.Transferred: _transferred,
    reports.Authorized: _authorized,
    reports.Captured: _captured,
    reports.Expired: _expired,
    reports.Declined: _declined,
    reports.Voided: _voided,
    reports.Refunded: _refunded,
}
