"""VNPay's adapter against the running simulator, and what becomes of calls whose answer never comes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.domain.ids import provider_key
from app.domain.money import Money
from app.domain.payment.events import Operation, RedirectAction
from app.domain.reports import (
    ActionNeeded,
    Captured,
    Declined,
    Expired,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
)
from app.laptop.sandbox.vnpay import application
from app.providers.http import ProviderHttp, open_http
from app.providers.port import Authorization, PaymentTerms, Query, RefundCall
from app.providers.vnpay.adapter import VNPayProvider
from app.providers.vnpay.settings import VNPaySettings
from app.wiring.shared import utc_now
from tests.providers.builders import RETURN_URL, new_payment, terms
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess

PRICE = Money(200_000, "VND")


@dataclass(frozen=True)
class Shop:
    """A provider with a usual time-out, the same one with a short one, and as it will be a minute later."""

    provider: VNPayProvider
    hasty: VNPayProvider
    later: VNPayProvider


def settings_for(url: str) -> VNPaySettings:
    prefix = "PAYGATE_VNPAY_"
    variables = application.environment(url).items()
    values: dict[str, Any] = {name.removeprefix(prefix).lower(): value for name, value in variables}
    return VNPaySettings(**values)


@asynccontextmanager
async def open_shop(url: str) -> AsyncIterator[Shop]:
    settings = settings_for(url)
    async with open_http(settings.api_url.rpartition("/")[0]) as client:
        usual, short = (ProviderHttp(client, "vnpay", each) for each in (10.0, 0.3))
        yield Shop(
            VNPayProvider(usual, settings, utc_now),
            VNPayProvider(short, settings, utc_now),
            VNPayProvider(usual, settings, lambda: utc_now() + timedelta(minutes=1)),
        )


@pytest.fixture
async def shop(sandbox: SandboxProcess) -> AsyncIterator[Shop]:
    async with open_shop(sandbox.url) as opened:
        yield opened


def new_terms(**changes: Any) -> PaymentTerms:
    return terms(new_payment(), PRICE, "redirect", **{"initiated_at": datetime.now(UTC), **changes})


def query(about: PaymentTerms, operation: Operation = Operation.AUTHORIZE, *, conclusive: bool = False) -> Query:
    key = provider_key(about.payment_id, operation)
    return Query(about, operation, key, about.payment_id, conclusive, about.money)


async def begun(shop: Shop, about: PaymentTerms) -> ActionNeeded:
    call = Authorization(about, provider_key(about.payment_id, Operation.AUTHORIZE))
    report = await shop.provider.authorize(call)
    assert isinstance(report, ActionNeeded)
    return report


async def press(needed: ActionNeeded, decision: str) -> str:
    """What the customer's browser does; returns where it is sent next."""
    assert isinstance(needed.action, RedirectAction)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        answer = await browser.post(needed.action.url, data={"decision": decision})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


async def taken(shop: Shop, about: PaymentTerms) -> str:
    await press(await begun(shop, about), "approve")
    report = await shop.provider.look_up(query(about))
    assert isinstance(report, Captured)
    return report.reference


def movements(sandbox: SandboxProcess, about: PaymentTerms) -> list[tuple[str, int]]:
    return [(each["operation"], each["amount"]) for each in sandbox.ledger(about.payment_id)]


def refund(about: PaymentTerms, reference: str, amount: int, name: str = "1") -> RefundCall:
    key = provider_key(about.payment_id, Operation.REFUND, name)
    return RefundCall(about, key, reference, Money(amount, "VND"), PRICE)


def query_refund(call: RefundCall, *, conclusive: bool = False) -> Query:
    return Query(call.terms, Operation.REFUND, call.key, call.reference, conclusive, PRICE)


async def test_a_customer_pays_and_the_money_is_taken_at_once(shop: Shop, sandbox: SandboxProcess) -> None:
    about = new_terms(description="Áo dài số 1")
    needed = await begun(shop, about)
    assert await shop.provider.look_up(query(about)) == needed, "not begun"
    assert isinstance(needed.action, RedirectAction)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        page = await browser.get(needed.action.url)
    assert "200000 VND: Ao dai so 1" in page.text
    assert await shop.provider.look_up(query(about)) == needed, "begun"
    assert movements(sandbox, about) == []

    back = await press(needed, "approve")
    assert back.startswith(f"{RETURN_URL}?")
    report = await shop.provider.look_up(query(about))
    assert isinstance(report, Captured)
    assert report.amount == PRICE
    await press(needed, "approve")
    assert movements(sandbox, about) == [("capture", 200_000)]


