"""Orders as clients see them: object types, results, and the way from views and refusals to them."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from app.domain.order.model import AttemptStatus, OrderStatus
from app.domain.refusals import IllegalTransition, Refusal
from app.gateway.orders import NoSuchOrder
from app.gateway.orders import OrderAccepted as Accepted
from app.gateway.requests import InvalidRequest
from projections.views import OrderView, PaymentView
from schema import mapping
from schema.context import Info
from schema.results import IdempotencyConflict, InvalidInput, Problem, ProviderUnavailable
from schema.types import Money, Node, Payment

strawberry.enum(OrderStatus, description="Where an order stands.")
strawberry.enum(AttemptStatus, name="OrderAttemptStatus", description="What became of one payment of an order.")


@strawberry.type(description="One line of an order.")
class OrderItem:
    """One line of an order."""

    sku: str
    name: str | None
    quantity: int
    unit_price: Money


@strawberry.type(description="A payment of an order, and what became of it.")
class OrderAttempt:
    """One payment of an order."""

    payment_id: strawberry.ID
    status: AttemptStatus


@strawberry.type(description="A change of the order that a client could see.")
class OrderTransition:
    """One step of an order's history."""

    version: int
    status: OrderStatus
    at: datetime


@strawberry.type(description="An order as of `version`.")
class Order(Node):
    """An order."""

    id: strawberry.ID
    status: OrderStatus
    version: int = strawberry.field(description="The revision of the last event folded in; what `after` takes.")
    previous_version: int | None = strawberry.field(
        description="The version of the value before this one, so that a client can check that none is missing."
    )
    total: Money
    items: list[OrderItem]
    description: str | None
    payment_id: strawberry.ID | None = strawberry.field(
        description="The payment that paid it, else the last that was tried."
    )
    attempts: list[OrderAttempt]
    reason: str | None = strawberry.field(description="Why it was rejected or cancelled.")
    history: list[OrderTransition]
    placed_at: datetime
    updated_at: datetime
    expires_at: datetime | None = strawberry.field(
        description="Until when it may be paid, by one payment after another; without it the first failure rejects it."
    )
    metadata: JSON

    @strawberry.field(description="The payment of `paymentId`, as it stands now.")
    async def payment(self, info: Info) -> Payment | None:
        """The payment that matters."""
        if self.payment_id is None:
            return None
        known = {attempt.payment_id: attempt.status for attempt in self.attempts}
        outcome = known.get(self.payment_id, AttemptStatus.OPEN)
        services, caller = info.context.services, info.context.caller
        view = await services.queries.payment_of_order(caller, self.payment_id, outcome)
        return None if view is None else mapping.payment(view)


@strawberry.type(description="The order is safely stored, and its first payment is begun.")
class OrderAccepted:
    """The order is safely stored."""

    order: Order
    payment: Payment
    client_secret: str = strawberry.field(description="Lets a browser watch this one order and its payments.")
    replayed: bool = strawberry.field(description="Whether this key had placed the order before.")


@strawberry.type(description="There is no such order.")
class OrderNotFound(Problem):
    """No such order."""

    code: str
    message: str


@strawberry.type(description="The order's status does not allow it.")
class IllegalOrderTransition(Problem):
    """The command does not fit the status."""

    code: str
    message: str
    field: str
    status: OrderStatus


@strawberry.type(description="The command is safely stored; `order` is the order after it.")
class OrderCommandAccepted:
    """The command is stored."""

    order: Order


PlaceOrderResult = Annotated[
    OrderAccepted | InvalidInput | IdempotencyConflict | ProviderUnavailable,
    strawberry.union("PlaceOrderResult"),
]
OrderCommandResult = Annotated[
    OrderCommandAccepted | InvalidInput | OrderNotFound | IllegalOrderTransition,
    strawberry.union("OrderCommandResult"),
]


def order(view: OrderView) -> Order:
    """An order as a client sees it."""
    currency = view.currency
    return Order(
        id=strawberry.ID(view.id),
        status=view.status,
        version=view.version,
        previous_version=view.previous,
        total=Money(amount=view.total, currency=currency),
        items=[
            OrderItem(
                sku=item.sku,
                name=item.name,
                quantity=item.quantity,
                unit_price=Money(amount=item.unit_amount, currency=currency),
            )
            for item in view.items
        ],
        description=view.description,
        payment_id=None if view.payment_id is None else strawberry.ID(view.payment_id),
        attempts=[
            OrderAttempt(payment_id=strawberry.ID(attempt.payment_id), status=attempt.status)
            for attempt in view.attempts
        ],
        reason=view.reason,
        history=[OrderTransition(version=step.version, status=step.status, at=step.at) for step in view.history],
        placed_at=view.placed_at,
        updated_at=view.updated_at,
        expires_at=view.expires_at,
        metadata=JSON(view.metadata),
    )


def accepted(outcome: Accepted, view: OrderView, payment: PaymentView) -> OrderAccepted:
    """The answer to an order that was placed; the views are of the moment when the answer is given."""
    return OrderAccepted(
        order=order(view),
        payment=mapping.payment(payment),
        client_secret=outcome.client_secret,
        replayed=outcome.replayed,
    )


def refused(
    refusal: Refusal | InvalidRequest | NoSuchOrder,
) -> InvalidInput | OrderNotFound | IllegalOrderTransition:
    """The answer to a command that was not carried out."""
    match refusal:
        case InvalidRequest():
            return mapping.invalid(refusal)
        case NoSuchOrder():
            return OrderNotFound(code="order_not_found", message="there is no such order")
        case IllegalTransition():
            return IllegalOrderTransition(
                code="illegal_transition",
                message=refusal.message,
                field="orderId",
                status=OrderStatus(refusal.status),
            )
    raise refusal
