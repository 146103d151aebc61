import re
from typing import Any

import pytest

from app.domain.payment.events import CaptureMode
from app.gateway.requests import (
    CancelRequest,
    CaptureRequest,
    InitiateRequest,
    InvalidRequest,
    RefundRequest,
    parse,
)

GOOD: dict[str, Any] = {
    "idempotencyKey": "key-1",
    "amount": 1000,
    "currency": "EUR",
    "method": {"card": {"token": "tok_success"}},
}
CARD = "4242424242424242"


def problems(kind: type[Any] = InitiateRequest, given: dict[str, Any] | None = None, **changes: Any) -> dict[str, str]:
    """What is wrong, code by field."""
    with pytest.raises(InvalidRequest) as refused:
        parse(kind, {**(GOOD if given is None else given), **changes})
    return {problem.field: problem.code for problem in refused.value.problems}


def card(**fields: Any) -> dict[str, Any]:
    return {"card": {"token": "tok_success", **fields}}


def test_what_is_not_said_has_its_usual_value() -> None:
    request = parse(InitiateRequest, GOOD)
    assert request.method.card is not None
    assert request.method.card.provider == "sandbox"
    assert request.method.card.token.get_secret_value() == "tok_success"
    assert (request.capture, request.metadata, request.wait_for) == (CaptureMode.AUTOMATIC, {}, None)


def test_everything_that_can_be_said_is_taken() -> None:
    request = parse(
        InitiateRequest,
        {
            **GOOD,
            "currency": "VND",
            "method": {"redirect": {"provider": "momo"}},
            "orderId": "ord_1",
            "description": "two coffees",
            "returnUrl": "https://shop.test:8443/done?order=1",
            "capture": "MANUAL",
            "expiresIn": 900,
            "waitFor": "ACTION_OR_FINAL",
            "timeoutMs": 5000,
            "metadata": {"table": 7, "tags": ["a", None, True, 1.5], "nested": {"deep": "er"}},
        },
    )
    assert request.return_url == "https://shop.test:8443/done?order=1"
    assert request.capture is CaptureMode.MANUAL


TABLE: list[tuple[dict[str, Any], str, Any]] = [
    # what is changed, the field that is named, a value that must not be repeated
    ({"amount": 0}, "amount", None),
    ({"amount": -77123}, "amount", "77123"),
    ({"amount": 2**31}, "amount", str(2**31)),
    ({"amount": "77123"}, "amount", "77123"),
    ({"amount": 77.5}, "amount", "77.5"),
    ({"amount": True}, "amount", None),
    ({"amount": None}, "amount", None),
    ({"currency": "eur"}, "currency", "eur"),
    ({"currency": "XQX"}, "currency", "XQX"),
    ({"currency": ""}, "currency", None),
    ({"idempotencyKey": ""}, "idempotencyKey", None),
    ({"idempotencyKey": "secret key"}, "idempotencyKey", "secret key"),
    ({"idempotencyKey": "q" * 256}, "idempotencyKey", "qqq"),
    ({"idempotencyKey": "trailing\n"}, "idempotencyKey", "trailing"),
    ({"method": card(token="")}, "method.card.token", None),
    ({"method": card(token="tok secret")}, "method.card.token", "tok secret"),
    ({"method": card(token="q" * 256)}, "method.card.token", "qqq"),
    ({"method": card(token=123451234)}, "method.card.token", "123451234"),
    ({"method": {"card": {}}}, "method.card.token", None),
    ({"method": card(provider="")}, "method.card.provider", None),
    ({"method": card(number="qq")}, "method.card.number", "qq"),
    ({"method": {"redirect": {}}}, "method.redirect.provider", None),
    ({"method": {"qr": {"provider": "q" * 65}}}, "method.qr.provider", "qqq"),
    ({"method": "tok_secret"}, "method", "tok_secret"),
    ({"method": None}, "method", None),
    ({"orderId": "ord/77123"}, "orderId", "77123"),
    ({"orderId": "q" * 65}, "orderId", "qqq"),
    ({"description": ""}, "description", None),
    ({"description": "q" * 501}, "description", "qqq"),
    ({"description": "half \ud800"}, "description", "half \ud800"),
    ({"returnUrl": "javascript:hello()"}, "returnUrl", "hello"),
    ({"returnUrl": "https://user:hunter2@shop.test/"}, "returnUrl", "hunter2"),
    ({"returnUrl": "https:///nowhere"}, "returnUrl", "nowhere"),
    ({"returnUrl": "https://shop.test/\r\nSet-Cookie: a=b"}, "returnUrl", "Set-Cookie"),
    ({"returnUrl": " https://shop.test/"}, "returnUrl", "shop"),
    ({"returnUrl": "https://shop.test/a b"}, "returnUrl", "a b"),
    ({"returnUrl": "https://shop.test:77123/"}, "returnUrl", "77123"),
    ({"returnUrl": "https://[shop.test/"}, "returnUrl", "shop"),
    ({"returnUrl": "https://shop.test/\ud800"}, "returnUrl", "shop"),
    ({"returnUrl": "https://shop.test/" + "q" * 2048}, "returnUrl", "qqq"),
    ({"capture": "SOMETIME"}, "capture", "SOMETIME"),
    ({"expiresIn": 0}, "expiresIn", None),
    ({"expiresIn": 30 * 24 * 3600 + 1}, "expiresIn", "2592001"),
    ({"waitFor": "EVER"}, "waitFor", "EVER"),
    ({"timeoutMs": 0}, "timeoutMs", None),
    ({"timeoutMs": 77123}, "timeoutMs", "77123"),
    ({"metadata": ["hunter2"]}, "metadata", "hunter2"),
    ({"metadata": {f"key{n}": n for n in range(51)}}, "metadata", "key7"),
    ({"metadata": {"hunter2": "q" * 8192}}, "metadata", "hunter2"),
    ({"metadata": {"hunter2": float("nan")}}, "metadata", "hunter2"),
    ({"metadata": {"hunter2": float("inf")}}, "metadata", "hunter2"),
    ({"metadata": {"hunter2": "\ud800"}}, "metadata", "hunter2"),
    ({"metadata": {"hunter2": object()}}, "metadata", "hunter2"),
    ({"surprise": "hunter2"}, "surprise", "hunter2"),
]


