"""Exactly what PayPal is sent, and how the access token is kept."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import CaptureMode, Operation
from app.domain.reports import Missing, ProviderReport, Unknown
from app.providers.http import ProviderHttp
from app.providers.paypal.adapter import PayPalProvider
from app.providers.paypal.calls import AccessTokens, PayPalCalls
from app.providers.paypal.certificates import authorities, open_certificates
from app.providers.paypal.notices import PayPalNotices
from app.providers.paypal.settings import PayPalSettings
from app.providers.port import (
    Authorization,
    CaptureCall,
    Confirmation,
    PaymentTerms,
    ProviderUnreachable,
    Query,
    RefundCall,
    VoidCall,
)
from tests.providers.paypal.paying import settings_for

PAYMENT = PaymentId(f"pay_{'a' * 32}")
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HALF = Money(2100, "EUR")


@dataclass
class PayPal:
    """Stands in PayPal's place: writes down what comes, and answers as told."""

    life: int = 32400
    refused: set[str] = field(default_factory=set)
    """Tokens that are answered 401."""
    token_status: int = 200
    requests: list[httpx.Request] = field(default_factory=list)
    now: datetime = NOW
    given: int = 0

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path == "/v1/oauth2/token":
            self.given += 1
            answer = {"access_token": f"token-{self.given}", "token_type": "Bearer", "expires_in": self.life}
            return httpx.Response(self.token_status, json=answer)
        if request.headers["authorization"].removeprefix("Bearer ") in self.refused:
            return httpx.Response(401, json={"name": "AUTHENTICATION_FAILURE", "message": "no"})
        return httpx.Response(200, json={})

    def calls(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.requests]


@asynccontextmanager
async def shop(paypal: PayPal, settings: PayPalSettings | None = None) -> AsyncIterator[PayPalProvider]:
    settings = settings or settings_for("http://127.0.0.1:1")
    store = authorities(settings.authorities_pem())
    transport = httpx.MockTransport(paypal.respond)
    async with (
        httpx.AsyncClient(base_url="https://paypal.test", transport=transport) as client,
        open_certificates([], store) as certificates,
    ):
        http = ProviderHttp(client, "paypal", 1.0)
        tokens = AccessTokens(http, "client", "secret", lambda: paypal.now)
        yield PayPalProvider(PayPalCalls(http, tokens), settings, PayPalNotices("WH", certificates))


def terms(capture: CaptureMode = CaptureMode.AUTOMATIC, **changes: Any) -> PaymentTerms:
    money, back = Money(4200, "EUR"), "https://pay.test/return/1"
    return PaymentTerms(PAYMENT, money, "redirect", NOW, back, capture, **changes)


def order(intent: str, **unit: str) -> dict[str, Any]:
    amount = {"currency_code": "EUR", "value": "42.00"}
    context = {
        "return_url": "https://pay.test/return/1",
        "cancel_url": "https://pay.test/return/1",
        "user_action": "PAY_NOW",
        "shipping_preference": "NO_SHIPPING",
        "payment_method_preference": "UNRESTRICTED",
    }
    usual = {"reference_id": "default", "custom_id": PAYMENT, "invoice_id": PAYMENT, "amount": amount}
    source = {"paypal": {"experience_context": context}}
    return {"intent": intent, "purchase_units": [{**usual, **unit}], "payment_source": source}


MANUAL = terms(CaptureMode.MANUAL)
HALF_WRITTEN = {"currency_code": "EUR", "value": "21.00"}
Calling = Callable[[PayPalProvider], Awaitable[ProviderReport]]


