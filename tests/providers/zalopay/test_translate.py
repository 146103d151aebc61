"""Every code ZaloPay is known to use, and answers nobody expects."""

from typing import Any

import pytest

from app.domain.money import Money
from app.domain.payment.events import RedirectAction
from app.domain.reports import (
    ActionNeeded,
    Captured,
    Declined,
    Expired,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
)
from app.providers.answer import Answer
from app.providers.zalopay.translate import (
    report_of_create,
    report_of_order,
    report_of_refund,
    report_of_refund_query,
)

ORDER, REFUND = "261120_1", "261120_2000_1"
PAGE = "https://sb-openapi.zalopay.vn/pay?order=1"
MONEY = Money(200_000, "VND")


def answer(code: int, sub: int | None = None, **more: Any) -> Answer:
    body: dict[str, Any] = {"return_code": code, "sub_return_code": sub, "return_message": "words"}
    return Answer(200, body | more)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(1, 1, order_url=PAGE), ActionNeeded(ORDER, RedirectAction(url=PAGE))),
        (answer(2, -68), Pending()),
        (answer(3), Pending()),
        (answer(7), Pending()),
        (answer(2, -401), Declined("request_malformed", "words")),
        (answer(2, -402), Declined("signature_refused", "words")),
        (answer(2, -12345), Declined("order_refused", "words")),
        (answer(2), Declined("order_refused", "words")),
        *[(answer(2, sub), Unknown(f"answered {sub}")) for sub in (-429, -500, -999)],
    ],
)
def test_what_making_an_order_is_answered(found: Answer, expected: ProviderReport) -> None:
    assert report_of_create(ORDER, found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(1, 1, amount=200_000, zp_trans_id=7), Captured("7", MONEY)),
        (answer(3, is_processing=False), ActionNeeded(ORDER, None)),
        (answer(3, is_processing=True), Pending()),
        (answer(7), Pending()),
        (answer(2, -54), Expired(ORDER)),
        (answer(2, -49), Declined("payment_failed", "words")),
        (answer(2), Declined("payment_failed", "words")),
        (answer(2, -101), Missing(conclusive=True)),
        *[(answer(2, sub), Unknown(f"the query was answered {sub}")) for sub in (-68, -401, -402, -429, -500, -999)],
    ],
)
def test_what_a_query_says_of_an_order(found: Answer, expected: ProviderReport) -> None:
    assert report_of_order(ORDER, found, conclusive=True) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(1, 1, refund_id=9), Refunded(REFUND, MONEY)),
        (answer(3), Pending()),
        (answer(2, -68), Pending()),
        (answer(2, -401), Declined("request_malformed", "words")),
        (answer(2, -7, sub_return_message="why"), Declined("refund_refused", "why")),
        *[(answer(2, sub), Unknown(f"answered {sub}")) for sub in (-429, -500, -999)],
    ],
)
def test_what_a_refund_is_answered(found: Answer, expected: ProviderReport) -> None:
    assert report_of_refund(REFUND, MONEY, found) == expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(1, 1), Refunded(REFUND, MONEY)),
        (answer(3), Pending()),
        (answer(2, -7), Declined("refund_refused", "words")),
        (answer(2, -101), Missing(conclusive=False)),
        (answer(2, -402), Unknown("the query was answered -402")),
    ],
)
def test_what_a_query_says_of_a_refund(found: Answer, expected: ProviderReport) -> None:
    assert report_of_refund_query(REFUND, MONEY, found, conclusive=False) == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"return_code": "1"},
        {"return_code": True},
        {"return_code": 1, "order_url": "javascript:alert(1)", "amount": "200000", "refund_id": "9"},
        {"return_code": 1.5},
    ],
)
def test_an_answer_nobody_understands_is_unknown(body: dict[str, Any]) -> None:
    found = Answer(200, body)
    assert isinstance(report_of_create(ORDER, found), Unknown)
    assert isinstance(report_of_order(ORDER, found, conclusive=True), Unknown)
    assert isinstance(report_of_refund(REFUND, MONEY, found), Unknown)
    assert isinstance(report_of_refund_query(REFUND, MONEY, found, conclusive=True), Unknown)


@pytest.mark.parametrize("body", [{"return_code": 1}, {"return_code": 1, "amount": 200_000, "zp_trans_id": 0}])
def test_a_success_without_what_it_is_about_is_unknown(body: dict[str, Any]) -> None:
    assert isinstance(report_of_create(ORDER, Answer(200, body)), Unknown)
    assert isinstance(report_of_order(ORDER, Answer(200, body), conclusive=True), Unknown)
