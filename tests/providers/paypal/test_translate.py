"""PayPal's statuses, issues and amounts, each with its meaning."""

from typing import Any

import pytest

from app.domain.money import Money
from app.domain.payment.events import Operation, RedirectAction
from app.domain.reports import (
    ActionNeeded,
    Approved,
    Authorized,
    Captured,
    Declined,
    Expired,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
    Voided,
)
from app.providers.answer import Answer
from app.providers.paypal import amounts, translate
from app.providers.paypal.documents import Authorization, Order, Refund, parsed

EUR = {"currency_code": "EUR", "value": "42.00"}
PRICE = Money(4200, "EUR")
PAGE = "https://www.paypal.com/checkoutnow?token=O1"
WAITS = ActionNeeded("O1", RedirectAction(url=PAGE))


def order(status: str | None, *, link: str = "payer-action", **payments: list[tuple[str, str]]) -> Order:
    """An order with documents of (id, status)."""
    papers = {
        plural: [{"id": paper_id, "status": stands, "amount": EUR} for paper_id, stands in documents]
        for plural, documents in payments.items()
    }
    body: dict[str, Any] = {
        "id": "O1",
        "purchase_units": [{"payments": papers}],
        "links": [{"rel": "self", "href": "https://api"}, {"rel": link, "href": PAGE}],
    }
    found = parsed(Order, body if status is None else {**body, "status": status})
    assert found is not None
    return found


def refusal(issue: str, status: int = 422, link: str | None = None) -> Answer:
    links: Any = [{"rel": link, "href": PAGE}] if link else []
    details: Any = [{"issue": issue, "description": "Why."}]
    return Answer(status, {"name": "UNPROCESSABLE_ENTITY", "details": details, "links": links})


def declined(code: str, *, reference: str | None = "O1", retryable: bool = False) -> Declined:
    return Declined(code, "Why.", retryable=retryable, reference=reference)


@pytest.mark.parametrize(
    ("found", "begun", "confirmed"),
    [
        (order("CREATED", link="approve"), WAITS, WAITS),
        (order("PAYER_ACTION_REQUIRED"), WAITS, WAITS),
        (order("SAVED"), WAITS, WAITS),
        (order("CREATED", link="none"), Pending(), Pending()),
        (order("APPROVED"), Approved("O1"), Missing(conclusive=True)),
        (order("VOIDED"), Expired("O1"), Expired("O1")),
        (order("COMPLETED"), Pending(), Pending()),
        (order("BRAND_NEW"), Pending(), Pending()),
    ],
)
def test_every_status_of_an_order_without_money_has_its_meaning(
    found: Order, begun: ProviderReport, confirmed: ProviderReport
) -> None:
    assert translate.report_of_order(Operation.AUTHORIZE, found, conclusive=True) == begun
    assert translate.report_of_order(Operation.CONFIRM, found, conclusive=True) == confirmed


REFUSED = Declined("capture_declined", "PayPal did not take the money.", reference="C1")


@pytest.mark.parametrize(
    ("found", "report"),
    [
        (order("COMPLETED", captures=[("C1", "COMPLETED")]), Captured("C1", PRICE)),
        (order("COMPLETED", captures=[("C1", "PENDING")]), Pending()),
        (order("COMPLETED", captures=[("C1", "REFUNDED")]), Captured("C1", PRICE)),
        (order("COMPLETED", captures=[("C1", "PARTIALLY_REFUNDED")]), Captured("C1", PRICE)),
        (order("COMPLETED", captures=[("C1", "DECLINED")]), REFUSED),
        (order(None, captures=[("C1", "DECLINED")]), REFUSED),
        (order("PAYER_ACTION_REQUIRED", captures=[("C1", "DECLINED")]), WAITS),
        (order("COMPLETED", captures=[("C1", "DECLINED"), ("C2", "COMPLETED")]), Captured("C2", PRICE)),
        (order("COMPLETED", captures=[("C1", "BRAND_NEW")]), Pending()),
        (order("COMPLETED", authorizations=[("A1", "CREATED")]), Authorized("A1", PRICE)),
        (order("COMPLETED", authorizations=[("A1", "PENDING")]), Pending()),
        (order("COMPLETED", authorizations=[("A1", "VOIDED")]), Voided("A1")),
        (order("COMPLETED", authorizations=[("A1", "EXPIRED")]), Expired("A1")),
        (
            order("COMPLETED", authorizations=[("A1", "DENIED")]),
            Declined("authorization_denied", "PayPal did not hold the money.", reference="A1"),
        ),
        (
            order("COMPLETED", authorizations=[("A1", "CAPTURED")], captures=[("C1", "COMPLETED")]),
            Captured("C1", PRICE),
        ),
    ],
)
@pytest.mark.parametrize("operation", [Operation.AUTHORIZE, Operation.CONFIRM])
def test_money_says_more_than_the_orders_status(found: Order, report: ProviderReport, operation: Operation) -> None:
    assert translate.report_of_order(operation, found, conclusive=True) == report


@pytest.mark.parametrize(
    ("status", "report"),
    [
        ("CREATED", Missing(conclusive=True)),
        ("PENDING", Pending()),
        ("VOIDED", Voided("A1")),
        ("EXPIRED", Expired("A1")),
        ("CAPTURED", None),
        ("PARTIALLY_CAPTURED", None),
    ],
)
def test_a_hold_says_what_became_of_it(status: str, report: ProviderReport | None) -> None:
    hold = parsed(Authorization, {"id": "A1", "status": status, "amount": EUR})
    assert hold is not None
    assert translate.report_of_hold(hold, conclusive=True) == report


