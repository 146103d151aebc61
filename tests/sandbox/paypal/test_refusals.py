"""The pretend PayPal refuses what PayPal refuses, and signs what it sends."""

import base64
import binascii
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509 import load_pem_x509_certificates

from tests.sandbox.catcher import catching
from tests.sandbox.client import Client
from tests.support.sandbox_process import SandboxProcess

ORDERS = "/paypal/v2/checkout/orders"
BACK = {"return_url": "https://shop.test/back?m=1", "cancel_url": "https://shop.test/left"}


class PayPal:
    """PayPal's API, as a shop speaks it."""

    def __init__(self, client: Client) -> None:
        self.http = client.http
        answer = self.http.post(
            "/paypal/v1/oauth2/token",
            auth=("sandbox-client-not-real", "sandbox-secret-not-real"),
            data={"grant_type": "client_credentials"},
        )
        self.token = answer.json()["access_token"]

    def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> httpx.Response:
        return self.http.post(path, json=body, headers=self.headers({"PayPal-Request-Id": key or uuid.uuid4().hex}))

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path, headers=self.headers({}))

    def headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Prefer": "return=representation", **more}

    def order(self, key: str | None = None, **changes: Any) -> httpx.Response:
        return self.post(ORDERS, order_body(**changes), key)

    def approved(self, decision: str = "approve", **changes: Any) -> str:
        order = self.order(**changes).json()
        self.http.post(order["links"][-1]["href"], data={"decision": decision})
        order_id: str = order["id"]
        return order_id


def order_body(
    currency: str = "EUR", value: object = "10.00", intent: str = "CAPTURE", invoice: str | None = None
) -> dict[str, Any]:
    unit = {"amount": {"currency_code": currency, "value": value}, "custom_id": "pay_x", "invoice_id": invoice}
    source = {"paypal": {"experience_context": BACK}}
    return {"intent": intent, "purchase_units": [unit], "payment_source": source}


def issue(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["details"][0]["issue"]


@pytest.fixture
def paypal(client: Client) -> PayPal:
    return PayPal(client)


def test_a_token_is_given_for_the_secret_and_expires(paypal: PayPal) -> None:
    wrong = paypal.http.post("/paypal/v1/oauth2/token", auth=("somebody", "else"), data={})
    assert wrong.status_code == 401
    paypal.http.delete("/paypal/tokens")
    assert issue(paypal.order()) == (401, "INVALID_TOKEN")
    assert issue(paypal.get(f"{ORDERS}/X")) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"currency": "VND", "value": "200000"}, (422, "CURRENCY_NOT_SUPPORTED")),
        ({"currency": "JPY", "value": "100.50"}, (422, "DECIMALS_NOT_SUPPORTED")),
        ({"currency": "HUF", "value": "100.00"}, (422, "DECIMALS_NOT_SUPPORTED")),
        ({"value": "10.005"}, (422, "DECIMAL_PRECISION")),
        ({"value": "0.00"}, (422, "CANNOT_BE_ZERO_OR_NEGATIVE")),
        ({"value": "1e1"}, (400, "INVALID_PARAMETER_SYNTAX")),
        ({"value": 10.0}, (400, "INVALID_PARAMETER_VALUE")),
        ({"intent": "SALE"}, (400, "INVALID_PARAMETER_VALUE")),
        ({"invoice": "x" * 128}, (400, "INVALID_PARAMETER_VALUE")),
    ],
)
def test_an_order_that_cannot_be_is_refused(paypal: PayPal, changes: dict[str, Any], refused: tuple[int, str]) -> None:
    assert issue(paypal.order(**changes)) == refused


def test_both_forms_of_an_order_lead_the_payer_on(paypal: PayPal) -> None:
    today = paypal.order()
    assert (today.status_code, today.json()["status"]) == (200, "PAYER_ACTION_REQUIRED")
    assert today.json()["links"][-1]["rel"] == "payer-action"
    body = {**order_body(), "application_context": BACK}
    del body["payment_source"]
    older = paypal.post(ORDERS, body)
    assert (older.status_code, older.json()["status"]) == (201, "CREATED")
    assert older.json()["links"][-1]["rel"] == "approve"


def test_the_payer_comes_back_with_token_and_payer_id_or_leaves(paypal: PayPal) -> None:
    order = paypal.order().json()
    page = order["links"][-1]["href"]
    assert 'value="approve"' in paypal.http.get(page).text
    left = paypal.http.post(page, data={"decision": "cancel"})
    assert left.headers["location"] == f"https://shop.test/left?token={order['id']}"
    back = paypal.http.post(page, data={"decision": "approve"})
    assert back.headers["location"].startswith(f"https://shop.test/back?m=1&token={order['id']}&PayerID=")
    assert "APPROVED" in paypal.http.get(page).text
    assert paypal.http.get("/paypal/checkoutnow?token=NONE").status_code == 404


def test_an_order_is_captured_once_and_only_when_approved(paypal: PayPal) -> None:
    order = paypal.order().json()["id"]
    waiting = paypal.post(f"{ORDERS}/{order}/capture", {})
    assert issue(waiting) == (422, "ORDER_NOT_APPROVED")
    assert waiting.json()["links"][0]["rel"] == "payer-action"

    order = paypal.approved()
    assert issue(paypal.post(f"{ORDERS}/{order}/authorize", {})) == (422, "ACTION_DOES_NOT_MATCH_INTENT")
    first = paypal.post(f"{ORDERS}/{order}/capture", {}, "once")
    assert first.status_code == 201
    again = paypal.post(f"{ORDERS}/{order}/capture", {}, "once")
    assert (again.status_code, again.json()) == (200, first.json())
    assert issue(paypal.post(f"{ORDERS}/{order}/capture", {})) == (422, "ORDER_ALREADY_CAPTURED")
    assert issue(paypal.post(f"{ORDERS}/NONE/capture", {})) == (404, "INVALID_RESOURCE_ID")


