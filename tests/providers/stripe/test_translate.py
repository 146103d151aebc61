"""Stripe's words, and what they become."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.money import CURRENCY_EXPONENTS, Money
from app.domain.payment.events import CardAuthenticationAction, Operation
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
from app.providers.stripe.amounts import CURRENCIES
from app.providers.stripe.documents import Intent
from app.providers.stripe.translate import report_of_call, report_of_found, report_of_intent, turned_away, unfit_token
from tests.providers.builders import PRICE, terms
from tests.providers.stripe.building import PAYMENT, error, intent, refund

AUTHORIZE, CAPTURE, VOID, REFUND = Operation.AUTHORIZE, Operation.CAPTURE, Operation.VOID, Operation.REFUND
PAGE = "https://bank.test/3ds"
REDIRECT = {"type": "redirect_to_url", "redirect_to_url": {"url": PAGE, "return_url": "https://shop.test"}}
FAILURE = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}
NO_FUNDS = Declined("insufficient_funds", "The card has insufficient funds.", reference="pi_1")
HELD, TAKEN, RELEASED = Authorized("pi_1", PRICE), Captured("pi_1", PRICE), Voided("pi_1")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (intent("requires_payment_method"), Pending()),
        (intent("requires_payment_method", last_payment_error=FAILURE), NO_FUNDS),
        (intent("requires_confirmation"), Pending()),
        (intent("requires_action", next_action=REDIRECT), ActionNeeded("pi_1", CardAuthenticationAction(url=PAGE))),
        (intent("requires_action", next_action={"type": "use_stripe_sdk"}), Pending()),
        (intent("processing"), Pending()),
        (intent("requires_capture", amount_capturable=4200), HELD),
        (intent("succeeded", amount_received=4200), TAKEN),
        (intent("canceled", cancellation_reason="requested_by_customer"), RELEASED),
        (intent("canceled"), RELEASED),
        (intent("canceled", cancellation_reason="automatic"), Expired("pi_1")),
        (intent("canceled", cancellation_reason="expired"), Expired("pi_1")),
        (intent("canceled", cancellation_reason="abandoned", last_payment_error=FAILURE), NO_FUNDS),
        (
            intent("canceled", cancellation_reason="abandoned"),
            Declined("card_declined", "The card was declined.", reference="pi_1"),
        ),
        (intent("a status of next year"), Pending()),
    ],
)
def test_every_status_of_an_intent_means_something(document: dict[str, Any], expected: ProviderReport) -> None:
    assert report_of_intent(AUTHORIZE, Intent.model_validate(document)) == expected
    assert report_of_call(AUTHORIZE, Answer(200, document)) == expected


@pytest.mark.parametrize("operation", [CAPTURE, VOID])
@pytest.mark.parametrize(
    ("document", "called", "looked_up"),
    [
        (intent("succeeded", amount_received=4200), TAKEN, TAKEN),
        (intent("canceled"), RELEASED, RELEASED),
        (intent("canceled", cancellation_reason="automatic"), Expired("pi_1"), Expired("pi_1")),
        (intent("requires_capture", amount_capturable=4200), Pending(), Missing(conclusive=True)),
        (intent("requires_action", next_action=REDIRECT), Pending(), Missing(conclusive=True)),
        (intent("processing"), Pending(), Pending()),
    ],
)
def test_how_the_money_stands_decides_what_became_of_a_capture_or_a_void(
    operation: Operation, document: dict[str, Any], called: ProviderReport, looked_up: ProviderReport
) -> None:
    assert report_of_call(operation, Answer(200, document)) == called
    assert report_of_found(operation, Intent.model_validate(document), conclusive=True) == looked_up


@pytest.mark.parametrize("operation", [CAPTURE, VOID])
@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (intent("succeeded", amount_received=4200), TAKEN),
        (intent("canceled"), RELEASED),
        (
            intent("requires_action"),
            Declined(
                "payment_intent_unexpected_state",
                "The payment is not in a state that allows this.",
                reference="pi_1",
            ),
        ),
    ],
)
def test_a_refused_capture_or_void_is_judged_by_the_intent_that_comes_with_it(
    operation: Operation, left: dict[str, Any], expected: ProviderReport
) -> None:
    body = error(code="payment_intent_unexpected_state", payment_intent=left)
    assert report_of_call(operation, Answer(400, body)) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (refund("succeeded"), Refunded("re_1", PRICE)),
        (refund("pending"), Pending()),
        (refund("requires_action"), Pending()),
        (refund(None), Pending()),
        (refund("failed"), Declined("refund_failed", "The money could not be given back.", reference="re_1")),
        (refund("canceled"), Declined("refund_failed", "The money could not be given back.", reference="re_1")),
    ],
)
def test_every_status_of_a_refund_means_something(document: dict[str, Any], expected: ProviderReport) -> None:
    assert report_of_call(REFUND, Answer(200, document)) == expected


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error(code="parameter_invalid"), Declined),
        (404, error(code="resource_missing"), Declined),
        (402, error("card_error", code="expired_card"), Declined),
        (403, error("invalid_request_error"), Unknown),
        (400, error("idempotency_error"), Unknown),
        (409, error("idempotency_error", code="idempotency_key_in_use"), Pending),
        (409, error("invalid_request_error", code="lock_timeout"), Pending),
        (409, error("invalid_request_error"), Unknown),
        (400, {"error": "of another form"}, Unknown),
        (404, {}, Unknown),
        (500, error("api_error"), Unknown),
        (200, {"object": "payment_intent"}, Unknown),
        (200, intent("succeeded", amount="4200"), Unknown),
        (200, intent("succeeded", amount=4200.0), Unknown),
        (200, intent("succeeded", currency="EUR"), Unknown),
        (200, {}, Unknown),
    ],
)
def test_a_refusal_is_definite_only_where_stripe_says_so(status: int, body: dict[str, Any], kind: type) -> None:
    assert isinstance(report_of_call(AUTHORIZE, Answer(status, body)), kind)


@pytest.mark.parametrize("status", [401, 429])
def test_what_came_no_further_than_the_door_is_turned_away(status: int) -> None:
    assert turned_away(Answer(status, error()))
    assert not turned_away(Answer(status, {"message": "of a proxy"}))
    assert not turned_away(Answer(503, error()))


@pytest.mark.parametrize("reason", ["lost_card", "stolen_card", "fraudulent", "merchant_blacklist", "pickup_card", "?"])
def test_what_the_holder_of_a_card_must_not_learn_is_only_ever_declined(reason: str) -> None:
    for code in ("card_declined", "expired_card", reason):
        body = error("card_error", code=code, decline_code=reason)
        assert report_of_call(AUTHORIZE, Answer(402, body)) == Declined("card_declined", "The card was declined.")


@pytest.mark.parametrize(
    ("code", "decline_code", "told", "retryable"),
    [
        ("card_declined", "generic_decline", "card_declined", False),
        ("card_declined", "do_not_honor", "card_declined", False),
        ("card_declined", None, "card_declined", False),
        ("card_declined", "insufficient_funds", "insufficient_funds", False),
        ("card_declined", "card_velocity_exceeded", "card_velocity_exceeded", False),
        ("expired_card", None, "expired_card", False),
        ("expired_card", "expired_card", "expired_card", False),
        ("card_declined", "try_again_later", "try_again_later", True),
        ("card_declined", "reenter_transaction", "reenter_transaction", True),
        ("card_declined", "issuer_not_available", "issuer_not_available", True),
        ("processing_error", None, "processing_error", True),
        ("authentication_required", "authentication_required", "authentication_required", True),
        ("payment_intent_authentication_failure", None, "payment_intent_authentication_failure", True),
    ],
)
def test_a_decline_says_whether_the_same_card_may_succeed(
    code: str, decline_code: str | None, told: str, retryable: bool
) -> None:
    report = report_of_call(AUTHORIZE, Answer(402, error("card_error", code=code, decline_code=decline_code)))
    assert isinstance(report, Declined)
    assert (report.code, report.retryable) == (told, retryable)
    assert report.message != "nobody's business"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"metadata": {}}, None),
        ({"metadata": {"payment_id": "pay_another"}}, "token_already_used"),
        ({"amount": 4201}, "token_amount_mismatch"),
        ({"currency": "usd"}, "token_amount_mismatch"),
        ({"capture_method": "automatic", "metadata": {}}, "token_not_held"),
        ({"status": "requires_action", "metadata": {}}, "token_not_held"),
        ({"status": "succeeded", "metadata": {}}, "token_not_held"),
        # Claimed already, by a try of the same payment.
        ({"status": "succeeded"}, None),
    ],
)
def test_an_intent_of_the_browsers_pays_only_what_it_was_confirmed_for(
    changes: dict[str, Any], code: str | None
) -> None:
    found = Intent.model_validate(intent("requires_capture", amount_capturable=4200) | changes)
    unfit = unfit_token(found, terms(PAYMENT))
    assert (unfit.code if unfit else None) == code


def test_amounts_are_the_same_number_there_and_here() -> None:
    assert CURRENCY_EXPONENTS.keys() >= CURRENCIES
    # From Stripe's list of currencies without decimals, less those in which it differs from ISO 4217.
    without = "BIF CLP DJF GNF JPY KMF KRW PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905
    assert {code for code in CURRENCIES if CURRENCY_EXPONENTS[code] == 0} == set(without)
    assert not CURRENCIES & {"UGX", "ISK", "MGA", "KWD", "BHD", "OMR", "JOD", "TND"}
    assert {"HUF", "TWD"} <= CURRENCIES  # two digits in charges; whole numbers only in payouts


def test_dong_stay_dong() -> None:
    document = intent("requires_capture", amount=200000, amount_capturable=200000, currency="vnd")
    assert report_of_call(AUTHORIZE, Answer(200, document)) == Authorized("pi_1", Money(200000, "VND"))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from([*intent("x"), "error", "data", "code", "type"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from([*intent("x"), "error"]), ANYTHING), st.sampled_from([200, 400, 402, 404, 409]))
def test_no_answer_is_without_meaning(body: dict[str, Any], status: int) -> None:
    for operation in Operation:
        assert report_of_call(operation, Answer(status, body)) is not None
