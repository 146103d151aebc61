"""Payments and orders in every position that customers are told of."""

from typing import Any

from app.domain.event_types import event_type
from app.domain.money import Money
from app.domain.order.model import OrderStatus
from app.domain.payment.events import CardAuthenticationAction, CardMethod, QrAction, QrMethod, RedirectAction
from app.domain.payment.model import PaymentStatus
from app.notifier.port import Message
from projections.fold import order_updates, payment_updates
from projections.views import OrderView, PaymentView, View
from tests.support.builders import NOW, initiated, placed

CARD = CardMethod(provider="sandbox", token_stream="token-pay_1-digest")
QR = QrMethod(provider="vietqr")
PRICE = Money(200_000, "VND")


def payment(status: PaymentStatus, **changes: Any) -> PaymentView:
    terms = initiated(amount=PRICE.amount, currency=PRICE.currency, method=changes.pop("method", CARD))
    folded, _ = payment_updates([terms])
    assert folded is not None
    return folded.view.model_copy(update={"status": status, "description": "two coffees", **changes})


def order(status: OrderStatus) -> OrderView:
    folded, _ = order_updates([placed()])
    assert folded is not None
    return folded.view.model_copy(update={"status": status, "payment_id": "pay_1"})


REDIRECTED = payment(PaymentStatus.REQUIRES_ACTION, action=RedirectAction(url="https://wallet.test/approve/1?a=1&b=2"))

TOLD: dict[str, View] = {
    "wallet": REDIRECTED,
    "card": payment(
        PaymentStatus.REQUIRES_ACTION, action=CardAuthenticationAction(url="https://bank.test/3ds"), description=None
    ),
    "qr": payment(PaymentStatus.REQUIRES_ACTION, method=QR, action=QrAction(payload="000201")),
    "succeeded": payment(PaymentStatus.SUCCEEDED),
    "failed": payment(PaymentStatus.FAILED),
    "failed, qr": payment(PaymentStatus.FAILED, method=QR),
    "cancelled": payment(PaymentStatus.CANCELLED),
    "cancelled, qr": payment(PaymentStatus.CANCELLED, method=QR),
    "expired": payment(PaymentStatus.EXPIRED),
    "expired, qr": payment(PaymentStatus.EXPIRED, method=QR),
    "partly refunded": payment(PaymentStatus.PARTIALLY_REFUNDED, refunded=50_000),
    "refunded": payment(PaymentStatus.REFUNDED, refunded=200_000),
    "order confirmed": order(OrderStatus.CONFIRMED),
    "order rejected": order(OrderStatus.REJECTED),
    "order cancelled": order(OrderStatus.CANCELLED),
}


def type_of(view: View) -> str:
    return event_type("payment" if isinstance(view, PaymentView) else "order", view.status)


def message(view: View = REDIRECTED, **changes: Any) -> Message:
    kind: Any = "payment" if isinstance(view, PaymentView) else "order"
    fields: dict[str, Any] = {
        "id": "msg_abcdefghijklmnopqrstuvwxyz234567",
        "subject_kind": kind,
        "subject": view.id,
        "version": view.version,
        "type": type_of(view),
        "occurred_at": NOW,
        "view": view,
    }
    return Message(**{**fields, **changes})
