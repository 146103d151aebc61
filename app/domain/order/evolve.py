"""(state, event) -> state."""

from collections.abc import Iterable
from dataclasses import replace

from app.domain.order import events as happened
from app.domain.order.events import OrderEvent
from app.domain.order.model import Cancelled, Confirmed, NotPlaced, OrderState, Pending, Placed, Rejected


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
        case Pending(payment_id=None), happened.OrderPaymentStarted():
            return replace(state, payment_id=event.payment_id)
        case Pending(), happened.OrderPaymentEnded() if state.payment_id == event.payment_id:
            return replace(state, payment_id=None)
        case Pending(), happened.OrderConfirmed() if state.payment_id == event.payment_id:
            return Confirmed(state.terms, event.payment_id)
        case Pending(payment_id=None), happened.OrderRejected():
            return Rejected(state.terms, event.reason)
        case Pending(), happened.OrderCancelled():
            return Cancelled(state.terms, state.payment_id)
        case _:
            raise ImpossibleOrderHistory(state, event)
