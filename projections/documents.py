"""Payments and orders as JSON documents, as the REST endpoints show them and webhooks carry them."""

from typing import Any

from app.domain.order.events import OrderItem
from projections.views import OrderView, PaymentView


def payment_document(view: PaymentView) -> dict[str, Any]:
    """A payment as of its last visible change."""
    return {
        "id": view.id,
        "status": view.status,
        "final": view.status.final,
        "version": view.changed,
        "previousVersion": view.previous,
        "amount": {"amount": view.amount, "currency": view.currency},
        "refundedAmount": {"amount": view.refunded, "currency": view.currency},
        "action": None if view.action is None else view.action.model_dump(mode="json"),
        "failure": None if view.failure is None else view.failure.model_dump(mode="json"),
        "orderId": view.order_id,
        "metadata": view.metadata,
        "updatedAt": view.updated_at.isoformat(),
    }


def order_document(view: OrderView) -> dict[str, Any]:
    """An order as of its last visible change."""
    return {
        "id": view.id,
        "status": view.status,
        "final": view.status.final,
        "version": view.changed,
        "previousVersion": view.previous,
        "total": {"amount": view.total, "currency": view.currency},
        "items": [_item(item) for item in view.items],
        "paymentId": view.payment_id,
        "reason": view.reason,
        "metadata": view.metadata,
        "updatedAt": view.updated_at.isoformat(),
    }


def _item(item: OrderItem) -> dict[str, Any]:
    return {"sku": item.sku, "quantity": item.quantity, "unitAmount": item.unit_amount, "name": item.name}
