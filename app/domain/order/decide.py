"""(command, state) -> events. `[]` when it is already so; a `Refusal` when it may not be.

What the process manager has found out is true when it is found; whoever else has changed the order meanwhile has made
it void, not wrong. So a finding that does not fit the state is `[]`, and the next look at the order says what does.
"""

from collections.abc import Callable
from typing import Any, Literal

from app.domain.money import Money
from app.domain.order import events as happened
from app.domain.order.events import OrderEvent
from app.domain.order.model import (
    AttemptStatus,
    Cancel,
    Cancelled,
    Confirm,
    Confirmed,
    EndPayment,
    NotPlaced,
    OrderCommand,
    OrderState,
    Pending,
    Place,
    Placed,
    RecordFailedReturn,
    RecordReturn,
    RefusePayment,
    Reject,
    Rejected,
    StartPayment,
    attempt_of,
    status_of,
)
from app.domain.refusals import AmountNotAllowed, IdempotencyKeyReused, IllegalTransition


def decide(command: OrderCommand, state: OrderState) -> list[OrderEvent]:
    """What `command` changes in `state`.

    Raises `IllegalTransition`, `AmountNotAllowed` or `IdempotencyKeyReused`; then nothing changes.
    """
    if isinstance(command, Place):
        return _place(command, state)
    if isinstance(state, NotPlaced):
        raise IllegalTransition("there is no such order", status="NONE")
    return _DECIDERS[type(command)](command, state)


def _place(command: Place, state: OrderState) -> list[OrderEvent]:
    if isinstance(state, NotPlaced):
        return [command.terms, _started(StartPayment(command.payment, command.terms.at))]
    if state.terms.fingerprint == command.terms.fingerprint:
        return []
    raise IdempotencyKeyReused("this idempotency key was used before, for an order with other content")


def _started(command: StartPayment) -> happened.OrderPaymentStarted:
    return happened.OrderPaymentStarted(payment_id=command.payment.payment_id, terms=command.payment, at=command.at)


def _start_payment(command: StartPayment, state: Placed) -> list[OrderEvent]:
    payment = command.payment
    earlier = attempt_of(state, payment.payment_id)
    if earlier is not None:
        if earlier.terms is None or earlier.terms.fingerprint == payment.fingerprint:
            return []
        raise IdempotencyKeyReused("this idempotency key was used before, for a request with other content")
    if not isinstance(state, Pending):
        raise _not_in(state, "paid")
    if state.under_way is not None:
        raise IllegalTransition("another payment for this order is under way", status=status_of(state))
    if state.terms.expires_at is not None and command.at >= state.terms.expires_at:
        raise IllegalTransition("the time to pay for this order is over", status=status_of(state))
    if (payment.amount, payment.currency) != (state.terms.total, state.terms.currency):
        total = Money(state.terms.total, state.terms.currency)
        raise AmountNotAllowed(f"the order's total is {total}", maximum=total.amount)
    return [_started(command)]


def _cancel(command: Cancel, state: Placed) -> list[OrderEvent]:
    if isinstance(state, Pending):
        return [happened.OrderCancelled(reason=command.reason, at=command.at)]
    raise _not_in(state, "cancelled")


def _end_payment(command: EndPayment, state: Placed) -> list[OrderEvent]:
    attempt = attempt_of(state, command.payment_id)
    if attempt is None or attempt.status is not AttemptStatus.OPEN:
        return []
    return [happened.OrderPaymentEnded(payment_id=command.payment_id, reason=command.reason, at=command.at)]


def _confirm(command: Confirm, state: Placed) -> list[OrderEvent]:
    """By the first payment whose money is safe, even one that had ended without: it was late, not contradicted."""
    if not isinstance(state, Pending) or attempt_of(state, command.payment_id) is None:
        return []
    return [happened.OrderConfirmed(payment_id=command.payment_id, at=command.at)]


def _reject(command: Reject, state: Placed) -> list[OrderEvent]:
    if not isinstance(state, Pending) or state.under_way is not None:
        return []
    return [happened.OrderRejected(reason=command.reason, at=command.at)]


def _refuse_payment(command: RefusePayment, state: Placed) -> list[OrderEvent]:
    attempt = attempt_of(state, command.payment_id)
    reason = _REFUSED_BECAUSE.get(type(state))
    if reason is None or attempt is None or attempt.status not in (AttemptStatus.OPEN, AttemptStatus.ENDED):
        return []
    return [happened.OrderPaymentRefused(payment_id=command.payment_id, reason=reason, at=command.at)]


_REFUSED_BECAUSE: dict[type[Placed], Literal["CANCELLED", "REJECTED", "ALREADY_PAID"]] = {
    Confirmed: "ALREADY_PAID",
    Rejected: "REJECTED",
    Cancelled: "CANCELLED",
}


def _record_return(command: RecordReturn, state: Placed) -> list[OrderEvent]:
    attempt = attempt_of(state, command.payment_id)
    if attempt is None or attempt.status in (AttemptStatus.PAID, AttemptStatus.RETURNED):
        return []
    return [happened.OrderPaymentReturned(payment_id=command.payment_id, at=command.at)]


def _record_failed_return(command: RecordFailedReturn, state: Placed) -> list[OrderEvent]:
    attempt = attempt_of(state, command.payment_id)
    settled = (AttemptStatus.PAID, AttemptStatus.RETURNED, AttemptStatus.STUCK)
    if attempt is None or attempt.status in settled:
        return []
    return [happened.OrderReturnFailed(payment_id=command.payment_id, at=command.at)]


def _not_in(state: Placed, wish: str) -> IllegalTransition:
    status = status_of(state)
    return IllegalTransition(f"an order that is {status} cannot be {wish}", status=status)


_DECIDERS: dict[type[OrderCommand], Callable[[Any, Placed], list[OrderEvent]]] = {
    StartPayment: _start_payment,
    Cancel: _cancel,
    EndPayment: _end_payment,
    Confirm: _confirm,
    Reject: _reject,
    RefusePayment: _refuse_payment,
    RecordReturn: _record_return,
    RecordFailedReturn: _record_failed_return,
}
