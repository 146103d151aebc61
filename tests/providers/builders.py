"""Calls to a provider as the processor makes them, each about a payment of its own."""

import uuid

from pydantic import SecretStr

from app.domain.ids import PaymentId, provider_key
from app.domain.money import Money
from app.domain.payment.events import Operation
from app.providers.port import Authorization, CaptureCall, Query, RefundCall, VoidCall

SUCCESS = "tok_success"
PRICE = Money(4200, "EUR")


def new_payment() -> PaymentId:
    return PaymentId(f"pay_{uuid.uuid4().hex}")


def authorization(payment_id: PaymentId, token: str = SUCCESS) -> Authorization:
    return Authorization(payment_id, provider_key(payment_id, Operation.AUTHORIZE), PRICE, "card", SecretStr(token))


def capture(payment_id: PaymentId, reference: str, money: Money = PRICE) -> CaptureCall:
    return CaptureCall(payment_id, provider_key(payment_id, Operation.CAPTURE), reference, money)


def void(payment_id: PaymentId, reference: str) -> VoidCall:
    return VoidCall(payment_id, provider_key(payment_id, Operation.VOID), reference)


def refund(payment_id: PaymentId, reference: str, money: Money = PRICE, refund_id: str = "1") -> RefundCall:
    return RefundCall(payment_id, provider_key(payment_id, Operation.REFUND, refund_id), reference, money)


def query(
    payment_id: PaymentId, operation: Operation, *, conclusive: bool = False, reference: str | None = None
) -> Query:
    return Query(payment_id, operation, provider_key(payment_id, operation), reference, conclusive)
