"""Calls to a provider as the processor makes them, each about a payment of its own."""

import uuid
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from app.domain.ids import PaymentId, provider_key
from app.domain.money import Money
from app.domain.payment.events import Operation
from app.providers.port import Authorization, CaptureCall, MethodKind, PaymentTerms, Query, RefundCall, VoidCall

SUCCESS = "tok_success"
PRICE = Money(4200, "EUR")
INITIATED = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RETURN_URL = "https://pay.test/return/pay_1"


def new_payment() -> PaymentId:
    return PaymentId(f"pay_{uuid.uuid4().hex}")


def terms(payment_id: PaymentId, money: Money = PRICE, method: MethodKind = "card", **changes: Any) -> PaymentTerms:
    """What a call is about; `changes` are further fields."""
    usual: dict[str, Any] = {"initiated_at": INITIATED, "return_url": RETURN_URL}
    return PaymentTerms(payment_id, money, method, **usual | changes)


def authorization(payment_id: PaymentId, token: str = SUCCESS) -> Authorization:
    return Authorization(terms(payment_id), provider_key(payment_id, Operation.AUTHORIZE), SecretStr(token))


def capture(payment_id: PaymentId, reference: str, money: Money = PRICE) -> CaptureCall:
    return CaptureCall(terms(payment_id), provider_key(payment_id, Operation.CAPTURE), reference, money)


def void(payment_id: PaymentId, reference: str, *, held: bool = True) -> VoidCall:
    return VoidCall(terms(payment_id), provider_key(payment_id, Operation.VOID), reference, held)


def refund(payment_id: PaymentId, reference: str, money: Money = PRICE, refund_id: str = "1") -> RefundCall:
    key = provider_key(payment_id, Operation.REFUND, refund_id)
    return RefundCall(terms(payment_id), key, reference, money, PRICE)


def query(
    payment_id: PaymentId, operation: Operation, *, conclusive: bool = False, reference: str | None = None
) -> Query:
    key = provider_key(payment_id, operation)
    return Query(terms(payment_id), operation, key, reference, conclusive, PRICE)
