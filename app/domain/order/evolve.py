"""(state, event) -> state."""

from collections.abc import Iterable
from dataclasses import replace

from app.domain.order import events as happened
from app.domain.order.events import OrderEvent
from app.domain.order.model import (
    Attempt,
    AttemptStatus,
    Cancelled,
    Confirmed,
    NotPlaced,
    OrderState,
    Pending,
    Placed,
    Rejected,
    attempt_of,
)


class ImpossibleOrderHistory(Exception):
    """An event that cannot follow the state before it: the stream was not written by `decide`."""

    def __init__(self, state: OrderState, event: OrderEvent) -> None:
        super().__init__(f"{type(event).__name__} cannot follow {type(state).__name__}")


def fold(events: Iterable[OrderEvent], state: OrderState = NotPlaced()) -> OrderState:  # noqa: B008 — frozen
    """The state after `events`, from `state` or from nothing."""
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: OrderState, event: OrderEvent) -> Placed:
    """The state after `event`; raises `ImpossibleOrderHistory` when it cannot follow."""
    match state, event:
        case NotPlaced(), happened.OrderPlaced():
            return Pending(event)
        case Pending(), happened.OrderPaymentStarted() if _may_start(state, event.payment_id):
            return replace(state, attempts=(*state.attempts, Attempt(event.payment_id, event.terms)))
        case Pending(), happened.OrderConfirmed() if attempt_of(state, event.payment_id):
            return Confirmed(state.terms, _with(state, event.payment_id, AttemptStatus.PAID), event.payment_id)
        case Pending(under_way=None), happened.OrderRejected():
            return Rejected(state.terms, state.attempts, event.reason)
        case Pending(), happened.OrderCancelled():
            return Cancelled(state.terms, state.attempts, event.reason)
        case ((Pending() | Confirmed() | Rejected() | Cancelled()), _) if type(event) in _ATTEMPT_AFTER:
            return _about_attempt(state, event)
    raise ImpossibleOrderHistory(state, event)


_ATTEMPT_AFTER: dict[type[OrderEvent], AttemptStatus] = {
    happened.OrderPaymentEnded: AttemptStatus.ENDED,
    happened.OrderPaymentRefused: AttemptStatus.REFUSED,
    happened.OrderPaymentReturned: AttemptStatus.RETURNED,
    happened.OrderReturnFailed: AttemptStatus.STUCK,
}


def _about_attempt(state: Placed, event: OrderEvent) -> Placed:
    payment_id = getattr(event, "payment_id", "")
    attempt = attempt_of(state, payment_id)
    if attempt is None or attempt.status is AttemptStatus.PAID:
        raise ImpossibleOrderHistory(state, event)
    return replace(state, attempts=_with(state, payment_id, _ATTEMPT_AFTER[type(event)]))


def _may_start(state: Pending, payment_id: str) -> bool:
    return state.under_way is None and attempt_of(state, payment_id) is None


def _with(state: Placed, payment_id: str, status: AttemptStatus) -> tuple[Attempt, ...]:
    return tuple(
        replace(attempt, status=status) if attempt.payment_id == payment_id else attempt for attempt in state.attempts
    )
