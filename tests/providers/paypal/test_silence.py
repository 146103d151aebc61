"""Calls whose answer never comes: nothing is believed, a look-up tells, and a repeat moves no second money."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import pytest

from app.domain.ids import provider_key
from app.domain.payment.events import Operation
from app.domain.reports import ActionNeeded, Authorized, Captured, Missing, ProviderReport, Refunded, Unknown, Voided
from app.providers.paypal.adapter import PayPalProvider
from app.providers.port import CaptureCall, PaymentTerms, Query, RefundCall, VoidCall
from tests.providers.builders import new_payment
from tests.providers.paypal.paying import (
    PRICE,
    Shop,
    approved,
    authorization,
    confirmation,
    held,
    manual,
    query,
    taken,
    terms,
)
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess

FAULTS = ["timeout_before", "timeout_after", "error_after", "reset", "truncated"]
Calling = Callable[[PayPalProvider], Awaitable[ProviderReport]]


@dataclass(frozen=True)
class Case:
    calling: Calling
    asked: Query
    outcome: type[ProviderReport]
    movements: list[str]


async def creating(_: Shop) -> Case:
    about = terms(new_payment())
    asked = query(about, Operation.AUTHORIZE, None)
    return Case(lambda provider: provider.authorize(authorization(about)), asked, ActionNeeded, [])


async def capturing(shop: Shop) -> Case:
    return await _confirming(shop, terms(new_payment()), Captured, ["capture"])


async def authorizing(shop: Shop) -> Case:
    return await _confirming(shop, manual(new_payment()), Authorized, ["authorize"])


async def _confirming(shop: Shop, about: PaymentTerms, outcome: type[ProviderReport], moved: list[str]) -> Case:
    order = await approved(shop, about)
    asked = query(about, Operation.CONFIRM, order)
    return Case(lambda provider: provider.confirm(confirmation(about, order)), asked, outcome, moved)


async def capturing_a_hold(shop: Shop) -> Case:
    about = manual(new_payment())
    hold = await held(shop, about)
    asked = query(about, Operation.CAPTURE, hold)
    call = CaptureCall(about, asked.key, hold, PRICE)
    return Case(lambda provider: provider.capture(call), asked, Captured, ["authorize", "capture"])


async def voiding(shop: Shop) -> Case:
    about = manual(new_payment())
    hold = await held(shop, about)
    asked = query(about, Operation.VOID, hold)
    call = VoidCall(about, asked.key, hold, held=True)
    return Case(lambda provider: provider.void(call), asked, Voided, ["authorize", "void"])


async def refunding(shop: Shop) -> Case:
    about = terms(new_payment())
    _, capture = await taken(shop, about)
    key = provider_key(about.payment_id, Operation.REFUND)
    call = RefundCall(about, key, capture, PRICE, PRICE)
    asked = query(about, Operation.REFUND, capture)
    return Case(lambda provider: provider.refund(call), asked, Refunded, ["capture", "refund"])


CALLS = {
    "create": creating,
    "capture": capturing,
    "authorize": authorizing,
    "capture_hold": capturing_a_hold,
    "void": voiding,
    "refund": refunding,
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_silence_is_asked_about_and_repeated_without_harm(
    shop: Shop, sandbox: SandboxProcess, fault: str
) -> None:
    prepared = await asyncio.gather(*(prepare(shop) for prepare in CALLS.values()))
    cases = dict(zip(CALLS, prepared, strict=True))
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=NO_CERTIFICATES) as director:
        for call in cases:
            script = {"provider": "paypal", "call": call, "fault": fault}
            (await director.post("/faults", json=script)).raise_for_status()
    async with asyncio.TaskGroup() as calls:
        for call, case in cases.items():
            calls.create_task(_survives(shop, sandbox, call, case, fault))


async def _survives(shop: Shop, sandbox: SandboxProcess, call: str, case: Case, fault: str) -> None:
    provider = shop.hasty if fault.startswith("timeout") else shop.provider
    assert isinstance(await case.calling(provider), Unknown), call

    # An order whose id never arrived cannot be asked for; making it again brings it to light.
    found = fault != "timeout_before" and call != "create"
    told = await shop.provider.look_up(case.asked)
    while found and told == Missing(conclusive=False):  # given up before it was carried out
        told = await shop.provider.look_up(case.asked)
    assert isinstance(told, case.outcome) if found else told == Missing(conclusive=False), call

    repeated = await case.calling(shop.provider)
    assert isinstance(repeated, case.outcome), call
    assert not found or repeated == told, call
    moved = await asyncio.to_thread(sandbox.ledger, case.asked.terms.payment_id)
    assert [each["operation"] for each in moved] == case.movements, call