@pytest.mark.parametrize(
    ("calling", "path", "body"),
    [
        (lambda shop: shop.authorize(Authorization(terms(), "key-1")), "/v2/checkout/orders", order("CAPTURE")),
        (
            lambda shop: shop.authorize(Authorization(terms(CaptureMode.MANUAL, description="d" * 130), "key-1")),
            "/v2/checkout/orders",
            order("AUTHORIZE", description="d" * 127),
        ),
        (lambda shop: shop.confirm(Confirmation(terms(), "key-1", "O/1")), "/v2/checkout/orders/O%2F1/capture", {}),
        (lambda shop: shop.confirm(Confirmation(MANUAL, "key-1", "O1")), "/v2/checkout/orders/O1/authorize", {}),
        (
            lambda shop: shop.capture(CaptureCall(MANUAL, "key-1", "A1", HALF)),
            "/v2/payments/authorizations/A1/capture",
            {"amount": HALF_WRITTEN, "final_capture": True},
        ),
        (
            lambda shop: shop.void(VoidCall(MANUAL, "key-1", "A1", held=True)),
            "/v2/payments/authorizations/A1/void",
            {},
        ),
        (
            lambda shop: shop.refund(RefundCall(terms(), "key-1", "C1", HALF, terms().money)),
            "/v2/payments/captures/C1/refund",
            {"amount": HALF_WRITTEN, "custom_id": "key-1"},
        ),
    ],
)
async def test_every_call_is_sent_as_paypal_wants_it_and_alike_each_time(
    calling: Calling, path: str, body: dict[str, Any]
) -> None:
    paypal = PayPal()
    async with shop(paypal) as provider:
        await calling(provider)
        paypal.now += timedelta(minutes=1)
        await calling(provider)
    token, first, second = paypal.requests
    assert token.headers["authorization"] == "Basic Y2xpZW50OnNlY3JldA=="
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"
    assert token.content == b"grant_type=client_credentials"
    assert (first.method, first.url.raw_path.decode()) == ("POST", path)
    assert first.headers["authorization"] == "Bearer token-1"
    assert first.headers["paypal-request-id"] == "key-1"
    assert first.headers["prefer"] == "return=representation"
    assert first.headers["content-type"] == "application/json"
    assert json.loads(first.content) == body
    assert (second.url, second.content, second.headers) == (first.url, first.content, first.headers)


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (Operation.AUTHORIZE, "/v2/checkout/orders/X1"),
        (Operation.CONFIRM, "/v2/checkout/orders/X1"),
        (Operation.CAPTURE, "/v2/payments/authorizations/X1"),
        (Operation.VOID, "/v2/payments/authorizations/X1"),
        (Operation.REFUND, "/v2/payments/captures/X1"),
    ],
)
async def test_a_look_up_looks_at_what_the_operation_was_about(operation: Operation, path: str) -> None:
    paypal = PayPal()
    async with shop(paypal) as provider:
        query = Query(terms(), operation, "key-1", "X1", conclusive=True, outstanding=HALF)
        assert await provider.look_up(query) == Unknown("an answer nobody understands")
    assert paypal.calls() == ["POST /v1/oauth2/token", f"GET {path}"]


async def show(provider: PayPalProvider) -> ProviderReport:
    return await provider.look_up(
        Query(terms(), Operation.AUTHORIZE, "key-1", "O1", conclusive=False, outstanding=HALF)
    )


@pytest.mark.parametrize(("life", "kept"), [(32400, 32340), (60, 30)])
async def test_a_token_is_kept_and_renewed_before_its_end(life: int, kept: int) -> None:
    paypal = PayPal(life)
    async with shop(paypal) as provider:
        await show(provider)
        paypal.now += timedelta(seconds=kept - 1)
        await show(provider)
        assert paypal.given == 1
        paypal.now += timedelta(seconds=1)
        await show(provider)
        assert paypal.given == 2


async def test_a_token_that_is_refused_is_renewed_once() -> None:
    paypal = PayPal(refused={"token-1"})
    async with shop(paypal) as provider:
        assert isinstance(await show(provider), Unknown)
        show_order = "GET /v2/checkout/orders/O1"
        assert paypal.calls() == ["POST /v1/oauth2/token", show_order, "POST /v1/oauth2/token", show_order]


async def test_when_every_token_is_refused_nothing_was_done() -> None:
    paypal = PayPal(refused={"token-1", "token-2"})
    async with shop(paypal) as provider:
        with pytest.raises(ProviderUnreachable):
            await show(provider)
    assert paypal.given == 2


@pytest.mark.parametrize("status", [401, 500, 302])
async def test_without_a_token_nothing_is_done(status: int) -> None:
    paypal = PayPal(token_status=status)
    async with shop(paypal) as provider:
        with pytest.raises(ProviderUnreachable) as unreachable:
            await provider.authorize(Authorization(terms(), "key-1"))
    assert paypal.calls() == ["POST /v1/oauth2/token"]
    assert "secret" not in str(unreachable.value)


async def test_an_order_whose_id_is_not_known_leaves_no_trace() -> None:
    paypal = PayPal()
    async with shop(paypal) as provider:
        query = Query(terms(), Operation.AUTHORIZE, "key-1", None, conclusive=True, outstanding=HALF)
        assert await provider.look_up(query) == Missing(conclusive=True)
    assert paypal.calls() == []
