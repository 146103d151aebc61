"""What each of the sandbox's answers means: a table, and the promise that nothing falls outside it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.money import Money
from app.domain.payment.events import CardAuthenticationAction, Operation
from app.domain.reports import (
    ActionNeeded,
    Authorized,
    Captured,
    Declined,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
    Voided,
)
from app.providers.answer import Answer
from app.providers.sandbox.translate import report_of_call, report_of_look_up, turned_away

AUTHORIZE, CONFIRM, CAPTURE, VOID, REFUND = Operation
URL = "http://127.0.0.1:8090/approve/ch_1"
HELD, TAKEN = Money(4200, "EUR"), Money(4000, "EUR")


def charge(status: str, **changes: Any) -> dict[str, Any]:
    return {
        "object": "charge",
        "id": "ch_1",
        "status": status,
        "amount": HELD.amount,
        "amount_captured": TAKEN.amount if status == "captured" else 0,
        "currency": HELD.currency,
        "next_action": {"type": "authenticate", "url": URL} if status == "requires_action" else None,
        "failure": {"code": "card_declined", "message": "No."} if status == "declined" else None,
        **changes,
    }


def refund(status: str, **changes: Any) -> dict[str, Any]:
    return {"object": "refund", "id": "re_1", "status": status, "amount": 100, "currency": "EUR", **changes}


def error(code: str, kind: str = "invalid_request_error", charge: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "message": "No.", "param": None, "charge": charge}}


AUTHORIZED = Authorized("ch_1", HELD)
CAPTURED = Captured("ch_1", TAKEN)
VOIDED = Voided("ch_1")
DECLINED = Declined("card_declined", "No.", reference="ch_1")
NEEDS_CUSTOMER = ActionNeeded("ch_1", CardAuthenticationAction(url=URL))


@pytest.mark.parametrize(
    ("operation", "status", "report"),
    [
        (AUTHORIZE, "authorized", AUTHORIZED),
        (AUTHORIZE, "requires_action", NEEDS_CUSTOMER),
        (AUTHORIZE, "declined", DECLINED),
        (AUTHORIZE, "captured", CAPTURED),
        (AUTHORIZE, "voided", VOIDED),
        (AUTHORIZE, "processing", Pending()),
        (AUTHORIZE, "a status of tomorrow", Pending()),
        (CAPTURE, "captured", CAPTURED),
        (CAPTURE, "voided", VOIDED),
        (CAPTURE, "authorized", Pending()),
        (CAPTURE, "a status of tomorrow", Pending()),
        (VOID, "voided", VOIDED),
        (VOID, "captured", CAPTURED),
        (VOID, "declined", VOIDED),
        (VOID, "authorized", Pending()),
        (VOID, "a status of tomorrow", Pending()),
    ],
)
def test_a_charge_in_an_answer_means(operation: Operation, status: str, report: ProviderReport) -> None:
    assert report_of_call(operation, Answer(200, charge(status))) == report


@pytest.mark.parametrize(
    ("answer", "report"),
    [
        (refund("succeeded"), Refunded("re_1", Money(100, "EUR"))),
        (refund("pending"), Pending()),
        (refund("a status of tomorrow"), Pending()),
        (refund("failed"), Declined("refund_failed", "", reference="re_1")),
        (
            refund("canceled", failure={"code": "expired_or_canceled_card", "message": "No."}),
            Declined("expired_or_canceled_card", "No.", reference="re_1"),
        ),
    ],
)
def test_a_refund_in_an_answer_means(answer: dict[str, Any], report: ProviderReport) -> None:
    assert report_of_call(REFUND, Answer(200, answer)) == report


@pytest.mark.parametrize(
    ("operation", "status", "body", "report"),
    [
        (AUTHORIZE, 402, error("card_declined", "card_error", charge("declined")), DECLINED),
        (AUTHORIZE, 400, error("invalid_token"), Declined("invalid_token", "No.")),
        (AUTHORIZE, 400, error("parameter_invalid"), Declined("parameter_invalid", "No.")),
        (CAPTURE, 404, error("resource_missing"), Declined("resource_missing", "No.")),
        (
            CAPTURE,
            400,
            error("amount_too_large", charge=charge("authorized")),
            Declined("amount_too_large", "No.", reference="ch_1"),
        ),
        (CAPTURE, 400, error("charge_unexpected_state", charge=charge("captured")), CAPTURED),
        (CAPTURE, 400, error("charge_unexpected_state", charge=charge("voided")), VOIDED),
        (
            CAPTURE,
            400,
            error("charge_unexpected_state", charge=charge("declined")),
            Declined("charge_unexpected_state", "No.", reference="ch_1"),
        ),
        (VOID, 400, error("charge_unexpected_state", charge=charge("captured")), CAPTURED),
        (VOID, 400, error("charge_unexpected_state", charge=charge("voided")), VOIDED),
        (VOID, 400, error("charge_unexpected_state", charge=charge("declined")), VOIDED),
        (
            REFUND,
            400,
            error("amount_too_large", charge=charge("captured")),
            Declined("amount_too_large", "No.", reference="ch_1"),
        ),
    ],
)
def test_a_refusal_is_judged_by_how_the_charge_stands(
    operation: Operation, status: int, body: dict[str, Any], report: ProviderReport
) -> None:
    assert report_of_call(operation, Answer(status, body)) == report


@pytest.mark.parametrize("operation", Operation)
def test_a_key_in_use_means_that_the_operation_is_under_way(operation: Operation) -> None:
    body = error("idempotency_key_in_use", "idempotency_error")
    assert report_of_call(operation, Answer(409, body)) == Pending()


@pytest.mark.parametrize("operation", Operation)
def test_a_key_used_for_something_else_says_nothing_about_what_was_done(operation: Operation) -> None:
    body = error("idempotency_key_reused", "idempotency_error")
    assert isinstance(report_of_call(operation, Answer(400, body)), Unknown)


@pytest.mark.parametrize("operation", Operation)
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {}),
        (200, {"id": "ch_1", "status": "authorized"}),
        (200, charge("authorized", amount="4200")),
        (200, charge("authorized", amount=-1)),
        (200, charge("authorized", currency="euro")),
        (200, charge("requires_action", next_action={"url": "javascript:alert(1)"})),
        (400, {}),
        (400, {"error": "a text"}),
        (408, error("timeout")),
        (429, error("rate_limit")),
        (500, error("api_error")),
        (503, error("temporarily_unavailable", "overloaded_error")),
    ],
)
def test_what_nobody_understands_is_unknown(operation: Operation, status: int, body: dict[str, Any]) -> None:
    assert isinstance(report_of_call(operation, Answer(status, body)), Unknown)


@pytest.mark.parametrize("code", ["authentication_failed", "authentication_expired"])
def test_a_customer_who_did_not_authenticate_may_try_again(code: str) -> None:
    declined = charge("declined", failure={"code": code, "message": "No."})
    report = report_of_call(AUTHORIZE, Answer(402, error(code, "card_error", declined)))
    assert report == Declined(code, "No.", retryable=True, reference="ch_1")


def test_a_message_is_cut_to_a_length_that_can_be_shown() -> None:
    report = report_of_call(AUTHORIZE, Answer(400, {"error": {"type": "x", "code": "y", "message": "m" * 100_000}}))
    assert report == Declined("y", "m" * 500)


@pytest.mark.parametrize("conclusive", [True, False])
@pytest.mark.parametrize("operation", Operation)
def test_a_look_up_without_a_trace_is_as_conclusive_as_the_question(operation: Operation, conclusive: bool) -> None:
    answer = Answer(404, error("resource_missing"))
    assert report_of_look_up(operation, answer, conclusive=conclusive) == Missing(conclusive)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, error("unrecognized_request")),
        (404, {}),
        (401, error("resource_missing")),
        (200, {}),
        (200, {"answer": {"status": "200"}}),
    ],
)
@pytest.mark.parametrize("operation", Operation)
def test_only_the_providers_own_word_means_that_there_is_no_trace(
    operation: Operation, status: int, body: dict[str, Any]
) -> None:
    assert isinstance(report_of_look_up(operation, Answer(status, body), conclusive=True), Unknown)


@pytest.mark.parametrize(
    ("operation", "first", "now", "report"),
    [
        (AUTHORIZE, (200, charge("authorized")), charge("authorized"), AUTHORIZED),
        (AUTHORIZE, (200, charge("requires_action")), charge("requires_action"), NEEDS_CUSTOMER),
        (AUTHORIZE, (200, charge("requires_action")), charge("authorized"), AUTHORIZED),
        (AUTHORIZE, (200, charge("requires_action")), charge("declined"), DECLINED),
        (AUTHORIZE, (200, charge("requires_action")), charge("voided"), VOIDED),
        (AUTHORIZE, (200, charge("authorized")), charge("captured"), CAPTURED),
        (AUTHORIZE, (402, error("card_declined", charge=charge("declined"))), charge("declined"), DECLINED),
        (AUTHORIZE, (400, error("invalid_token")), None, Declined("invalid_token", "No.")),
        (CAPTURE, (200, charge("captured")), charge("captured"), CAPTURED),
        (CAPTURE, (400, error("charge_unexpected_state", charge=charge("voided"))), charge("voided"), VOIDED),
        (VOID, (200, charge("voided")), charge("voided"), VOIDED),
        (VOID, (400, error("charge_unexpected_state", charge=charge("captured"))), charge("captured"), CAPTURED),
        (REFUND, (200, refund("succeeded")), charge("captured"), Refunded("re_1", Money(100, "EUR"))),
        (
            REFUND,
            (400, error("amount_too_large", charge=charge("captured"))),
            charge("captured"),
            Declined("amount_too_large", "No.", reference="ch_1"),
        ),
    ],
)
def test_a_look_up_says_what_became_of_the_operation(
    operation: Operation, first: tuple[int, dict[str, Any]], now: dict[str, Any] | None, report: ProviderReport
) -> None:
    status, body = first
    found: dict[str, Any] = {"object": "operation", "answer": {"status": status, "body": body}, "charge": now}
    assert report_of_look_up(operation, Answer(200, found), conclusive=True) == report


def test_only_the_providers_own_refusal_before_any_effect_is_turned_away() -> None:
    busy = error("temporarily_unavailable", "overloaded_error")
    assert turned_away(Answer(503, busy))
    assert not turned_away(Answer(500, busy))
    assert not turned_away(Answer(503, {}))
    assert not turned_away(Answer(503, error("api_error")))


_WORDS = st.sampled_from(
    [
        "authorized",
        "captured",
        "voided",
        "declined",
        "requires_action",
        "succeeded",
        "failed",
        "charge",
        "refund",
        "EUR",
        "",
    ]
)
_KEYS = st.sampled_from([*charge("authorized"), *error("")["error"], "url", "error", "answer", "body"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=6),
    max_leaves=20,
)


@given(
    operation=st.sampled_from(Operation),
    status=st.integers(200, 599),
    body=st.dictionaries(_KEYS, _JSON, max_size=8),
    conclusive=st.booleans(),
)
def test_every_answer_means_something(
    operation: Operation, status: int, body: dict[str, Any], conclusive: bool
) -> None:
    answer = Answer(status, body)
    assert isinstance(report_of_call(operation, answer), ProviderReport)
    assert isinstance(report_of_look_up(operation, answer, conclusive=conclusive), ProviderReport)
    assert turned_away(answer) in {True, False}
