"""Every way to pay, as a test goes it: what is asked for, and what the customer does about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from app.access.vault import Vault
from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import CardMethod, Method, QrAction, QrMethod, RedirectMethod
from app.domain.payment.model import AwaitingCustomer
from app.domain.transfer_codes import transfer_code_for
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


async def pay(state: AwaitingCustomer, sandbox_url: str) -> None:
    """The customer does what the payment asks for, and nobody tells us."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES, follow_redirects=False) as browser:
        if isinstance(state.action, QrAction):
            answer = await browser.post(f"{sandbox_url}/vietqr/bank", data={"payload": state.action.payload})
        else:
            # The page is opened before it is decided on, as people do.
            await browser.get(state.action.url)
            answer = await browser.post(state.action.url, data={"decision": "approve"})
        assert answer.status_code < 400, answer.text


def movements(sandbox_url: str, reference: str) -> list[Any]:
    """What the provider's ledger has of one payment."""
    answer = httpx.get(
        f"{sandbox_url}/ledger", params={"reference": reference}, timeout=10, trust_env=False, verify=NO_CERTIFICATES
    )
    listed: list[Any] = answer.raise_for_status().json()
    return listed
