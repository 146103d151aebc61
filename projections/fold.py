"""(what is known, event) -> what is known, and the update if a client can see the change. Pure.

The state machine is the domain's; here it only becomes what a client sees.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.delivery import evolve as delivery
from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.model import NothingOwed, Owing
from app.domain.order import evolve as order
from app.domain.order.events import OrderEvent
from app.domain.order.model import Cancelled as OrderCancelled
from app.domain.order.model import Confirmed as OrderConfirmed
from app.domain.order.model import NotPlaced, Placed
from app.domain.order.model import Rejected as OrderRejected
from app.domain.order.model import status_of as order_status_of
from app.domain.payment import evolve as payment
from app.domain.payment.events import PaymentCancelled, PaymentEvent, PaymentFailed, VoidRequested
from app.domain.payment.model import (
    AwaitingCustomer,
    Captured,
    Existing,
    Failed,
    NotInitiated,
    status_of,
)
from projections.views import (
    DeliveriesView,
    Failure,
    MessageView,
    OrderAttempt,
    OrderTransition,
    OrderView,
    PaymentTransition,
    PaymentView,
    Update,
    update_of,
)


@dataclass(frozen=True)
class FoldedPayment:
    """A payment's state and view after its events up to `view.version`; `at` is the time of the last of them."""

    state: Existing
    view: PaymentView
    at: datetime


@dataclass(frozen=True)
class FoldedOrder:
    """An order's state and view after its events up to `view.version`; `at` is the time of the last of them."""

    state: Placed
    view: OrderView
    at: datetime


@dataclass(frozen=True)
class FoldedDeliveries:
    """What a target is owed about one payment or order after the events up to `view.version`; the last is `event`."""

    state: Owing
    view: DeliveriesView
    event: DeliveryEvent


def fold_payment(
    before: FoldedPayment | None, revision: int, event: PaymentEvent
) -> tuple[FoldedPayment, Update | None]:
    """Take in the event at `revision`; the update is None when a client sees no change."""
    state = payment.evolve(before.state if before else NotInitiated(), event)
    seen = _seen(state)
    view_before = before.view if before else None
    if view_before and seen == _seen_in(view_before):
        return FoldedPayment(state, view_before.model_copy(update={"version": revision}), event.at), None
    view = _payment_view(state, seen, revision, event, view_before)
    return FoldedPayment(state, view, event.at), update_of(view)


def payment_updates(events: Iterable[PaymentEvent]) -> tuple[FoldedPayment | None, list[Update]]:
    """Fold a whole stream from revision 0: where it stands, and every update there ever was."""
    folded: FoldedPayment | None = None
    updates = []
    for revision, event in enumerate(events):
        folded, update = fold_payment(folded, revision, event)
        if update:
            updates.append(update)
    return folded, updates


def _seen(state: Existing) -> dict[str, Any]:
    """All that a client sees change."""
    return {
        "status": status_of(state),
        "refunded": state.refunded if isinstance(state, Captured) else 0,
        "action": state.action if isinstance(state, AwaitingCustomer) else None,
        "failure": Failure(code=state.code, message=state.message, retryable=state.retryable)
        if isinstance(state, Failed)
        else None,
    }


def _seen_in(view: PaymentView) -> dict[str, Any]:
    return {"status": view.status, "refunded": view.refunded, "action": view.action, "failure": view.failure}


def _payment_view(
    state: Existing, seen: dict[str, Any], revision: int, event: PaymentEvent, before: PaymentView | None
) -> PaymentView:
    terms = state.terms
    transition = PaymentTransition(version=revision, status=seen["status"], at=event.at, detail=_detail(event))
    return PaymentView(
        id=terms.payment_id,
        merchant_id=terms.merchant_id,
        version=revision,
        changed=revision,
        previous=before.changed if before else None,
        amount=terms.amount,
        currency=terms.currency,
        method=terms.method.kind,
        provider=terms.method.provider,
        capture=terms.capture,
        order_id=terms.order_id,
        description=terms.description,
        history=(*before.history, transition) if before else (transition,),
        initiated_at=terms.at,
        updated_at=event.at,
        expires_at=terms.expires_at,
        metadata=terms.metadata,
        **seen,
    )