def test_an_invoice_is_paid_once(paypal: PayPal) -> None:
    invoice = uuid.uuid4().hex
    first, second = paypal.approved(invoice=invoice), paypal.approved(invoice=invoice)
    assert paypal.post(f"{ORDERS}/{first}/capture", {}).status_code == 201
    assert issue(paypal.post(f"{ORDERS}/{second}/capture", {})) == (422, "DUPLICATE_INVOICE_ID")
    assert issue(paypal.order(invoice=invoice)) == (422, "DUPLICATE_INVOICE_ID")


def test_a_request_id_stands_for_one_request(paypal: PayPal) -> None:
    key = uuid.uuid4().hex
    assert paypal.order(key).json()["id"] == paypal.order(key).json()["id"]
    assert issue(paypal.order(key, value="20.00")) == (422, "DUPLICATE_REQUEST_ID")
    assert issue(paypal.order("k" * 109)) == (400, "PAYPAL_REQUEST_ID_REQUIRED")


def test_a_hold_is_captured_at_most_whole_and_once(paypal: PayPal) -> None:
    order = paypal.approved(intent="AUTHORIZE")
    held = paypal.post(f"{ORDERS}/{order}/authorize", {}).json()
    hold = f"/paypal/v2/payments/authorizations/{held['purchase_units'][0]['payments']['authorizations'][0]['id']}"
    more = {"amount": {"currency_code": "EUR", "value": "10.01"}}
    assert issue(paypal.post(f"{hold}/capture", more)) == (422, "MAX_CAPTURE_AMOUNT_EXCEEDED")
    other = {"amount": {"currency_code": "USD", "value": "10.00"}}
    assert issue(paypal.post(f"{hold}/capture", other)) == (422, "CURRENCY_MISMATCH")
    capture = paypal.post(f"{hold}/capture", {})
    assert capture.json()["status"] == "COMPLETED"
    assert issue(paypal.post(f"{hold}/capture", {})) == (422, "AUTHORIZATION_ALREADY_CAPTURED")
    assert issue(paypal.post(f"{hold}/void", {})) == (422, "PREVIOUSLY_CAPTURED")

    refund = f"/paypal/v2/payments/captures/{capture.json()['id']}/refund"
    assert issue(paypal.post(refund, more)) == (422, "REFUND_AMOUNT_EXCEEDED")
    assert paypal.post(refund, {}).json()["amount"]["value"] == "10.00"
    assert issue(paypal.post(refund, {})) == (422, "CAPTURE_FULLY_REFUNDED")


def test_a_hold_is_released_once(paypal: PayPal) -> None:
    order = paypal.approved(intent="AUTHORIZE")
    held = paypal.post(f"{ORDERS}/{order}/authorize", {}).json()
    hold = f"/paypal/v2/payments/authorizations/{held['purchase_units'][0]['payments']['authorizations'][0]['id']}"
    headers = {"Authorization": f"Bearer {paypal.token}", "PayPal-Request-Id": uuid.uuid4().hex}
    assert paypal.http.post(f"{hold}/void", headers=headers).status_code == 204
    assert issue(paypal.post(f"{hold}/void", {})) == (422, "PREVIOUSLY_VOIDED")
    assert issue(paypal.post(f"{hold}/capture", {})) == (422, "AUTHORIZATION_VOIDED")


def test_a_pending_capture_cannot_be_refunded(paypal: PayPal) -> None:
    order = paypal.approved("cheque")
    taken = paypal.post(f"{ORDERS}/{order}/capture", {}).json()
    capture = taken["purchase_units"][0]["payments"]["captures"][0]
    assert capture["status"] == "PENDING"
    refund = f"/paypal/v2/payments/captures/{capture['id']}/refund"
    assert issue(paypal.post(refund, {})) == (422, "PENDING_CAPTURE")
    paypal.http.post(f"/paypal/review/{order}", data={"decision": "approve"})
    assert paypal.post(refund, {}).status_code == 201


async def test_its_webhooks_are_signed_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    async with catching() as catcher:
        with SandboxProcess(tmp_path, notices_url=catcher.url) as sandbox, Client(sandbox.url) as client:
            paypal = PayPal(client)
            paypal.post(f"{ORDERS}/{paypal.approved()}/capture", {})
            caught = [await catcher.caught(), await catcher.caught()]
            leaf, *_ = load_pem_x509_certificates(client.http.get(caught[0].headers["paypal-cert-url"]).content)
    assert {json.loads(each.body)["event_type"] for each in caught} == {
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.CAPTURE.COMPLETED",
    }
    for each in caught:
        assert each.target == "/webhooks/paypal"
        headers = each.headers
        parts = (headers["paypal-transmission-id"], headers["paypal-transmission-time"], "WH-SANDBOX-NOT-REAL")
        message = "|".join((*parts, str(binascii.crc32(each.body))))
        key = leaf.public_key()
        assert isinstance(key, RSAPublicKey)
        key.verify(base64.b64decode(headers["paypal-transmission-sig"]), message.encode(), PKCS1v15(), SHA256())
