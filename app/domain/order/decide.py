"""(command, state) -> events. `[]` when it is already so; a `Refusal` when it may not be."""

from typing import assert_never

from app.domain.order import events as happened
from app.domain.order.events import OrderEvent
from app.domain.order.model import (
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
    Reject,
    Rejected,
    StartPayment,
    status_of,
)
from app.domain.refusals import IdempotencyKeyReused, IllegalTransition


def decide(command: OrderCommand, state: OrderState) -> list[OrderEvent]:
    """What `command` changes in `state`; raises `IllegalTransition` or `IdempotencyKeyReused`."""
    if isinstance(command, Place):
        return _place(command, state)
    if isinstance(state, NotPlaced):
        raise IllegalTransition("there is no such order", status="NONE")
    match command:
        case StartPayment():
            return _start_payment(command, state)
        case EndPayment():
            return _end_payment(command, state)
        case Confirm():
            return _confirm(command, state)
        case Reject():
            return _reject(command, state)
        case Cancel():
            return _cancel(command, state)
    assert_never(command)


def _place(command: Place, state: OrderState) -> list[OrderEvent]:
    if isinstance(state, NotPlaced):
        return [command.terms]
    if state.terms.fingerprint == command.terms.fingerprint:
        return []
    raise IdempotencyKeyReused("this idempotency key was used before, for an order with other content")


def _start_payment(command: StartPayment, state: Placed) -> list[OrderEvent]:
    match state:
        case Pending(payment_id=None):
            return [happened.OrderPaymentStarted(payment_id=command.payment_id, at=command.at)]
        case Pending() | Confirmed() if state.payment_id == command.payment_id:
            return []
        case Pending():
            raise IllegalTransition("another payment for this order is under way", status=status_of(state))
    raise _not_in(state, "paid")


def _end_payment(command: EndPayment, state: Placed) -> list[OrderEvent]:
    if isinstance(state, Pending) and state.payment_id == command.payment_id:
        return [happened.OrderPaymentEnded(payment_id=command.payment_id, reason=command.reason, at=command.at)]
    return []


def _confirm(command: Confirm, state: Placed) -> list[OrderEvent]:
    match state:
        case Pending() if state.payment_id == command.payment_id:
            return [happened.OrderConfirmed(payment_id=command.payment_id, at=command.at)]
        case Confirmed() if state.payment_id == command.payment_id:
            return []
    raise _not_in(state, f"confirmed by payment {command.payment_id}")


def _reject(command: Reject, state: Placed) -> list[OrderEvent]:
    match state:
        case Pending(payment_id=None):
            return [happened.OrderRejected(reason=command.reason, at=command.at)]
        case Rejected():
            return []
    raise _not_in(state, "rejected")


def _cancel(command: Cancel, state: Placed) -> list[OrderEvent]:
    match state:
        case Pending():
            return [happened.OrderCancelled(reason=command.reason, at=command.at)]
        case Cancelled():
            return []
    raise _not_in(state, "cancelled")


def _not_in(state: Placed, wish: str) -> IllegalTransition:
    status = status_of(state)
    return IllegalTransition(f"an order that is {status} cannot be {wish}", status=status)
