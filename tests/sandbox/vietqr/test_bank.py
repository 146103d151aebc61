"""The pretend bank: what its app refuses, and what its feeds answer."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.laptop.sandbox.vietqr.account import ACCOUNT, BANK, PAYOS_API_KEY, PAYOS_CLIENT_ID, SEPAY_TOKEN
from app.laptop.sandbox.vietqr.feeds import payos_signature
from app.laptop.sandbox.vietqr.payload import Unreadable, scan, written
from tests.sandbox.client import unique
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess

CODE = "PAY23456789ABCDEFG"
GOOD = written(BANK, ACCOUNT, 200_000, CODE)
MISPRINTED = "00020101021138570010A00000072701270006970403011200110123456780208QRIBFTTA53037045802VN6304F4E5"
LINKS = "/payos/v2/payment-requests"


@pytest.fixture(scope="module")
def bank(shared: SandboxProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{shared.url}/vietqr", timeout=10, trust_env=False, verify=NO_CERTIFICATES) as client:
        yield client


@pytest.fixture
def merchant(shared: SandboxProcess) -> Iterator[httpx.Client]:
    keys = {"x-client-id": PAYOS_CLIENT_ID, "x-api-key": PAYOS_API_KEY}
    with httpx.Client(
        base_url=f"{shared.url}/vietqr", timeout=10, trust_env=False, verify=NO_CERTIFICATES, headers=keys
    ) as client:
        yield client


def pay(bank: httpx.Client, payload: str = GOOD, **changes: str) -> httpx.Response:
    return bank.post("/bank", data={"payload": payload, "feed": "none", **changes})


def link(**changes: Any) -> dict[str, Any]:
    """What payOS is asked for a link; signed unless `changes` say otherwise."""
    order = int(unique("order").partition("_")[2][:12], 16)
    usual = {"amount": 200_000, "cancelUrl": "https://a.test", "description": CODE, "orderCode": order}
    body = {**usual, "returnUrl": "https://a.test", **changes}
    signed = {name: body[name] for name in ("amount", "cancelUrl", "description", "orderCode", "returnUrl")}
    return {"signature": payos_signature(signed), **body}


def code_of(answer: httpx.Response) -> str:
    code: str = answer.json()["code"]
    return code


def test_the_app_shows_what_a_code_says_and_lets_it_be_changed(bank: httpx.Client) -> None:
    assert "<form" in bank.get("/bank").text
    shown = bank.get("/bank", params={"payload": GOOD}).text
    assert 'name="amount" inputmode="numeric" value="200000"' in shown
    assert f'name="text" value="{CODE}"' in shown
    assert ACCOUNT in shown


def test_a_transfer_is_in_the_ledger_by_the_code_in_its_text(bank: httpx.Client, shared: SandboxProcess) -> None:
    text = f"tra {CODE.lower()} x"
    answer = pay(bank, amount="123", text=text)
    assert answer.status_code == 303
    receipt = bank.get(answer.headers["location"].removeprefix("/vietqr"))
    assert "123 đồng transferred" in receipt.text
    reference = answer.headers["location"].rpartition("/")[2]
    (moved,) = [each for each in shared.ledger(CODE) if each["charge"] == reference]
    assert (moved["operation"], moved["amount"], moved["currency"]) == ("capture", 123, "VND")


def test_who_cancels_transfers_nothing(bank: httpx.Client, shared: SandboxProcess) -> None:
    before = len(shared.ledger())
    assert "Nothing was transferred" in pay(bank, decision="cancel").text
    assert len(shared.ledger()) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": ""},
        {"payload": GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1")},
        {"payload": GOOD.replace("200000", "200001")},
        {"payload": MISPRINTED},
        {"payload": written("970403", ACCOUNT, 1000, CODE)},
        {"payload": written(BANK, "1234", 1000, CODE)},
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "1.5"},
        {"amount": "1" * 30},
        {"text": "x" * 201},
        {"feed": "pigeon"},
    ],
)
def test_what_cannot_be_carried_out_moves_nothing(
    bank: httpx.Client, shared: SandboxProcess, changes: dict[str, str]
) -> None:
    before = len(shared.ledger())
    assert pay(bank, **changes).status_code == 400
    assert len(shared.ledger()) == before


@pytest.mark.parametrize("payload", ["", "0002", MISPRINTED, GOOD.replace("200000", "200001")])
def test_a_code_that_is_damaged_is_not_shown_as_one(bank: httpx.Client, payload: str) -> None:
    answer = bank.get("/bank", params={"payload": payload})
    assert answer.status_code == 400
    assert 'name="amount"' not in answer.text


def test_a_code_is_read_as_it_is_written() -> None:
    assert scan(GOOD).text == CODE
    with pytest.raises(Unreadable, match="a length in it is wrong"):
        scan(MISPRINTED)


def test_the_statement_is_for_those_with_the_token(bank: httpx.Client) -> None:
    assert bank.get("/sepay/v2/transactions").status_code == 401
    text = unique("text")
    pay(bank, text=text)
    pay(bank, text=f"{text} again")
    headers = {"authorization": f"Bearer {SEPAY_TOKEN}"}
    wanted = {"transaction_content": text, "per_page": "1", "transfer_type": "in"}
    first = bank.get("/sepay/v2/transactions", params=wanted, headers=headers).json()
    second = bank.get("/sepay/v2/transactions", params={**wanted, "page": "2"}, headers=headers).json()
    assert f"{text} again" in first["data"][0]["transaction_content"]
    assert first["meta"]["pagination"]["has_more"] is True
    assert len(second["data"]) == 1
    assert second["meta"]["pagination"]["has_more"] is False
    too_many = bank.get("/sepay/v2/transactions", params={"per_page": "101"}, headers=headers)
    assert too_many.status_code == 422


def test_payos_knows_its_merchant(bank: httpx.Client) -> None:
    assert bank.post(LINKS, json=link()).status_code == 401
    assert bank.get(f"{LINKS}/1", headers={"x-client-id": PAYOS_CLIENT_ID}).status_code == 401


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signature": "0" * 64}, "201"),
        ({"amount": 0}, "20"),
        ({"amount": "200000"}, "20"),
        ({"orderCode": 2**53}, "20"),
        ({"description": "x" * 26}, "20"),
        ({"expiredAt": 1}, "20"),
    ],
)
def test_payos_refuses_what_is_wrong(merchant: httpx.Client, changes: dict[str, Any], code: str) -> None:
    assert code_of(merchant.post(LINKS, json=link(**changes))) == code


def test_an_order_has_one_link_which_is_underpaid_and_then_paid(merchant: httpx.Client) -> None:
    asked = link()
    made = merchant.post(LINKS, json=asked).json()
    assert made["signature"] == payos_signature(made["data"])
    assert code_of(merchant.post(LINKS, json=asked)) == "231"
    payload = made["data"]["qrCode"]
    statuses = [merchant.get(f"{LINKS}/{asked['orderCode']}").json()["data"]["status"]]
    for amount in ("50000", "150000"):
        assert pay(merchant, payload, amount=amount).status_code == 303
        shown = merchant.get(f"{LINKS}/{made['data']['paymentLinkId']}").json()["data"]
        statuses.append(shown["status"])
    assert statuses == ["PENDING", "UNDERPAID", "PAID"]
    assert [each["amount"] for each in shown["transactions"]] == [50_000, 150_000]
    assert (shown["amountPaid"], shown["amountRemaining"]) == (200_000, 0)
    assert code_of(merchant.post(f"{LINKS}/{asked['orderCode']}/cancel", json={})) == "233"


def test_a_cancelled_link_takes_no_money(merchant: httpx.Client) -> None:
    made = merchant.post(LINKS, json=link()).json()["data"]
    cancelled = merchant.post(f"{LINKS}/{made['orderCode']}/cancel", json={"cancellationReason": "no"}).json()["data"]
    assert (cancelled["status"], cancelled["cancellationReason"]) == ("CANCELLED", "no")
    assert pay(merchant, made["qrCode"]).status_code == 400
    assert code_of(merchant.get(f"{LINKS}/1234567")) == "101"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", json.dumps({"webhookUrl": "ftp://x"}).encode()])
def test_an_address_is_tried_only_when_it_is_one(merchant: httpx.Client, body: bytes) -> None:
    assert code_of(merchant.post("/payos/confirm-webhook", content=body)) == "20"
