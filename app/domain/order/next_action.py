"""(order, its payments, now) -> what the processor should do next for the order.

As with payments, running, recovery after a crash and the sweep are all this one question, asked again. What was done
before shows in the streams, and whatever is done twice has a derived id, so that it changes nothing the second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from app.domain.ids import PaymentId, RefundId, refund_id_for
from app.domain.order.model import (
    Attempt,
    AttemptStatus,
    Cancelled,
    Confirm,
    Confirmed,
    Ended,
    EndPayment,
    Finding,
    NotPlaced,
    OrderState,
    Pending,
    RecordFailedReturn,
    RecordReturn,
    RefusePayment,
    Reject,
    Rejected,
)
from app.domain.payment import model as payment
from app.domain.payment.events import PaymentInitiated
from app.domain.payment.model import PaymentState

_MOST_REFUSED_VOIDS = 3
_NEVER_BEGUN = "never_begun"
_NOT_RELEASED = "not_released"
EXPIRED = "expired"
"""Why an order is rejected whose time to be paid is over."""


@dataclass(frozen=True, slots=True)
class BeginPayment:
    """Begin a payment that was written down and not begun."""

    terms: PaymentInitiated


@dataclass(frozen=True, slots=True)
class CancelPayment:
    """Call off a payment that is not to take money any more."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class ReturnMoney:
    """Give back all that a payment took."""

    payment_id: str
    refund_id: RefundId


@dataclass(frozen=True, slots=True)
class Write:
    """Write down what was found."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Ask again at `due`."""

    due: datetime


NextOrderAction = BeginPayment | CancelPayment | ReturnMoney | Write | WaitUntil | None


class Standing(Enum):
    """What a payment is to its order."""

    ABSENT = auto()
    """Written down and not begun."""
    OPEN = auto()
    """It may still take money, and can be called off."""
    MOVING = auto()
    """Money is on its way, in or out, or the payment is being called off: wait."""
    PAID = auto()
    """It has taken money."""
    ENDED = auto()
    """It has ended without money."""
    RETURNED = auto()
    """What it held or took has been given back."""
    STUCK = auto()
    """What it holds or took could not be given back."""


def standing_of(payment_id: str, state: PaymentState) -> Standing:
    """What the payment in `state` is to its order."""
    match state:
        case payment.NotInitiated():
            return Standing.ABSENT
        case payment.Captured():
            return _of_captured(payment_id, state)
        case payment.Failed() | payment.Cancelled() | payment.Expired():
            return Standing.ENDED if state.late is None else _LATE[state.late.outcome]
        case payment.Authorized() if state.refused_voids >= _MOST_REFUSED_VOIDS:
            return Standing.STUCK
        case payment.Capturing() | payment.Voiding():
            return Standing.MOVING
        case payment.Authorizing(cancelling=True) | payment.Confirming(cancelling=True):
            return Standing.MOVING
    return Standing.OPEN


_LATE = {"PENDING": Standing.MOVING, "DONE": Standing.RETURNED, "FAILED": Standing.STUCK}


def _of_captured(payment_id: str, state: payment.Captured) -> Standing:
    if state.refundable == 0:
        return Standing.RETURNED if state.refunded >= state.amount else Standing.MOVING
    ours = next((refund for refund in state.refunds if refund.refund_id == refund_id(payment_id)), None)
    if ours is None:
        return Standing.PAID
    # It is asked for once. What is left then, people give back: beside it, a refund of the merchant's may have failed.
    return Standing.MOVING if ours.outcome == "PENDING" else Standing.STUCK


def refund_id(payment_id: str) -> RefundId:
    """The refund by which an order gives a payment's money back."""
    # With a space, which no merchant's key has.
    return refund_id_for(PaymentId(payment_id), "not for this order")


def next_action(order: OrderState, payments: Mapping[str, PaymentState], now: datetime) -> NextOrderAction:
    """What to do now for an order, or None when nothing is left to do until something happens.

    `payments` has the state of each of the order's payments, by id.
    """
    match order:
        case NotPlaced():
            return None
        case Pending():
            return _pay(order, payments, now)
        case Confirmed() | Rejected() | Cancelled():
            return _undo(order, payments, now)


