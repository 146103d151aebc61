"""Whom to tell, as clients send it: refused by field, and never repeated."""

from typing import Any

import pytest

from app.gateway.push_requests import SubscribeToPushRequest, UnsubscribeFromPushRequest
from app.gateway.requests import InitiateRequest, InvalidRequest, parse

POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SUBSCRIPTION = {
    "paymentId": "pay_1",
    "endpoint": "https://push.test/send/abc",
    "p256dh": POINT,
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
PAYMENT = {"idempotencyKey": "k", "amount": 1, "currency": "EUR", "method": {"card": {"token": "tok_success"}}}


def initiated(notify: dict[str, Any]) -> InitiateRequest:
    return parse(InitiateRequest, {**PAYMENT, "notify": notify})


def refusal(kind: Any, given: dict[str, Any]) -> tuple[str, str, str]:
    with pytest.raises(InvalidRequest) as refused:
        parse(kind, given)
    (problem,) = refused.value.problems
    return problem.field, problem.code, str(refused.value)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("an@example.com", "an@example.com"),
        ("An.Nguyen+shop@Example.COM", "An.Nguyen+shop@example.com"),
        ("an@xn--bcher-kva.example.com", "an@xn--bcher-kva.example.com"),
        ("an@bücher.example.com", "an@xn--bcher-kva.example.com"),
    ],
)
def test_a_mail_address_is_kept_as_it_is_written_to(given: str, address: str) -> None:
    notify = initiated({"email": given}).notify
    assert notify is not None
    assert notify.email.get_secret_value() == address
    assert given not in repr(notify)


@pytest.mark.parametrize(
    "email",
    ["", "binh", "binh@", "@example.org", "binh@localhost", "binh an@example.org",
     "binh@example.org\r\nBcc: x@example.org",
         "nguyễn@example.com", "a" * 65 + "@example.org", "binh@example.org, bo@example.org"],
)  # fmt: skip
def test_what_is_no_mail_address_is_refused_and_not_repeated(email: str) -> None:
    field, code, text = refusal(InitiateRequest, {**PAYMENT, "notify": {"email": email}})
    assert (field, code) == ("notify.email", "invalid_email")
    assert not email or email not in text


@pytest.mark.parametrize(("given", "known"), [("en", "en"), ("vi", "vi"), ("vi-VN", "vi"), ("EN-gb", "en")])
def test_a_language_may_come_with_its_region(given: str, known: str) -> None:
    notify = initiated({"email": "an@example.com", "locale": given}).notify
    assert notify is not None
    assert notify.locale == known


@pytest.mark.parametrize("given", ["fr", "", "english"])
def test_a_language_we_have_not_is_refused(given: str) -> None:
    given_notify = {**PAYMENT, "notify": {"email": "an@example.com", "locale": given}}
    assert refusal(InitiateRequest, given_notify)[:2] == ("notify.locale", "unknown_locale")


def test_a_push_subscription_is_taken_as_the_browser_gives_it() -> None:
    request = parse(SubscribeToPushRequest, {**SUBSCRIPTION, "p256dh": POINT + "=", "locale": "vi"})
    assert (request.subject, request.locale) == ("pay_1", "vi")
    assert "push.test" not in repr(request)
    assert POINT not in repr(request)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("endpoint", "", "too_short"),
        ("endpoint", "https://push.test/" + "a" * 2048, "too_long"),
        ("p256dh", "", "invalid_key"),
        ("p256dh", POINT[:-4], "invalid_key"),
        ("p256dh", "A" * 87, "invalid_key"),
        ("p256dh", "B" + "A" * 86, "invalid_key"),
        ("p256dh", "no base64url!", "invalid_key"),
        ("auth", "BTBZMqHH6r4Tts7J", "invalid_key"),
        ("auth", "BTBZMqHH6r4Tts7J_aSIggAA", "invalid_key"),
        ("auth", "é" * 22, "invalid_key"),
        ("locale", "fr", "unknown_locale"),
        ("paymentId", "no id", "invalid_id"),
        ("orderId", "ord_1", "one_of"),
    ],
)
def test_what_is_no_push_subscription_is_refused_by_field(field: str, value: str, code: str) -> None:
    named, said, text = refusal(SubscribeToPushRequest, {**SUBSCRIPTION, field: value})
    assert (named, said) == ("paymentId" if code == "one_of" else field, code)
    assert field == "paymentId" or not value or value not in text


def test_a_subscription_is_forgotten_by_its_endpoint_alone() -> None:
    request = parse(UnsubscribeFromPushRequest, {"orderId": "ord_1", "endpoint": "https://push.test/1"})
    assert request.subject == "ord_1"
