"""The processor is stopped before and after everything it writes, and a new one begun: the same order, charged once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

import httpx
import pytest

from app.eventstore.port import EventStore
from app.providers.registry import ProviderRegistry
from tests.integration.ordering import Meanwhile, Shop
from tests.integration.ways import WAYS, Way, card, reaching_all
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.remembering_store import RememberingStore
from tests.support.sandbox_process import SandboxProcess

MOST_STEPS = 40

Flow = Callable[[Shop], Awaitable[None]]


async def _ordered(shop: Shop, way: Way, deadline: timedelta | None = None) -> str:
    return await shop.place(way, expires_in=deadline)


async def _paid_by_card(shop: Shop) -> None:
    await _ordered(shop, WAYS["sandbox"])


async def _declined_then_paid(shop: Shop) -> None:
    shop.other_ways.append(WAYS["sandbox"])
    await _ordered(shop, replace(WAYS["sandbox"], method=card("sandbox", "tok_decline")), timedelta(hours=1))


async def _paid_by_wallet(shop: Shop) -> None:
    await _ordered(shop, WAYS["momo"])


async def _paid_by_transfer(shop: Shop) -> None:
    await _ordered(shop, WAYS["vietqr"])


async def _cancelled_while_the_customer_is_asked(shop: Shop) -> None:
    shop.reluctant.add(await _ordered(shop, replace(WAYS["sandbox"], method=card("sandbox", "tok_authenticate"))))
    shop.cancels_when_asked = True


async def _cancelled_after_the_capture(shop: Shop) -> None:
    payment_id = await _ordered(shop, WAYS["sandbox"])
    await shop.take_money(payment_id)
    assert await shop.cancel()


async def _expired(shop: Shop) -> None:
    way = replace(WAYS["sandbox"], method=card("sandbox", "tok_authenticate"))
    shop.reluctant.add(await _ordered(shop, way, timedelta(minutes=5)))


FLOWS: Mapping[str, Flow] = {
    "paid by card": _paid_by_card,
    "declined, then paid": _declined_then_paid,
    "paid by wallet": _paid_by_wallet,
    "paid by transfer": _paid_by_transfer,
    "cancelled while the customer is asked": _cancelled_while_the_customer_is_asked,
    "cancelled after the capture": _cancelled_after_the_capture,
    "expired": _expired,
}


@dataclass
class Street:
    """Where shops are opened."""

    store: EventStore
    providers: ProviderRegistry
    sandbox: SandboxProcess
    browser: httpx.AsyncClient

    async def outcome(self, flow: Flow, step: int, when: Literal["before", "after"]) -> tuple[object, bool]:
        """What came of a flow whose processor is stopped at a step, and whether there was such a step."""
        stopped: list[Meanwhile] = []

        async def stop() -> None:
            raise asyncio.CancelledError

        def through(store: RememberingStore) -> Meanwhile:
            stopped.append(Meanwhile(store, stop, step, when))
            return stopped[0]

        shop = Shop(self.store, self.providers, self.sandbox, self.browser, through)
        await flow(shop)
        await shop.rest()
        await shop.agrees()
        order = await shop.order()
        attempts = [
            (attempt.status, type(shop.payment(attempt.payment_id)), await shop.moved(attempt.payment_id))
            for attempt in order.attempts
        ]
        return (type(order), attempts), stopped[0].happened


@pytest.fixture
async def street(
    store: EventStore, simulated: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Street]:
    async with (
        reaching_all(simulated.url, monkeypatch, provider_timeout=5.0) as providers,
        httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser,
    ):
        yield Street(store, providers, simulated, browser)


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
async def test_a_processor_stopped_anywhere_is_followed_by_one_that_comes_to_the_same(
    street: Street, flow: Flow
) -> None:
    undisturbed, _ = await street.outcome(flow, MOST_STEPS, "before")
    for when in ("before", "after"):
        for step in range(MOST_STEPS):
            outcome, happened = await street.outcome(flow, step, when)
            assert outcome == undisturbed, f"stopped {when} step {step}"
            if not happened:
                assert step > 3
                break