def _pay(order: Pending, payments: Mapping[str, PaymentState], now: datetime) -> NextOrderAction:
    standings = [(attempt, standing_of(attempt.payment_id, payments[attempt.payment_id])) for attempt in order.attempts]
    # The first money that is safe, though it came late, by a payment that had been taken for lost.
    for attempt, standing in standings:
        if standing is Standing.PAID:
            return Write(Confirm(attempt.payment_id, now))
    for attempt, standing in standings:
        found = _find(attempt, standing, payments[attempt.payment_id], now)
        if found is not None:
            return found
    if order.under_way is None:
        return _reject_or_wait(order, now)
    return _let_go(order.under_way, payments, now) if _is_overdue(order, now) else None


def _let_go(attempt: Attempt, payments: Mapping[str, PaymentState], now: datetime) -> NextOrderAction:
    """A hold has no deadline of its own: when the order's is over, nobody is to take the money any more."""
    state = payments[attempt.payment_id]
    if not isinstance(state, payment.Authorized):
        return None
    if standing_of(attempt.payment_id, state) is Standing.OPEN:
        return CancelPayment(attempt.payment_id)
    return Write(EndPayment(attempt.payment_id, _NOT_RELEASED, now))


def _find(attempt: Attempt, standing: Standing, state: PaymentState, now: datetime) -> NextOrderAction:
    """What has become of one payment that has no money for the order."""
    payment_id = attempt.payment_id
    if attempt.status is AttemptStatus.OPEN:
        match standing:
            case Standing.ABSENT if attempt.terms is not None:
                return BeginPayment(attempt.terms)
            case Standing.ABSENT:
                return Write(EndPayment(payment_id, _NEVER_BEGUN, now))
            case Standing.ENDED | Standing.RETURNED | Standing.STUCK if not isinstance(state, payment.Authorized):
                return Write(EndPayment(payment_id, _why(state), now))
    elif attempt.status in (AttemptStatus.ENDED, AttemptStatus.REFUSED):
        match standing:
            case Standing.RETURNED:
                return Write(RecordReturn(payment_id, now))
            case Standing.STUCK:
                return Write(RecordFailedReturn(payment_id, now))
    elif attempt.status is AttemptStatus.STUCK and standing in (Standing.RETURNED, Standing.ENDED):
        # People have found a way.
        return Write(RecordReturn(payment_id, now))
    return None


def _why(state: PaymentState) -> str:
    match state:
        case payment.Failed():
            return state.code
        case payment.Cancelled():
            return "cancelled"
        case payment.Expired():
            return EXPIRED
    return "refunded"


def _is_overdue(order: Pending, now: datetime) -> bool:
    return order.terms.expires_at is not None and now >= order.terms.expires_at


def _reject_or_wait(order: Pending, now: datetime) -> NextOrderAction:
    deadline = order.terms.expires_at
    if deadline is None:
        return Write(Reject("payment_failed" if order.attempts else "not_paid", now))
    return Write(Reject(EXPIRED, now)) if now >= deadline else WaitUntil(deadline)


def _undo(order: Ended, payments: Mapping[str, PaymentState], now: datetime) -> NextOrderAction:
    """Of an order that has ended: no payment but its own keeps money, or goes on."""
    for attempt in order.attempts:
        if attempt.status is AttemptStatus.PAID:
            continue
        action = _undo_one(attempt, payments[attempt.payment_id], now)
        if action is not None:
            return action
    return None


def _undo_one(attempt: Attempt, state: PaymentState, now: datetime) -> NextOrderAction:
    payment_id, standing = attempt.payment_id, standing_of(attempt.payment_id, state)
    match standing:
        case Standing.OPEN:
            return CancelPayment(payment_id)
        case Standing.PAID if attempt.status in (AttemptStatus.OPEN, AttemptStatus.ENDED):
            return Write(RefusePayment(payment_id, now))
        case Standing.PAID if attempt.status is AttemptStatus.REFUSED:
            return ReturnMoney(payment_id, refund_id(payment_id))
        case Standing.STUCK if attempt.status is AttemptStatus.OPEN:
            return Write(RecordFailedReturn(payment_id, now))
    return _find(attempt, standing, state, now)


def due_at(order: OrderState, at: datetime, patience: timedelta) -> datetime | None:
    """When the processor has to look at the order by itself, seen from the time `at` of the last event.

    What happens to a payment is a reason to look at its order; `patience` later it is looked at in any case. None: only
    when something happens.
    """
    if isinstance(order, NotPlaced):
        return None
    if any(attempt.status in _UNSETTLED for attempt in order.attempts):
        return at + patience
    return (order.terms.expires_at or at) if isinstance(order, Pending) else None


_UNSETTLED = (AttemptStatus.OPEN, AttemptStatus.REFUSED)