@pytest.mark.parametrize(
    ("decision", "report"), [("decline", Declined), ("cancel", Declined), ("expire", Declined), ("suspect", Pending)]
)
async def test_what_else_the_customer_does_takes_nothing(
    shop: Shop, sandbox: SandboxProcess, decision: str, report: type
) -> None:
    about = new_terms()
    await press(await begun(shop, about), decision)
    assert await shop.provider.look_up(query(about)) == Pending(), "its notice will say why"
    assert isinstance(await shop.later.look_up(query(about)), report)
    assert movements(sandbox, about) == []


async def test_a_customer_who_never_came_is_too_late(shop: Shop) -> None:
    about = new_terms(initiated_at=datetime.now(UTC) - timedelta(minutes=21))
    assert await shop.provider.look_up(query(about)) == Expired(about.payment_id)
    later = replace(about, expires_at=datetime.now(UTC) + timedelta(minutes=10))
    assert isinstance(await shop.provider.look_up(query(later)), ActionNeeded)


async def test_money_is_given_back_in_parts(shop: Shop, sandbox: SandboxProcess) -> None:
    about = new_terms()
    number = await taken(shop, about)
    for name, amount in (("ref_1", 50_500), ("ref_2", 149_500)):
        call = refund(about, number, amount, name)
        assert await shop.provider.look_up(query_refund(call, conclusive=True)) == Missing(conclusive=True)
        assert await shop.provider.refund(call) == Pending(), "on its way to the bank"
        report = await shop.provider.look_up(query_refund(call))
        assert isinstance(report, Refunded)
        assert report.amount == call.money
        assert await shop.provider.refund(call) == Pending(), "known for a repeat"
    assert isinstance(await shop.provider.refund(refund(about, number, 1, "ref_3")), Declined)
    assert movements(sandbox, about) == [("capture", 200_000), ("refund", 50_500), ("refund", 149_500)]


async def test_money_is_given_back_whole(shop: Shop, sandbox: SandboxProcess) -> None:
    about = new_terms()
    call = refund(about, await taken(shop, about), 200_000)
    report = await shop.provider.refund(call)
    assert isinstance(report, Refunded)
    assert await shop.provider.look_up(query_refund(call)) == report
    assert movements(sandbox, about) == [("capture", 200_000), ("refund", 200_000)]


async def script(sandbox: SandboxProcess, call: str, fault: str) -> None:
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=NO_CERTIFICATES) as director:
        answer = await director.post("/faults", json={"provider": "vnpay", "call": call, "fault": fault})
    assert answer.status_code == 204


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after", "error_after", "reset", "truncated"])
async def test_silence_is_asked_about_and_repeated_without_harm(
    shop: Shop, sandbox: SandboxProcess, fault: str
) -> None:
    about = new_terms()
    call = refund(about, await taken(shop, about), 200_000)
    provider = shop.hasty if fault.startswith("timeout") else shop.provider

    await script(sandbox, "querydr", fault)
    assert isinstance(await provider.look_up(query(about)), Unknown)
    assert isinstance(await shop.provider.look_up(query(about)), Captured)

    await script(sandbox, "refund", fault)
    assert isinstance(await provider.refund(call), Unknown)
    done = fault != "timeout_before"
    told: ProviderReport = await shop.provider.look_up(query_refund(call))
    while done and told == Missing(conclusive=False):  # given up before it was carried out
        told = await shop.provider.look_up(query_refund(call))
    assert isinstance(told, Refunded) if done else told == Missing(conclusive=False)
    assert isinstance(await shop.provider.refund(call), Pending if done else Refunded)
    assert isinstance(await shop.provider.look_up(query_refund(call)), Refunded)
    assert movements(sandbox, about) == [("capture", 200_000), ("refund", 200_000)]
