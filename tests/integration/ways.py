"""Every way to pay, as a test goes it: what is asked for, and what the customer does about it."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.access.vault import Vault
from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import CardMethod, CustomerAction, Method, QrAction, QrMethod, RedirectMethod
from app.domain.payment.model import AwaitingCustomer
from app.domain.transfer_codes import transfer_code_for
from app.laptop.sandbox.simulators import environment
from app.providers.registry import ProviderRegistry, open_providers
from app.settings import Settings
from tests.support.plain_http import NO_CERTIFICATES

VAULT = Vault(SecretStr("a secret key of at least 32 characters"))


@dataclass(frozen=True)
class Way:
    """One provider."""

    provider: str
    price: Money
    method: Method

    def ledger_reference(self, payment_id: str) -> str:
        """By what the provider's ledger knows the payment."""
        return transfer_code_for(PaymentId(payment_id)) if self.provider == "vietqr" else payment_id


def card(provider: str, token: str) -> CardMethod:
    """A card whose token is sealed."""
    return CardMethod(provider=provider, sealed_token=VAULT.seal(SecretStr(token)))


WAYS: Mapping[str, Way] = {
    way.provider: way
    for way in (
        Way("sandbox", Money(4200, "EUR"), card("sandbox", "tok_success")),
        Way("stripe", Money(4200, "EUR"), card("stripe", "pm_card_visa")),
        Way("paypal", Money(4200, "EUR"), RedirectMethod(provider="paypal")),
        Way("momo", Money(200_000, "VND"), RedirectMethod(provider="momo")),
        Way("zalopay", Money(200_000, "VND"), RedirectMethod(provider="zalopay")),
        Way("vnpay", Money(200_000, "VND"), RedirectMethod(provider="vnpay")),
        Way("vietqr", Money(200_000, "VND"), QrMethod(provider="vietqr")),
    )
}


@asynccontextmanager
async def reaching_all(
    sandbox_url: str, monkeypatch: pytest.MonkeyPatch, *, provider_timeout: float
) -> AsyncIterator[ProviderRegistry]:
    """Every provider, at its simulator; `provider_timeout` in seconds."""
    for name, value in environment(sandbox_url).items():
        monkeypatch.setitem(os.environ, name, value)
    settings = Settings(providers=list(WAYS), sandbox_url=sandbox_url, provider_timeout=provider_timeout)
    async with open_providers(settings, lambda: datetime.now(UTC)) as registry:
        yield registry


async def pay(state: AwaitingCustomer, sandbox_url: str) -> None:
    """The customer does what the payment asks for, and nobody tells us."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        answer = await act(state.action, sandbox_url, browser)
    assert answer.status_code < 400, answer.text


async def act(action: CustomerAction, sandbox_url: str, browser: httpx.AsyncClient) -> httpx.Response:
    """The customer does what was asked for, be it too late; what the provider says to that."""
    if isinstance(action, QrAction):
        return await browser.post(f"{sandbox_url}/vietqr/bank", data={"payload": action.payload})
    # The page is opened before it is decided on, as people do.
    await browser.get(action.url)
    return await browser.post(action.url, data={"decision": "approve"})


def movements(sandbox_url: str, reference: str) -> list[Any]:
    """What the provider's ledger has of one payment."""
    answer = httpx.get(
        f"{sandbox_url}/ledger", params={"reference": reference}, timeout=10, trust_env=False, verify=NO_CERTIFICATES
    )
    listed: list[Any] = answer.raise_for_status().json()
    return listed
