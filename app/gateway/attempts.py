"""A payment that names an order placed here is an attempt to pay it: written down there first, one at a time."""

from datetime import datetime

from app.domain.ids import is_order_id
from app.domain.order.model import NotPlaced, Placed, StartPayment, attempt_of
from app.domain.payment.events import PaymentInitiated
from app.domain.refusals import AmountNotAllowed, IllegalTransition
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, load, transact
from app.gateway.requests import FieldProblem, InvalidRequest


async def attempt_for_order(store: EventStore, terms: PaymentInitiated, now: datetime) -> PaymentInitiated:
    """`terms` as the order has them, if they name an order that this merchant placed here; else as they are.

    Raises `InvalidRequest` when the order cannot be paid, or not by this payment, `IdempotencyKeyReused` and
    `StoreUnavailable`.
    """
    order_id = terms.order_id
    if order_id is None or not is_order_id(order_id):
        return terms
    known = await load(store, ORDERS, order_id)
    order = known.state
    if isinstance(order, NotPlaced) or order.terms.merchant_id != terms.merchant_id:
        # The merchant's own name for an order that is kept elsewhere.
        return terms
    payment = _within_deadline(terms, order.terms.expires_at)
    try:
        outcome = await transact(store, ORDERS, order_id, StartPayment(payment, now), new_cause(order_id), known=known)
    except IllegalTransition as refusal:
        raise _invalid("orderId", "order_not_payable", refusal.message) from None
    except AmountNotAllowed as refusal:
        field = "currency" if terms.currency != order.terms.currency else "amount"
        raise _invalid(field, "not_the_orders_total", refusal.message) from None
    return _as_written(outcome.history.state, payment)


async def planned_payments(store: EventStore, terms: PaymentInitiated) -> list[PaymentInitiated]:
    """The payments that the order of `terms` has written down, begun or not. Raises `StoreUnavailable`."""
    if terms.order_id is None or not is_order_id(terms.order_id):
        return []
    order = (await load(store, ORDERS, terms.order_id)).state
    if isinstance(order, NotPlaced):
        return []
    return [attempt.terms for attempt in order.attempts if attempt.terms is not None]


def _within_deadline(terms: PaymentInitiated, deadline: datetime | None) -> PaymentInitiated:
    deadlines = [each for each in (terms.expires_at, deadline) if each is not None]
    return terms.model_copy(update={"expires_at": min(deadlines, default=None)})


def _as_written(order: NotPlaced | Placed, payment: PaymentInitiated) -> PaymentInitiated:
    attempt = None if isinstance(order, NotPlaced) else attempt_of(order, payment.payment_id)
    return attempt.terms if attempt and attempt.terms else payment


def _invalid(field: str, code: str, message: str) -> InvalidRequest:
    return InvalidRequest((FieldProblem(field, code, f"{field}: {message}"),))
