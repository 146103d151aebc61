"""PayPal's adapter against the simulator, and the customer at its page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.domain.ids import PaymentId, provider_key
from app.domain.money import Money
from app.domain.payment.events import CaptureMode, Operation, RedirectAction
from app.domain.reports import ActionNeeded, Approved, Authorized, Captured
from app.laptop.sandbox.paypal import application
from app.providers.http import ProviderHttp, open_http
from app.providers.paypal.adapter import PayPalProvider
from app.providers.paypal.calls import AccessTokens, PayPalCalls
from app.providers.paypal.certificates import authorities, open_certificates
from app.providers.paypal.notices import PayPalNotices
from app.providers.paypal.settings import PayPalSettings
from app.providers.port import Authorization, Confirmation, PaymentTerms, Query
from app.wiring.shared import utc_now
from tests.providers import builders
from tests.support.plain_http import NO_CERTIFICATES

PRICE = Money(4200, "EUR")
RETURN_URL = builders.RETURN_URL


def settings_for(url: str) -> PayPalSettings:
    variables = application.environment(url)
    prefix = "PAYGATE_PAYPAL_"
    values: dict[str, Any] = {name.removeprefix(prefix).lower(): value for name, value in variables.items()}
    return PayPalSettings(**{**values, "certificate_origins": [url]})


@dataclass(frozen=True)
class Shop:
    """A provider with a usual time-out, and the same one with a short one."""

    provider: PayPalProvider
    hasty: PayPalProvider
    url: str


@asynccontextmanager
async def open_shop(url: str) -> AsyncIterator[Shop]:
    settings = settings_for(url)
    store = authorities(settings.authorities_pem())
    async with open_http(settings.url) as client, open_certificates([url], store) as certificates:
        http, hasty = ProviderHttp(client, "paypal", 10.0), ProviderHttp(client, "paypal", 0.3)
        secret = settings.client_secret.get_secret_value()
        tokens = AccessTokens(http, settings.client_id, secret, utc_now)
        await tokens.get()
        reader = PayPalNotices(settings.webhook_id, certificates)
        made = [PayPalProvider(PayPalCalls(each, tokens), settings, reader) for each in (http, hasty)]
        yield Shop(made[0], made[1], url)


def terms(payment_id: PaymentId, capture: CaptureMode = CaptureMode.AUTOMATIC, money: Money = PRICE) -> PaymentTerms:
    return builders.terms(payment_id, money, "redirect", capture=capture)


def authorization(about: PaymentTerms) -> Authorization:
    return Authorization(about, provider_key(about.payment_id, Operation.AUTHORIZE))


def confirmation(about: PaymentTerms, order: str, discriminator: str = "1") -> Confirmation:
    return Confirmation(about, provider_key(about.payment_id, Operation.CONFIRM, discriminator), order)


def query(about: PaymentTerms, operation: Operation, reference: str | None, *, conclusive: bool = False) -> Query:
    key = provider_key(about.payment_id, operation)
    return Query(about, operation, key, reference, conclusive, about.money)


async def begun(shop: Shop, about: PaymentTerms) -> ActionNeeded:
    report = await shop.provider.authorize(authorization(about))
    assert isinstance(report, ActionNeeded)
    return report


async def press(needed: ActionNeeded, decision: str) -> str:
    """What the customer's browser does; returns where it is sent next."""
    assert isinstance(needed.action, RedirectAction)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        answer = await browser.post(needed.action.url, data={"decision": decision})
    assert answer.status_code == 303
    return answer.headers["Location"]


async def approved(shop: Shop, about: PaymentTerms, decision: str = "approve") -> str:
    """The order, approved by its customer."""
    needed = await begun(shop, about)
    await press(needed, decision)
    report = await shop.provider.look_up(query(about, Operation.AUTHORIZE, needed.reference))
    assert report == Approved(needed.reference)
    return needed.reference


async def taken(shop: Shop, about: PaymentTerms) -> tuple[str, str]:
    """Order and capture of a payment that is paid."""
    order = await approved(shop, about)
    report = await shop.provider.confirm(confirmation(about, order))
    assert isinstance(report, Captured)
    return order, report.reference


async def held(shop: Shop, about: PaymentTerms) -> str:
    """The authorisation of money that is held."""
    order = await approved(shop, about)
    report = await shop.provider.confirm(confirmation(about, order))
    assert isinstance(report, Authorized)
    return report.reference


def manual(payment_id: PaymentId) -> PaymentTerms:
    return terms(payment_id, CaptureMode.MANUAL)