@pytest.mark.parametrize(
    ("status", "report"),
    [
        ("COMPLETED", Refunded("R1", PRICE)),
        ("PENDING", Pending()),
        ("CANCELLED", Declined("refund_cancelled", "PayPal did not give it back.", reference="R1")),
        ("FAILED", Declined("refund_failed", "PayPal did not give it back.", reference="R1")),
        ("BRAND_NEW", Pending()),
    ],
)
def test_a_refund_says_what_became_of_it(status: str, report: ProviderReport) -> None:
    refund = parsed(Refund, {"id": "R1", "status": status, "amount": EUR})
    assert refund is not None
    assert translate.report_of_refund(refund) == report


DONE_BEFORE = """
ORDER_ALREADY_CAPTURED ORDER_ALREADY_AUTHORIZED AUTHORIZATION_ALREADY_CAPTURED PREVIOUSLY_CAPTURED
ORDER_COMPLETED_OR_VOIDED PREVIOUSLY_VOIDED CAPTURE_FULLY_REFUNDED DUPLICATE_INVOICE_ID
"""
OUR_FAULT = """
ACTION_DOES_NOT_MATCH_INTENT CURRENCY_MISMATCH DECIMALS_NOT_SUPPORTED MAX_CAPTURE_AMOUNT_EXCEEDED
REFUND_AMOUNT_EXCEEDED REFUND_TIME_LIMIT_EXCEEDED PAYER_CANNOT_PAY
"""


@pytest.mark.parametrize(
    ("answer", "report"),
    [
        *((refusal(issue), None) for issue in DONE_BEFORE.split()),
        *((refusal(issue), declined(issue.lower())) for issue in OUR_FAULT.split()),
        (refusal("TRANSACTION_REFUSED"), declined("transaction_refused", retryable=True)),
        (refusal("ORDER_COMPLETION_IN_PROGRESS"), Pending()),
        (refusal("PREVIOUS_REQUEST_IN_PROGRESS", 409), Pending()),
        (refusal("PENDING_CAPTURE"), Pending()),
        (refusal("ORDER_EXPIRED"), Expired("O1")),
        (refusal("AUTHORIZATION_EXPIRED"), Expired("O1")),
        (refusal("AUTHORIZATION_VOIDED"), Voided("O1")),
        (refusal("INSTRUMENT_DECLINED", link="redirect"), WAITS),
        (refusal("ORDER_NOT_APPROVED", link="approve"), WAITS),
        (refusal("PAYER_ACTION_REQUIRED", link="payer-action"), WAITS),
        (refusal("INSTRUMENT_DECLINED"), None),
        (refusal("RATE_LIMIT_REACHED", 429), Unknown("answered 429")),
        (refusal("INTERNAL_SERVICE_ERROR", 500), Unknown("answered 500")),
        (Answer(422, {"unheard": "of"}), Unknown("answered 422")),
        (Answer(403, {"name": "NOT_AUTHORIZED", "message": "Why."}), declined("not_authorized")),
    ],
)
def test_every_issue_has_its_meaning(answer: Answer, report: ProviderReport | None) -> None:
    assert translate.report_of_refusal(answer, "O1") == report


@pytest.mark.parametrize(
    ("answer", "found", "report"),
    [
        (refusal("ORDER_ALREADY_CAPTURED"), order("COMPLETED", captures=[("C1", "COMPLETED")]), Captured("C1", PRICE)),
        (refusal("ORDER_COMPLETED_OR_VOIDED"), order("VOIDED"), Expired("O1")),
        (refusal("INSTRUMENT_DECLINED"), order("PAYER_ACTION_REQUIRED"), WAITS),
        (refusal("INSTRUMENT_DECLINED"), order("APPROVED"), WAITS),
        (
            refusal("INSTRUMENT_DECLINED"),
            order("APPROVED", link="none"),
            declined("instrument_declined", retryable=True),
        ),
        (refusal("DUPLICATE_INVOICE_ID"), order("APPROVED"), declined("duplicate_invoice_id")),
    ],
)
def test_a_refused_confirmation_is_judged_by_its_order(answer: Answer, found: Order, report: ProviderReport) -> None:
    assert translate.report_after_refusal(answer, found) == report


@pytest.mark.parametrize(
    ("money", "value"),
    [
        (Money(1000, "USD"), "10.00"),
        (Money(5, "EUR"), "0.05"),
        (Money(4200, "JPY"), "4200"),
        (Money(420_000, "HUF"), "4200"),
        (Money(100, "TWD"), "1"),
    ],
)
def test_amounts_are_written_and_read_in_the_currencys_own_units(money: Money, value: str) -> None:
    assert amounts.written(money) == value
    assert amounts.read(money.currency, value) == money
    assert amounts.read(money.currency, f"{value.partition('.')[0]}.00") == Money(
        money.amount // 100 * 100 if "." in value else money.amount, money.currency
    )


@pytest.mark.parametrize("money", [Money(200_000, "VND"), Money(10, "KWD"), Money(-1, "USD"), Money(50, "HUF")])
def test_what_paypal_does_not_take_is_not_written(money: Money) -> None:
    assert amounts.written(money) is None


@pytest.mark.parametrize("value", ["", "-1", "+1", "1e2", "1.001", ".5", "1.", "1,000", " 1", "NaN", "9" * 20])
def test_what_is_no_amount_is_not_read(value: str) -> None:
    assert amounts.read("USD", value) is None
