"""The simulated ZaloPay: what it refuses, what it sends."""

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.laptop.sandbox.zalopay.wire import APP_ID, KEY1, KEY2
from tests.sandbox.client import Client, unique
from tests.sandbox.notices import merchant

CREATED = "app_id app_trans_id app_user amount app_time embed_data item"
RETURNED = "appid apptransid pmcid bankcode amount discountamount status"
VIETNAM = timezone(timedelta(hours=7))
SHOP = "https://shop.example/return?order=1"
TAKEN_IN = (200, b'{"return_code": 1}')
KNOWN = (200, b'{"return_code": 2}')
AGAIN = (200, b'{"return_code": 0}')
QUARTER = 15 * 60_000


def mac(*fields: object, key: str = KEY1) -> str:
    return hmac.new(key.encode(), "|".join(map(str, fields)).encode(), hashlib.sha256).hexdigest()


def now() -> int:
    return int(time.time() * 1000)


def today() -> str:
    return datetime.now(UTC).astimezone(VIETNAM).strftime("%y%m%d")


def order(**changes: object) -> dict[str, Any]:
    usual: dict[str, object] = {
        "app_id": APP_ID,
        "app_user": "u",
        "app_trans_id": f"{today()}_{unique('x')[2:]}",
        "app_time": now(),
        "amount": 200_000,
        "item": "[]",
        "embed_data": json.dumps({"redirecturl": SHOP}),
        "description": "Order 1",
        "bank_code": "",
        "callback_url": "http://127.0.0.1:1/",
    }
    return usual | changes


def create(client: Client, body: dict[str, Any], **after: object) -> dict[str, Any]:
    signed = [body[name] for name in CREATED.split()]
    return send(client, "create", {**body, "mac": mac(*signed), **after})


def query(client: Client, transaction: str) -> dict[str, Any]:
    body = {"app_id": APP_ID, "app_trans_id": transaction, "mac": mac(APP_ID, transaction, KEY1)}
    return send(client, "query", body)


def refund(client: Client, transaction: int, amount: int, name: str, at: int | None = None) -> dict[str, Any]:
    at = at or now()
    signed = mac(APP_ID, transaction, amount, "back", at)
    body = {"app_id": APP_ID, "m_refund_id": name, "zp_trans_id": transaction, "amount": amount}
    return send(client, "refund", {**body, "timestamp": at, "description": "back", "mac": signed})


def send(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = client.http.post(f"/zalopay/v2/{path}", json=body).json()
    return answer


def press(client: Client, url: str, button: str) -> str:
    answer = client.http.post(url, data={"decision": button})
    assert answer.status_code == 303
    location: str = answer.headers["Location"]
    return location


@pytest.mark.parametrize(
    ("changes", "after", "code"),
    [
        ({}, {"amount": 200_001}, -402),
        ({}, {"mac": ""}, -402),
        ({"app_id": APP_ID + 1}, {}, -402),
        ({"app_time": now() - QUARTER - 60_000}, {}, -401),
        ({"app_time": now() + QUARTER + 600_000}, {}, -401),
        ({"app_trans_id": "200101_1"}, {}, -401),
        ({"app_trans_id": f"{today()}_" + "x" * 34}, {}, -401),
        ({"amount": "200000"}, {}, -401),
        ({"item": "no json"}, {}, -401),
        ({"embed_data": "[]"}, {}, -401),
        ({"expire_duration_seconds": 299}, {}, -401),
    ],
)
def test_what_is_wrong_is_refused_by_its_code(
    client: Client, changes: dict[str, object], after: dict[str, object], code: int
) -> None:
    answer = create(client, order(**changes), **after)
    assert (answer["return_code"], answer["sub_return_code"]) == (2, code)


def test_an_order_is_made_once(client: Client) -> None:
    body = order()
    assert create(client, body)["return_code"] == 1
    assert create(client, body)["sub_return_code"] == -68
    assert query(client, body["app_trans_id"])["return_code"] == 3
    assert query(client, f"{today()}_unknown")["sub_return_code"] == -101


@pytest.mark.parametrize(("button", "code"), [("decline", -1), ("cancel", -49), ("expire", -54)])
def test_the_page_works_without_script_and_decides_once(client: Client, button: str, code: int) -> None:
    with merchant(TAKEN_IN) as shop:
        body = order(description="<script>alert(1)</script>", callback_url=shop.url)
        url = create(client, body)["order_url"]
        shown = client.http.get(url).text
        assert "<script" not in shown
        assert "200000 VND" in shown
        press(client, url, button)
        press(client, url, "approve")
        assert shop.is_left_alone(0.1)
    assert "is over" in client.http.get(url).text
    assert query(client, body["app_trans_id"])["sub_return_code"] == code
    assert client.ledger("pay_" + body["app_trans_id"][7:]) == []
    assert client.http.post(url, data={"decision": "perhaps"}).status_code == 400
    assert client.http.get("/zalopay/pay/unknown").status_code == 404


@pytest.mark.parametrize("last", [TAKEN_IN, KNOWN])
def test_a_callback_is_repeated_until_it_is_taken_in(client: Client, last: tuple[int, bytes]) -> None:
    with merchant(AGAIN, (500, b""), last) as shop:
        body = order(callback_url=shop.url)
        press(client, create(client, body)["order_url"], "approve")
        first, second, third = shop.next(), shop.next(), shop.next()
        assert shop.is_left_alone(1.2)
    assert first == second == third
    assert first["mac"] == mac(first["data"], key=KEY2)
    told = json.loads(first["data"])
    assert (told["app_trans_id"], told["amount"]) == (body["app_trans_id"], 200_000)


def test_a_callback_nobody_takes_in_is_tried_four_times(client: Client) -> None:
    with merchant((200, b'{"return_code": -1}')) as shop:
        press(client, create(client, order(callback_url=shop.url))["order_url"], "approve")
        assert len([shop.next() for _ in range(4)]) == 4
        assert shop.is_left_alone(0.3)


def test_the_browser_is_sent_back_with_a_checksum(client: Client) -> None:
    body = order()
    parameters = dict(
        parse_qsl(urlsplit(press(client, create(client, body)["order_url"], "approve")).query, keep_blank_values=True)
    )
    assert parameters.pop("order") == "1"
    signed = [parameters[name] for name in RETURNED.split()]
    assert parameters["checksum"] == mac(*signed, key=KEY2)
    assert parameters["status"] == "1"


def test_a_refund_has_a_name_of_its_own_and_never_exceeds_the_payment(client: Client) -> None:
    body = order()
    press(client, create(client, body)["order_url"], "approve")
    transaction, name = query(client, body["app_trans_id"])["zp_trans_id"], f"{today()}_{APP_ID}_{unique('r')[:20]}"
    assert refund(client, transaction, 150_000, "no_name")["sub_return_code"] == -401
    assert refund(client, transaction, 150_000, name, now() - 2 * QUARTER)["sub_return_code"] == -401
    assert refund(client, 1, 150_000, name)["sub_return_code"] == -101
    assert refund(client, transaction, 150_000, name)["return_code"] == 1
    assert refund(client, transaction, 150_000, name)["sub_return_code"] == -68
    assert refund(client, transaction, 50_001, name + "2")["sub_return_code"] == -401
    assert client.ledger("pay_" + body["app_trans_id"][7:]) == [("capture", 200_000), ("refund", 150_000)]
