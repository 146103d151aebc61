"""(state, now) -> what the processor should do next.

Running, recovery after a crash and reconciliation are all this one question, asked again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.payment.events import Operation
from app.domain.payment.model import (
    Authorizing,
    AwaitingCustomer,
    Call,
    Cancelled,
    Captured,
    Capturing,
    Confirming,
    Ended,
    Expired,
    Failed,
    Initiated,
    NotInitiated,
    PaymentState,
    Session,
    Voiding,
    deadline_of,
    outstanding_of,
    token_to_erase,
    waits_for_session,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the processor is."""

    call_timeout: timedelta = timedelta(seconds=5)
    """How long a call may be under way before its outcome counts as unknown."""
    customer_poll: timedelta = timedelta(seconds=2)
    """How long to wait for a provider's notice before asking whether the customer has acted."""
    session_poll: timedelta = timedelta(seconds=10)
    """How long after its end a payment is first asked about whose customer may still pay."""
    authorization_attempts: int = 3
    """How often an authorisation is tried that the provider has no trace of."""
    customer_patience: timedelta = timedelta(days=1)
    """How long a customer may take to act when the payment has no deadline of its own."""
    order_patience: timedelta = timedelta(seconds=10)
    """How long an order waits to hear from its payments before it is looked at all the same."""


@dataclass(frozen=True, slots=True)
class CallProvider:
    """Write down the intent, then make the call."""

    operation: Operation
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the provider what became of a call."""

    operation: Operation
    call: Call
    refund_id: str | None = None


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Ask again at `due`."""

    due: datetime


@dataclass(frozen=True, slots=True)
class EndByDeadline:
    """The payment's deadline has passed."""


@dataclass(frozen=True, slots=True)
class EndByGivingUp:
    """The provider has no trace of any attempt, and there were enough of them."""


@dataclass(frozen=True, slots=True)
class WatchSession:
    """The payment has ended, and the customer may still pay: ask, and stop asking when the provider's time is over."""

    session: Session


@dataclass(frozen=True, slots=True)
class EraseToken:
    """The payment does not need the card's token any more, which is kept in `stream`."""

    stream: str


NextAction = CallProvider | LookUp | WaitUntil | EndByDeadline | EndByGivingUp | WatchSession | EraseToken | None


def next_action(state: PaymentState, now: datetime, policy: Policy) -> NextAction:
    """What to do now, or None when nothing is left to do until a new event.

    Money comes first. The token comes when no call is under way, so that nobody's outcome has to wait for it.
    """
    return _move_money(state, now, policy) or _erase_token(state) or _watch_session(state, now, policy)


def _move_money(state: PaymentState, now: datetime, policy: Policy) -> NextAction:
    match state:
        case Initiated():
            return EndByDeadline() if _overdue(state, now) else CallProvider(Operation.AUTHORIZE)
        case Authorizing():
            return _authorizing(state, now, policy)
        case AwaitingCustomer():
            return _awaiting_customer(state, now, policy)
        case Confirming():
            return _confirming(state, now, policy)
        case Capturing():
            return _carry_out(Operation.CAPTURE, state.call, now, policy)
        case Voiding():
            return _carry_out(Operation.VOID, state.call, now, policy)
        case Captured():
            pending = next((refund for refund in state.refunds if refund.outcome == "PENDING"), None)
            if pending:
                return _carry_out(Operation.REFUND, pending.call, now, policy, pending.refund_id)
        case Failed() | Cancelled() | Expired():
            return _give_back(state, now, policy)
    return None


def _give_back(state: Failed | Cancelled | Expired, now: datetime, policy: Policy) -> NextAction:
    if state.late and state.late.outcome == "PENDING":
        return _carry_out(state.late.operation, state.late.call, now, policy)
    return None


def _erase_token(state: PaymentState) -> NextAction:
    stream = None if isinstance(state, NotInitiated) else token_to_erase(state)
    return EraseToken(stream) if stream else None


def _watch_session(state: PaymentState, now: datetime, policy: Policy) -> NextAction:
    if not isinstance(state, Ended) or state.session is None:
        return None
    ask_at = state.session.ended_at + policy.session_poll
    return WatchSession(state.session) if now >= ask_at else WaitUntil(ask_at)


def _confirming(state: Confirming, now: datetime, policy: Policy) -> NextAction:
    if state.call is None or state.call.missing:
        if state.cancelling:
            return EndByGivingUp()
        if _overdue(state, now):
            return EndByDeadline()
    return _carry_out(Operation.CONFIRM, state.call, now, policy)


def due_at(state: PaymentState, at: datetime, policy: Policy) -> datetime | None:
    """When the processor has something to do, seen from the time `at` of the last event; None for never."""
    match next_action(state, at, policy):
        case None:
            return None
        case WaitUntil(due):
            return due
        case _:
            return at


def _authorizing(state: Authorizing, now: datetime, policy: Policy) -> NextAction:
    deadline = deadline_of(state, policy.customer_patience)
    if waits_for_session(state) and deadline is not None and now >= deadline:
        return EndByDeadline()
    if state.call.missing:
        # A cancellation comes before the deadline: what has expired may still be paid, what is cancelled may not.
        if state.cancelling:
            return EndByGivingUp()
        if _overdue(state, now):
            return EndByDeadline()
        if state.call.attempt >= policy.authorization_attempts:
            return EndByGivingUp()
    return _carry_out(Operation.AUTHORIZE, state.call, now, policy)


def _awaiting_customer(state: AwaitingCustomer, now: datetime, policy: Policy) -> NextAction:
    deadline = deadline_of(state, policy.customer_patience)
    if deadline is not None and now >= deadline:
        return EndByDeadline()
    ask_at = state.since + policy.customer_poll
    if now >= ask_at or state.urged or outstanding_of(state) < state.asked_for:
        return LookUp(Operation.AUTHORIZE, state.call)
    return WaitUntil(min(ask_at, deadline) if deadline else ask_at)


def _carry_out(
    operation: Operation, call: Call | None, now: datetime, policy: Policy, refund_id: str | None = None
) -> NextAction:
    """Call when nothing was tried or the provider has no trace; wait while a call may be under way; else ask."""
    if call is None or call.missing:
        return CallProvider(operation, refund_id)
    answered_by = call.started_at + policy.call_timeout
    if call.unknown or now >= answered_by:
        return LookUp(operation, call, refund_id)
    return WaitUntil(answered_by)


def _overdue(state: Initiated | Authorizing | Confirming, now: datetime) -> bool:
    deadline = state.terms.expires_at
    return deadline is not None and now >= deadline