@pytest.mark.parametrize(("changes", "field", "value"), TABLE, ids=[f"{n}-{case[1]}" for n, case in enumerate(TABLE)])
def test_what_cannot_be_taken_is_named_in_the_clients_words_and_not_repeated(
    changes: dict[str, Any], field: str, value: str | None
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(InitiateRequest, {**GOOD, **changes})
    (problem,) = refused.value.problems
    assert problem.field == field
    assert problem.code
    assert problem.message.startswith(f"{field}: ")
    if value is not None:
        assert value not in repr(refused.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert set(problems(amount=0, currency="?", orderId="/", capture="?")) == {
        "amount",
        "currency",
        "orderId",
        "capture",
    }


def test_what_is_missing_is_named() -> None:
    assert problems(given={}) == dict.fromkeys(("idempotencyKey", "amount", "currency", "method"), "missing")


@pytest.mark.parametrize(
    "method",
    [
        {},
        {"card": None},
        {"card": {"token": "tok_a"}, "qr": {"provider": "vietqr"}},
        {"redirect": {"provider": "momo"}, "qr": {"provider": "vietqr"}},
    ],
)
def test_there_is_exactly_one_way_of_paying(method: dict[str, Any]) -> None:
    assert problems(method=method) == {"method": "one_of"}


def test_metadata_nested_without_end_is_refused_and_not_a_crash() -> None:
    nested: dict[str, Any] = {}
    for _ in range(5_000):
        nested = {"a": nested}
    assert list(problems(metadata=nested)) == ["metadata"]


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        (CaptureRequest, {"paymentId": "a b"}, "paymentId"),
        (CaptureRequest, {"paymentId": "pay_1", "amount": 0}, "amount"),
        (CancelRequest, {}, "paymentId"),
        (CancelRequest, {"paymentId": "pay_1", "reason": ""}, "reason"),
        (RefundRequest, {"paymentId": "pay_1"}, "idempotencyKey"),
        (RefundRequest, {"paymentId": "pay_1", "idempotencyKey": "k", "amount": -1}, "amount"),
        (RefundRequest, {"paymentId": "pay_1", "idempotencyKey": "k", "reason": CARD}, "reason"),
    ],
)
def test_the_other_requests_name_their_fields_too(kind: type[Any], given: dict[str, Any], field: str) -> None:
    assert list(problems(kind, given)) == [field]


class TestCardNumbers:
    @pytest.mark.parametrize(
        "number",
        [
            CARD,
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "3530111333300000",
            "9704000000000018",
            "4222222222222",
        ],
    )
    def test_are_refused_however_they_are_written(self, number: str) -> None:
        assert problems(description=f"paid with {number}, thanks") == {"description": "card_number_refused"}

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"idempotencyKey": CARD}, "idempotencyKey"),
            ({"orderId": CARD}, "orderId"),
            ({"returnUrl": f"https://shop.test/?card={CARD}"}, "returnUrl"),
            ({"method": {"card": {"token": CARD}}}, "method.card.token"),
            ({"method": {"card": {"token": f"tok.{CARD}"}}}, "method.card.token"),
            ({"method": {"card": {"token": "tok_a", "provider": CARD}}}, "method.card.provider"),
            ({"method": {"qr": {"provider": CARD}}}, "method.qr.provider"),
            ({"method": CARD}, "method"),
            ({"metadata": {"note": CARD}}, "metadata"),
            ({"metadata": {CARD: "note"}}, "metadata"),
            ({"metadata": {"deep": [{"er": ["x", {"y": CARD}]}]}}, "metadata"),
            ({"metadata": {"number": int(CARD)}}, "metadata"),
            ({"metadata": {"number": float(CARD)}}, "metadata"),
            ({"amount": int(CARD)}, "amount"),
            ({CARD: "1"}, "input"),
        ],
    )
    def test_are_refused_wherever_they_stand(self, changes: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            parse(InitiateRequest, {**GOOD, **changes})
        assert (field, "card_number_refused") in {(each.field, each.code) for each in refused.value.problems}
        assert CARD not in re.sub(r"\D", "", repr(refused.value))

    @pytest.mark.parametrize(
        "text",
        [
            "1767323045123",
            "order 1000000000042",
            "4242424242424241",
            "42424242-4242-4242-8242-424242424242",
            "0b9e4242-4242-4242-4242-424242424242",
            "pay_4242424242424242abcdef",
            "A4242424242424242",
            "424242424242",
            "42424242424242424242",
            "+49 170 1234567",
        ],
    )
    def test_are_not_seen_in_times_orders_and_uuids(self, text: str) -> None:
        assert parse(InitiateRequest, {**GOOD, "description": text}).description == text


def test_a_token_is_not_shown_by_the_request_that_carries_it() -> None:
    assert "tok_success" not in repr(parse(InitiateRequest, GOOD))
