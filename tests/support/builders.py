"""Events, commands and reports with everything filled in that a test does not care about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain import reports
from app.domain.money import Money
from app.domain.order.events import OrderItem, OrderPlaced
from app.domain.payment.events import (
    CaptureMode,
    CardMethod,
    Operation,
    PaymentEvent,
    PaymentInitiated,
    RedirectAction,
)
from app.domain.payment.model import (
    Cancel,
    PaymentCommand,
    PaymentState,
    RecordReport,
    RecordTokenErased,
    RefundMoney,
    StartCall,
)
from app.domain.reports import ProviderReport, Transferred
from tests.support.spec import PAYMENT, Given

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEADLINE_SECONDS = 600.0
PRICE = Money(1000, "EUR")
REFERENCE = "ch_1"
REDIRECT = RedirectAction(url="https://provider.test/approve/1")

TOKEN_STREAM = "token-pay_1-digest"
CARD = CardMethod(provider="sandbox", token_stream=TOKEN_STREAM)
"""A card whose token is kept in a stream of its own."""

GivenPayment = Given[PaymentCommand, PaymentState, PaymentEvent]


def at(seconds: float = 0) -> datetime:
    """So many seconds after a test's time begins."""
    return START + timedelta(seconds=seconds)


NOW = at(10)
LATER = at(DEADLINE_SECONDS)
"""When the deadline of `initiated(expires=True)` has just come."""


def initiated(*, manual: bool = False, expires: bool = False, **changes: Any) -> PaymentInitiated:
    """10.00 EUR by card."""
    fields: dict[str, Any] = {
        "payment_id": "pay_1",
        "merchant_id": "acme",
        "idempotency_key": "key-1",
        "fingerprint": "f1",
        "amount": PRICE.amount,
        "currency": PRICE.currency,
        "method": CardMethod(provider="sandbox", sealed_token="sealed"),
        "capture": CaptureMode.MANUAL if manual else CaptureMode.AUTOMATIC,
        "expires_at": LATER if expires else None,
        "at": at(),
    }
    return PaymentInitiated(**{**fields, **changes})


def payment(*, manual: bool = False, expires: bool = False, **changes: Any) -> GivenPayment:
    """A payment of which nothing is known but that it was initiated."""
    return PAYMENT.given(initiated(manual=manual, expires=expires, **changes))


def keeping_token(given: GivenPayment) -> GivenPayment:
    """The same payment, by a card whose token is kept in a stream of its own."""
    first, *rest = given.events
    assert isinstance(first, PaymentInitiated)
    return PAYMENT.given(first.model_copy(update={"method": CARD}), *rest)


def call(operation: Operation = Operation.AUTHORIZE, refund_id: str | None = None) -> StartCall:
    return StartCall(operation, at(1), refund_id)


def said(
    report: ProviderReport,
    operation: Operation = Operation.AUTHORIZE,
    *,
    refund_id: str | None = None,
    attempt: int | None = None,
) -> RecordReport:
    return RecordReport(operation, report, NOW, refund_id, attempt)


def authorized(amount: int = PRICE.amount, currency: str = PRICE.currency) -> reports.Authorized:
    return reports.Authorized(REFERENCE, Money(amount, currency))


def captured(amount: int = PRICE.amount, currency: str = PRICE.currency) -> reports.Captured:
    return reports.Captured(REFERENCE, Money(amount, currency))


def refunded(amount: int = PRICE.amount, currency: str = PRICE.currency) -> reports.Refunded:
    return reports.Refunded("re_1", Money(amount, currency))


def transferred(amount: int = PRICE.amount, currency: str = PRICE.currency, reference: str = "bank-1") -> Transferred:
    return Transferred(reference, Money(amount, currency))


DECLINED = reports.Declined("card_declined", "the card was declined", reference=REFERENCE)
ACTION_NEEDED = reports.ActionNeeded(REFERENCE, REDIRECT)
APPROVED = reports.Approved(REFERENCE)
EXPIRED_THERE = reports.Expired(REFERENCE)
ANOTHER_ACTION = reports.ActionNeeded(REFERENCE, RedirectAction(url="https://provider.test/approve/2"))
VOIDED = reports.Voided(REFERENCE)
PENDING = reports.Pending()
NO_TRACE = reports.Missing(conclusive=True)
NO_TRACE_YET = reports.Missing(conclusive=False)
NO_ANSWER = reports.Unknown("no answer")


def refund(refund_id: str = "ref_1", amount: int | None = None, reason: str | None = None) -> RefundMoney:
    return RefundMoney(refund_id, NOW, amount, reason)


CANCEL = Cancel(NOW)
TOKEN_IS_ERASED = RecordTokenErased(NOW)


def placed(**changes: Any) -> OrderPlaced:
    """Two of a thing for 5.00 EUR."""
    fields: dict[str, Any] = {
        "order_id": "ord_1",
        "merchant_id": "acme",
        "idempotency_key": "key-1",
        "fingerprint": "f1",
        "items": (OrderItem(sku="thing", quantity=2, unit_amount=500),),
        "total": 1000,
        "currency": "EUR",
        "at": at(),
    }
    return OrderPlaced(**{**fields, **changes})
