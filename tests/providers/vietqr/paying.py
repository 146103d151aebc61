"""A shop that is paid by VietQR at the simulated bank, and its customer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from app.domain.ids import PaymentId, provider_key
from app.domain.money import Money
from app.domain.payment.events import Operation, QrAction
from app.domain.reports import ActionNeeded, ProviderReport
from app.laptop.sandbox.vietqr.account import PAYOS_API_KEY, PAYOS_CLIENT_ID, environment
from app.providers.port import Authorization, PaymentTerms, Query
from app.providers.vietqr.adapter import VietQrProvider, connected
from app.providers.vietqr.settings import VietQrSettings
from tests.providers import builders
from tests.support.plain_http import NO_CERTIFICATES

PRICE = Money(200_000, "VND")
BY_PAYOS = {"payos_client_id": PAYOS_CLIENT_ID, "payos_api_key": PAYOS_API_KEY, "sepay_token": None}
"""payOS makes the QR codes, and is the only one to be asked."""


@dataclass(frozen=True)
class Shop:
    """A provider with a usual time-out, and the same one with a short one."""

    provider: VietQrProvider
    hasty: VietQrProvider


def settings_for(url: str, **changes: Any) -> VietQrSettings:
    prefix = "PAYGATE_VIETQR_"
    values = {name.removeprefix(prefix).lower(): value for name, value in environment(url).items()}
    return VietQrSettings(**{**values, **changes})


@asynccontextmanager
async def open_shop(url: str, **changes: Any) -> AsyncIterator[Shop]:
    settings = settings_for(url, **changes)
    async with connected(settings, 10.0) as provider, connected(settings, 0.3) as hasty:
        yield Shop(provider, hasty)


def terms(payment_id: PaymentId, money: Money = PRICE, **changes: Any) -> PaymentTerms:
    return builders.terms(payment_id, money, "qr", **changes)


def authorization(about: PaymentTerms) -> Authorization:
    return Authorization(about, provider_key(about.payment_id, Operation.AUTHORIZE))


def query(
    about: PaymentTerms,
    reference: str | None,
    *,
    operation: Operation = Operation.AUTHORIZE,
    outstanding: int = PRICE.amount,
    counted: tuple[str, ...] = (),
) -> Query:
    key = provider_key(about.payment_id, operation)
    return Query(about, operation, key, reference, True, Money(outstanding, PRICE.currency), transfers=counted)


def shown(report: ProviderReport) -> tuple[str, str]:
    """The reference and the QR code of a payment that waits for its customer."""
    assert isinstance(report, ActionNeeded), report
    assert isinstance(report.action, QrAction)
    return report.reference, report.action.payload


async def transfer(url: str, payload: str, *, feed: str | list[str] = "none", **changes: Any) -> str:
    """What the customer does with the bank's app; the bank's reference."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as app:
        answer = await app.post(f"{url}/vietqr/bank", data={"payload": payload, "feed": feed, **changes})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].rpartition("/")[2]
