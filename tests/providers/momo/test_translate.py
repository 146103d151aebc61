"""Every code MoMo is known to use, and answers nobody expects."""

from typing import Any

import pytest

from app.domain.money import Money
from app.domain.payment.events import CaptureMode, Operation, RedirectAction
from app.domain.reports import (
    ActionNeeded,
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
from app.providers.momo import codes
from app.providers.momo.translate import (
    report_of_confirmation,
    report_of_create,
    report_of_order,
    report_of_refund,
    report_of_refund_query,
)

ORDER = "pay_1"
PAGE = "https://test-payment.momo.vn/pay/1"
MONEY = Money(200_000, "VND")
AUTOMATIC, MANUAL = CaptureMode.AUTOMATIC, CaptureMode.MANUAL
NONSENSE: list[dict[str, Any]] = [
    {},
    {"resultCode": "0"},
    {"resultCode": True},
    {"resultCode": 0},
    {"resultCode": 0, "orderId": "pay_2", "payUrl": PAGE, "amount": 200_000, "transId": 7},
    {"resultCode": 0, "orderId": ORDER, "payUrl": "javascript:alert(1)", "amount": "200000", "transId": 7},
]


def answer(code: int, **changes: Any) -> Answer:
    body: dict[str, Any] = {
        "orderId": ORDER,
        "resultCode": code,
        "message": "words",
        "amount": 200_000,
        "transId": 7,
        "payUrl": PAGE,
    }
    return Answer(200, body | changes)


def kind(report: ProviderReport) -> object:
    return report.code if isinstance(report, Declined) else type(report)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, ActionNeeded),
        *[(code, Pending) for code in (1000, 7000, 7002, 9000, 40, 41, 42, 43, 123456)],
        *[(code, Voided) for code in (1003, 1006, 1017)],
        (1005, Expired),
        *[(code, Unknown) for code in (10, 98, 99)],
        *codes.OUR_FAULT.items(),
        *[(code, word) for code, word in codes.REFUSALS.items() if code not in codes.NO_WORD],
    ],
)
def test_what_creating_an_order_is_answered(code: int, expected: object) -> None:
    assert kind(report_of_create(ORDER, answer(code))) == expected


def test_a_session_leads_to_its_page() -> None:
    assert report_of_create(ORDER, answer(0)) == ActionNeeded(ORDER, RedirectAction(url=PAGE))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, Captured),
        (1000, ActionNeeded),
        (42, Missing),
        *[(code, Pending) for code in (7000, 7002, 9000, 123456)],
        *[(code, Voided) for code in (1003, 1006, 1017)],
        (1005, Expired),
        *[(code, Unknown) for code in (10, 40, 41, 43, *codes.OUR_FAULT)],
        *codes.REFUSALS.items(),
    ],
)
def test_what_a_query_says_of_a_payment_to_be_taken_at_once(code: int, expected: object) -> None:
    assert kind(report_of_order(Operation.AUTHORIZE, AUTOMATIC, ORDER, answer(code))) == expected


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        (Operation.AUTHORIZE, 9000, Authorized("7", MONEY)),
        (Operation.AUTHORIZE, 0, Captured("7", MONEY)),
        (Operation.CAPTURE, 9000, Missing(conclusive=False)),
        (Operation.CAPTURE, 0, Captured("7", MONEY)),
        (Operation.CAPTURE, 1017, Voided(ORDER)),
        (Operation.VOID, 9000, Missing(conclusive=False)),
        (Operation.VOID, 1017, Voided(ORDER)),
        (Operation.VOID, 0, Captured("7", MONEY)),
        (Operation.VOID, 1000, Voided(ORDER)),
    ],
)
def test_what_a_query_says_of_each_operation_on_a_hold(
    operation: Operation, code: int, expected: ProviderReport
) -> None:
    assert report_of_order(operation, MANUAL, ORDER, answer(code)) == expected


def test_a_hold_may_have_no_transaction_yet() -> None:
    found = answer(9000, transId=0)
    assert report_of_order(Operation.AUTHORIZE, MANUAL, ORDER, found) == Authorized(ORDER, MONEY)


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        (Operation.CAPTURE, 0, Captured),
        (Operation.VOID, 0, Voided),
        (Operation.CAPTURE, 1003, Voided),
        (Operation.VOID, 1005, Expired),
        (Operation.CAPTURE, 47, "not_applicable"),
        *[(Operation.CAPTURE, code, Pending) for code in (40, 41, 42, 7000, 9000)],
        *[(Operation.VOID, code, Unknown) for code in (10, 98, 99)],
    ],
)
def test_what_confirming_is_answered(operation: Operation, code: int, expected: object) -> None:
    assert kind(report_of_confirmation(operation, ORDER, answer(code))) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, Refunded),
        *[(code, Pending) for code in (40, 41, 43, 7000, 7002)],
        *[(code, Unknown) for code in (10, 98, 99)],
        (1080, "refund_failed_for_now"),
        (1081, "refund_refused"),
        (1088, "refund_not_eligible"),
        *codes.OUR_FAULT.items(),
    ],
)
def test_what_a_refund_is_answered(code: int, expected: object) -> None:
    assert kind(report_of_refund(answer(code))) == expected


def test_only_a_refund_that_failed_for_now_may_be_tried_again() -> None:
    assert [report_of_refund(answer(code)) for code in (1080, 1081)] == [
        Declined("refund_failed_for_now", "words", retryable=True),
        Declined("refund_refused", "words"),
    ]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (answer(0), Refunded("7", MONEY)),
        (answer(7002), Pending()),
        (answer(42), Missing(conclusive=False)),
        (answer(1088), Declined("refund_not_eligible", "words")),
        (answer(13), Unknown("the query was answered 13")),
        (
            answer(0, orderId="pay_0", refundTrans=[{"orderId": ORDER, "resultCode": 0, "amount": 9, "transId": 8}]),
            Refunded("8", Money(9, "VND")),
        ),
    ],
)
def test_what_a_query_says_of_a_refund(found: Answer, expected: ProviderReport) -> None:
    assert report_of_refund_query(ORDER, found) == expected


@pytest.mark.parametrize("body", NONSENSE)
def test_an_answer_nobody_understands_is_unknown(body: dict[str, Any]) -> None:
    found = Answer(200, body)
    assert isinstance(report_of_create(ORDER, found), Unknown)
    for operation in (Operation.AUTHORIZE, Operation.CAPTURE):
        assert isinstance(report_of_order(operation, MANUAL, ORDER, found), Unknown)
    assert isinstance(report_of_refund_query(ORDER, found), Unknown)
