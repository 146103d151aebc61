"""The simulated MoMo: what it refuses, what it sends."""

import hashlib
import hmac
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.laptop.sandbox.momo.wire import ACCESS_KEY, PARTNER_CODE, SECRET_KEY
from tests.sandbox.client import Client, unique
from tests.sandbox.notices import merchant

CREATED = "amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId requestType"
ASKED = "orderId partnerCode requestId"
CONFIRMED = "amount description orderId partnerCode requestId requestType"
REFUNDED = "amount description orderId partnerCode requestId transId"
TOLD = (
    "amount extraData message orderId orderInfo orderType partnerCode payType requestId responseTime resultCode transId"
)


def signature(names: str, body: dict[str, Any]) -> str:
    text = f"accessKey={ACCESS_KEY}&" + "&".join(f"{name}={body[name]}" for name in names.split())
    return hmac.new(SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def send(client: Client, path: str, names: str, body: dict[str, Any], **after: object) -> dict[str, Any]:
    whole = {"partnerCode": PARTNER_CODE, "requestId": unique("request"), "lang": "vi", **body}
    signed = {"signature": signature(names, whole), **whole, **after}
    answer: dict[str, Any] = client.http.post(f"/momo/v2/gateway/api/{path}", json=signed).json()
    return answer


def order(**changes: object) -> dict[str, Any]:
    return {
        "amount": 200_000,
        "orderId": unique("pay"),
        "orderInfo": "Order 1",
        "redirectUrl": "https://shop.example/return?order=1",
        "ipnUrl": "http://127.0.0.1:1/webhooks/momo",
        "requestType": "captureWallet",
        "extraData": "",
        **changes,
    }


def create(client: Client, body: dict[str, Any], **after: object) -> dict[str, Any]:
    return send(client, "create", CREATED, body, **after)


def press(client: Client, url: str, button: str) -> str:
    answer = client.http.post(url, data={"decision": button})
    assert answer.status_code == 303
    location: str = answer.headers["Location"]
    return location


@pytest.mark.parametrize(
    ("changes", "after", "code"),
    [
        ({}, {"amount": 200_001}, 13),
        ({}, {"signature": ""}, 13),
        ({"partnerCode": "OTHER"}, {}, 11),
        ({"amount": 999}, {}, 22),
        ({"amount": 50_000_001}, {}, 22),
        ({"amount": "200000"}, {}, 20),
        ({"orderId": "no spaces"}, {}, 20),
        ({"ipnUrl": "https://shop.example/?query"}, {}, 20),
        ({"requestId": "r" * 51}, {}, 20),
    ],
)
def test_what_is_wrong_is_refused_by_its_code(
    client: Client, changes: dict[str, object], after: dict[str, object], code: int
) -> None:
    assert create(client, order(**changes), **after)["resultCode"] == code


def test_a_request_is_answered_once_and_an_order_made_once(client: Client) -> None:
    body = order(requestId=unique("request"))
    first = create(client, body)
    assert first["resultCode"] == 0
    assert create(client, body)["payUrl"] == first["payUrl"]
    assert create(client, {**body, "amount": 300_000})["resultCode"] == 40
    assert create(client, {**body, "requestId": unique("request")})["resultCode"] == 41


def test_the_page_works_without_script_and_decides_once(client: Client) -> None:
    body = order(orderInfo="<script>alert(1)</script>")
    url = create(client, body)["payUrl"]
    shown = client.http.get(url).text
    assert "<script" not in shown
    assert "200000 VND" in shown
    press(client, url, "cancel")
    press(client, url, "approve")
    assert "is over" in client.http.get(url).text
    assert send(client, "query", ASKED, {"orderId": body["orderId"]})["resultCode"] == 1006
    assert client.ledger(body["orderId"]) == []
    assert client.http.post(url, data={"decision": "perhaps"}).status_code == 400
    assert client.http.get("/momo/pay/unknown").status_code == 404


def test_the_merchant_is_told_once_and_the_browser_carries_the_same(client: Client) -> None:
    with merchant((500, b"")) as shop:
        body = order(ipnUrl=shop.url)
        location = press(client, create(client, body)["payUrl"], "approve")
        told = shop.next()
        assert shop.is_left_alone(0.3)
    assert told["signature"] == signature(TOLD, told)
    assert (told["resultCode"], told["amount"], told["orderId"]) == (0, 200_000, body["orderId"])
    parameters = dict(parse_qsl(urlsplit(location).query, keep_blank_values=True))
    assert parameters.pop("order") == "1"
    assert parameters == {name: str(value) for name, value in told.items()}


def test_a_hold_waits_to_be_confirmed_in_full(client: Client) -> None:
    body = order(autoCapture=False)
    press(client, create(client, body)["payUrl"], "approve")
    hold = {"orderId": body["orderId"], "description": "", "requestType": "capture"}
    assert send(client, "query", ASKED, {"orderId": body["orderId"]})["resultCode"] == 9000
    assert send(client, "confirm", CONFIRMED, {**hold, "amount": 1_000})["resultCode"] == 21
    captured = send(client, "confirm", CONFIRMED, {**hold, "amount": 200_000})
    assert captured["resultCode"] == 0
    assert send(client, "confirm", CONFIRMED, {**hold, "amount": 200_000})["resultCode"] == 47
    assert client.ledger(body["orderId"]) == [("authorize", 200_000), ("capture", 200_000)]


def test_a_refund_needs_an_id_of_its_own_and_never_exceeds_the_payment(client: Client) -> None:
    body = order()
    press(client, create(client, body)["payUrl"], "approve")
    transaction = send(client, "query", ASKED, {"orderId": body["orderId"]})["transId"]
    back = {"orderId": unique("refund"), "amount": 150_000, "transId": transaction, "description": ""}
    assert send(client, "refund", REFUNDED, {**back, "orderId": body["orderId"]})["resultCode"] == 41
    assert send(client, "refund", REFUNDED, {**back, "amount": 999})["resultCode"] == 22
    assert send(client, "refund", REFUNDED, {**back, "transId": 1})["resultCode"] == 42
    assert send(client, "refund", REFUNDED, back)["resultCode"] == 0
    assert send(client, "refund", REFUNDED, {**back, "orderId": unique("refund")})["resultCode"] == 1088
    assert send(client, "refund/query", ASKED, {"orderId": back["orderId"]})["amount"] == 150_000
    assert send(client, "refund/query", ASKED, {"orderId": "unknown"})["resultCode"] == 42
