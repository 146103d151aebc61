"""The bytes that are sent: method, path, headers that matter, body; the same however often a call is made."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from app.domain.payment.events import Operation
from app.providers.http import ProviderRequest
from app.providers.stripe.requests import Requests
from tests.providers.builders import RETURN_URL, authorization, capture, query, refund, terms, void
from tests.providers.stripe.building import PAYMENT, REFUND, settings

KEY = f"{PAYMENT}.refund.{REFUND}"
CREATED = {
    "amount": "4200",
    "currency": "eur",
    "confirm": "true",
    "capture_method": "manual",
    "allowed_payment_method_types[0]": "card",
    "payment_method": "pm_card_visa",
    "return_url": RETURN_URL,
    "metadata[payment_id]": PAYMENT,
}


def of(call: str) -> ProviderRequest:
    requests = Requests(settings())
    made: dict[str, ProviderRequest] = {
        "create": requests.create(authorization(PAYMENT, "pm_card_visa"), "pm_card_visa"),
        "show": requests.show("pi_1"),
        "show another": requests.show("pi/../1"),
        "find": requests.find(terms(PAYMENT)),
        "claim": requests.claim(terms(PAYMENT), "pi_1"),
        "capture": requests.capture(capture(PAYMENT, "pi_1")),
        "void": requests.void(void(PAYMENT, "pi_1")),
        "abandon": requests.abandon("pi_1"),
        "refund": requests.refund(refund(PAYMENT, "pi_1", refund_id=REFUND)),
        "refunds": requests.refunds(query(PAYMENT, Operation.REFUND, reference="pi_1"), None),
        "more refunds": requests.refunds(query(PAYMENT, Operation.REFUND, reference="pi_1"), "re_9"),
    }
    return made[call]


@pytest.mark.parametrize(
    ("call", "path", "key", "fields"),
    [
        ("create", "/v1/payment_intents", f"{PAYMENT}.authorize.1", CREATED),
        ("claim", "/v1/payment_intents/pi_1", "claim.pi_1", {"metadata[payment_id]": PAYMENT}),
        ("capture", "/v1/payment_intents/pi_1/capture", f"{PAYMENT}.capture.1", {"amount_to_capture": "4200"}),
        (
            "void",
            "/v1/payment_intents/pi_1/cancel",
            f"{PAYMENT}.void.1",
            {"cancellation_reason": "requested_by_customer"},
        ),
        ("abandon", "/v1/payment_intents/pi_1/cancel", "abandon.pi_1", {"cancellation_reason": "abandoned"}),
        (
            "refund",
            "/v1/refunds",
            KEY,
            {
                "payment_intent": "pi_1",
                "amount": "4200",
                "metadata[payment_id]": PAYMENT,
                "metadata[refund_key]": KEY,
            },
        ),
    ],
)
def test_what_changes_something_is_a_form_with_a_key(call: str, path: str, key: str, fields: dict[str, Any]) -> None:
    request = of(call)
    assert (request.method, request.path) == ("POST", path)
    assert request.headers == {
        "Authorization": "Bearer sk_test_1",
        "Stripe-Version": "2026-10-28.endive",
        "Content-Type": "application/x-www-form-urlencoded",
        "Idempotency-Key": key,
    }
    assert dict(parse_qsl((request.content or b"").decode())) == fields
    assert request.content == of(call).content


@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("show", "/v1/payment_intents/pi_1"),
        ("show another", "/v1/payment_intents/pi%2F..%2F1"),
        ("find", f"/v1/payment_intents/search?query=metadata%5B%27payment_id%27%5D%3A%27{PAYMENT}%27&limit=10"),
        ("refunds", "/v1/refunds?payment_intent=pi_1&limit=100"),
        ("more refunds", "/v1/refunds?payment_intent=pi_1&limit=100&starting_after=re_9"),
    ],
)
def test_what_only_asks_has_no_key_and_no_body(call: str, path: str) -> None:
    request = of(call)
    assert (request.method, request.path, request.content) == ("GET", path, None)
    assert request.headers == {"Authorization": "Bearer sk_test_1", "Stripe-Version": "2026-10-28.endive"}


def test_an_older_token_is_given_as_what_it_is() -> None:
    content = Requests(settings()).create(authorization(PAYMENT, "tok_visa"), "tok_visa").content or b""
    fields = dict(parse_qsl(content.decode()))
    assert "payment_method" not in fields
    assert fields["payment_method_data[type]"] == "card"
    assert fields["payment_method_data[card][token]"] == "tok_visa"


def test_another_account_is_named_in_every_call() -> None:
    request = Requests(settings(account="acct_1")).show("pi_1")
    assert request.headers["Stripe-Account"] == "acct_1"


def test_neither_key_nor_token_is_shown() -> None:
    assert "sk_test_1" not in repr(of("create"))
    assert "pm_card_visa" not in repr(of("create"))
    assert "sk_test_1" not in repr(settings())
