"""What tests of Stripe are made from: its documents, its events, and a connector."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from app.domain.ids import PaymentId
from app.laptop.sandbox.stripe import environment
from app.providers.http import ProviderHttp, open_http
from app.providers.notices import RawNotice
from app.providers.stripe.adapter import StripeProvider
from app.providers.stripe.settings import StripeSettings
from app.providers.stripe.signature import digest

SECRET = "whsec_example_secret"
OLD_SECRET = "whsec_the_one_before"
PAYMENT = PaymentId("pay_" + "7" * 32)
REFUND = "ref_" + "a" * 32
NOW = datetime.fromtimestamp(1763640000, UTC)


def settings(**changes: Any) -> StripeSettings:
    usual: dict[str, Any] = {"secret_key": "sk_test_1", "webhook_secrets": [SECRET, OLD_SECRET]}
    return StripeSettings(**usual | changes)


@asynccontextmanager
async def stripe_at(sandbox_url: str, seconds: float = 10.0) -> AsyncIterator[StripeProvider]:
    """The connector, pointed at the simulator in a sandbox."""
    variables = environment(sandbox_url)
    pointed = StripeSettings(
        url=variables["PAYGATE_STRIPE_URL"],
        secret_key=variables["PAYGATE_STRIPE_SECRET_KEY"],
        webhook_secrets=json.loads(variables["PAYGATE_STRIPE_WEBHOOK_SECRETS"]),
    )
    async with open_http(pointed.url) as client:
        yield StripeProvider(ProviderHttp(client, "stripe", seconds), pointed)


def intent(status: str, **changes: Any) -> dict[str, Any]:
    usual = {
        "object": "payment_intent",
        "id": "pi_1",
        "status": status,
        "amount": 4200,
        "currency": "eur",
        "capture_method": "manual",
        "metadata": {"payment_id": PAYMENT},
    }
    return usual | changes


def refund(status: str | None, **changes: Any) -> dict[str, Any]:
    metadata = {"payment_id": PAYMENT, "refund_key": f"{PAYMENT}.refund.{REFUND}"}
    usual = {"object": "refund", "id": "re_1", "status": status, "amount": 4200, "currency": "eur"}
    return usual | {"metadata": metadata} | changes


def error(kind: str = "invalid_request_error", **more: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "message": "nobody's business", **more}}


def event(kind: str, document: dict[str, Any], **changes: Any) -> bytes:
    usual = {"id": "evt_1", "object": "event", "type": kind, "livemode": False, "data": {"object": document}}
    return json.dumps(usual | changes).encode()


def raw(body: bytes, signature: str | None = None, *, signed_at: int | None = None) -> RawNotice:
    """A request with a signature; by default a right one of now."""
    seconds = str(int(NOW.timestamp()) if signed_at is None else signed_at)
    header = f"t={seconds},v1={digest(SECRET, seconds, body)}" if signature is None else signature
    return RawNotice("POST", b"", {"stripe-signature": header}, body, NOW)
