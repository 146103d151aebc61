"""The pretend VNPay refuses what VNPay refuses, and calls back as VNPay does."""

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from app.laptop.sandbox.vnpay.application import API, PAGE
from tests.sandbox.catcher import catching
from tests.sandbox.client import Client
from tests.support.sandbox_process import SandboxProcess

SECRET = "SANDBOXSECRETNOTREAL"
MESSAGES = {
    "querydr": "RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo",
    "refund": "RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo TransactionDate CreateBy"
    " CreateDate IpAddr OrderInfo",
}


def checksum(text: str) -> str:
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha512).hexdigest()


def stamp(minutes: int = 0) -> str:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    return at.astimezone(timezone(timedelta(hours=7))).strftime("%Y%m%d%H%M%S")


def order(**changes: str) -> dict[str, str]:
    usual = {
        "Version": "2.1.0",
        "Command": "pay",
        "TmnCode": "SANDBOX1",
        "Amount": "20000000",
        "CurrCode": "VND",
        "CreateDate": stamp(),
        "ExpireDate": stamp(15),
        "IpAddr": "203.0.113.7",
        "Locale": "vn",
        "OrderInfo": "Thanh toan 1",
        "OrderType": "other",
        "ReturnUrl": "https://shop.test/return?m=vnpay",
        "TxnRef": f"pay_{uuid.uuid4().hex}",
    }
    return {f"vnp_{name}": value for name, value in {**usual, **changes}.items()}


def address(values: Mapping[str, str]) -> str:
    query = urlencode(sorted(values.items()))
    return f"{PAGE}?{query}&vnp_SecureHash={checksum(query)}"


def message(command: str, about: Mapping[str, str], **changes: str) -> dict[str, str]:
    usual = {
        "RequestId": uuid.uuid4().hex,
        "Version": "2.1.0",
        "Command": command,
        "TmnCode": "SANDBOX1",
        "TransactionType": "02",
        "TxnRef": about["vnp_TxnRef"],
        "Amount": about["vnp_Amount"],
        "TransactionNo": "0",
        "TransactionDate": about["vnp_CreateDate"],
        "CreateBy": "shop",
        "CreateDate": stamp(),
        "IpAddr": "203.0.113.7",
        "OrderInfo": "Hoan tien 1",
    }
    values = {**usual, **changes}
    fields = MESSAGES[command].split()
    sent = {f"vnp_{name}": values[name] for name in fields}
    return {**sent, "vnp_SecureHash": checksum("|".join(values[name] for name in fields))}


def answer(client: Client, sent: Mapping[str, str]) -> str:
    found = client.http.post(API, json=dict(sent)).json()
    code: str = found["vnp_ResponseCode"]
    return code


def paid(client: Client, **changes: str) -> dict[str, str]:
    values = order(**changes)
    assert client.http.post(address(values), data={"decision": "approve"}).status_code == 303
    return values


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Amount": "20000050"}, "03"),
        ({"Amount": "200000.0"}, "03"),
        ({"CurrCode": "USD"}, "03"),
        ({"Version": "2.0.0"}, "03"),
        ({"TmnCode": "ANOTHER1"}, "02"),
        ({"OrderInfo": "Thanh toán"}, "03"),
        ({"ExpireDate": ""}, "03"),
        ({"ExpireDate": stamp(-1)}, "15"),
    ],
)
def test_its_page_refuses_what_cannot_be_paid(client: Client, changes: dict[str, str], code: str) -> None:
    values = {name: value for name, value in order(**changes).items() if value}
    for shown in (client.http.get(address(values)), client.http.post(address(values), data={"decision": "approve"})):
        assert shown.status_code == 400
        assert f"<p>{code}: " in shown.text
    assert client.ledger(values["vnp_TxnRef"]) == []


def test_its_page_refuses_a_wrong_checksum(client: Client) -> None:
    right = address(order())
    for wrong in (right.replace("20000000", "10000000"), f"{right}&vnp_Amount=20000000", right[:-4] + "0000"):
        assert "<p>70: " in client.http.get(wrong).text


def test_its_page_takes_a_reference_once(client: Client) -> None:
    values = paid(client)
    other = {**values, "vnp_Amount": "10000000"}
    assert "<p>94: " in client.http.get(address(other)).text
    assert "answered 00" in client.http.get(address(values)).text
    client.http.post(address(values), data={"decision": "approve"})
    assert client.ledger(values["vnp_TxnRef"]) == [("capture", 200_000)]


def test_the_customer_comes_back_with_a_signed_query(client: Client) -> None:
    values = order()
    back = client.http.post(address(values), data={"decision": "cancel"}).headers["location"]
    assert back.startswith("https://shop.test/return?m=vnpay&vnp_")
    pairs = dict(parse_qsl(urlsplit(back).query))
    pairs.pop("m")
    assert pairs.pop("vnp_SecureHash") == checksum(urlencode(sorted(pairs.items())))
    assert (pairs["vnp_ResponseCode"], pairs["vnp_TxnRef"]) == ("24", values["vnp_TxnRef"])


@pytest.mark.parametrize("command", MESSAGES)
def test_its_api_answers_by_code(client: Client, command: str) -> None:
    about = paid(client)
    good = message(command, about)
    assert answer(client, {**good, "vnp_SecureHash": "0" * 128}) == "97"
    assert answer(client, message(command, about, TmnCode="ANOTHER1")) == "02"
    assert answer(client, message(command, about, CreateDate="today")) == "03"
    assert answer(client, message(command, about, TransactionDate="20200101000000")) == "91"
    assert answer(client, message(command, order())) == "91"
    assert answer(client, good) == "00"
    assert answer(client, good) == "94"


def test_it_gives_back_no_more_than_was_paid(client: Client) -> None:
    unpaid = order()
    client.http.get(address(unpaid))
    assert answer(client, message("refund", unpaid)) == "95"
    about = paid(client)
    assert answer(client, message("refund", about, Amount="20000100")) == "03"
    assert answer(client, message("refund", about, Amount="10000000")) == "03", "02 is all of it"
    assert answer(client, message("refund", about, TransactionType="03", Amount="15000000")) == "00"
    assert answer(client, message("refund", about, TransactionType="03", Amount="15000000")) == "03"
    assert client.ledger(about["vnp_TxnRef"]) == [("capture", 200_000), ("refund", 150_000)]


async def test_it_calls_back_until_it_is_told_to_stop(tmp_path: Path) -> None:
    replies = [b'{"RspCode":"99"}', b"", b'{"RspCode":"00"}']
    async with catching(replies) as catcher:
        with SandboxProcess(tmp_path, notices_url=catcher.url) as sandbox, Client(sandbox.url) as client:
            values = order()
            client.http.post(address(values), data={"decision": "decline"})
            caught = [await catcher.caught() for _ in replies]
    first = caught[0]
    assert all(each == first for each in caught)
    assert first.method == "GET"
    path, _, query = first.target.partition("?")
    assert path == "/webhooks/vnpay"
    text, _, signature = query.partition("&vnp_SecureHash=")
    assert signature == checksum(text)
    said = dict(parse_qsl(text))
    assert (said["vnp_ResponseCode"], said["vnp_TransactionStatus"], said["vnp_Amount"]) == ("51", "02", "20000000")