def _detail(event: PaymentEvent) -> str | None:
    match event:
        case PaymentFailed():
            return event.code
        case PaymentCancelled() | VoidRequested():
            return event.reason
    return None


def fold_order(before: FoldedOrder | None, revision: int, event: OrderEvent) -> tuple[FoldedOrder, Update | None]:
    """As `fold_payment`, for an order."""
    state = order.evolve(before.state if before else NotPlaced(), event)
    view_before = before.view if before else None
    seen = _seen_of_order(state)
    if view_before and seen == {name: getattr(view_before, name) for name in seen}:
        return FoldedOrder(state, view_before.model_copy(update={"version": revision}), event.at), None
    view = _order_view(state, seen, revision, event.at, view_before)
    return FoldedOrder(state, view, event.at), update_of(view)


def order_updates(events: Iterable[OrderEvent]) -> tuple[FoldedOrder | None, list[Update]]:
    """As `payment_updates`, for an order."""
    folded: FoldedOrder | None = None
    updates = []
    for revision, event in enumerate(events):
        folded, update = fold_order(folded, revision, event)
        if update:
            updates.append(update)
    return folded, updates


def _seen_of_order(state: Placed) -> dict[str, Any]:
    """All that a client sees change."""
    attempts = tuple(OrderAttempt(payment_id=each.payment_id, status=each.status) for each in state.attempts)
    return {
        "status": order_status_of(state),
        "payment_id": _payment_of(state),
        "reason": state.reason if isinstance(state, OrderRejected | OrderCancelled) else None,
        "attempts": attempts,
    }


def _payment_of(state: Placed) -> str | None:
    """The payment that matters: the one that paid, else the last that was tried."""
    if isinstance(state, OrderConfirmed):
        return state.payment_id
    return state.attempts[-1].payment_id if state.attempts else None


def _order_view(
    state: Placed, seen: dict[str, Any], revision: int, at: datetime, before: OrderView | None
) -> OrderView:
    terms = state.terms
    transition = OrderTransition(version=revision, status=seen["status"], at=at)
    return OrderView(
        id=terms.order_id,
        merchant_id=terms.merchant_id,
        version=revision,
        changed=revision,
        previous=before.changed if before else None,
        total=terms.total,
        currency=terms.currency,
        items=terms.items,
        description=terms.description,
        metadata=terms.metadata,
        expires_at=terms.expires_at,
        history=(*before.history, transition) if before else (transition,),
        placed_at=terms.at,
        updated_at=at,
        **seen,
    )


def fold_deliveries(
    before: FoldedDeliveries | None, revision: int, event: DeliveryEvent
) -> tuple[FoldedDeliveries, None]:
    """As `fold_payment`, for what a target is owed; nobody watches that live."""
    state = delivery.evolve(before.state if before else NothingOwed(), event)
    return FoldedDeliveries(state, deliveries_view(state, revision), event), None


def deliveries_view(state: Owing, revision: int) -> DeliveriesView:
    """What a merchant sees of what a target is owed."""
    address = state.address
    return DeliveriesView(
        channel=address.channel,
        target_id=address.target_id,
        merchant_id=address.merchant_id,
        subject_kind=address.subject_kind,
        subject=address.subject,
        version=revision,
        messages=tuple(
            MessageView(
                message_id=each.message_id,
                version=each.version,
                type=each.type,
                status=each.status,
                attempts=each.attempts,
                last_answer=each.last_answer,
                occurred_at=each.occurred_at,
                owed_at=each.owed_at,
                next_attempt_at=each.next_attempt_at,
                delivered_at=each.delivered_at,
            )
            for each in state.messages.values()
        ),
    )
