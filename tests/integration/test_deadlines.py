"""Everything is stopped, deadlines pass, everything is begun again: what had to expire does, once, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from app.domain.order.events import OrderRejected
from app.domain.order.model import OrderStatus
from app.domain.payment.events import PaymentExpired
from app.domain.payment.model import PaymentStatus
from app.eventstore import esdb
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS, load
from app.processor.pump import Pump
from app.processor.service import Processor
from app.providers.registry import ProviderRegistry
from app.redisio import open_redis
from projections.publisher import Publisher
from projections.readmodel import ReadModel
from projections.service import Projection
from tests.integration.ordering import PERFORMER, POLICY, Shop
from tests.integration.ways import WAYS, card, reaching_all
from tests.support.eventstore_process import EventStoreProcess
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess
from tests.support.valkey_process import ValkeyProcess
from tests.support.virtual_processor import Clock
from tests.support.waiting import eventually

AUTHENTICATED = replace(WAYS["sandbox"], method=card("sandbox", "tok_authenticate"))
DEADLINES = [timedelta(minutes=minutes) for minutes in (5, 10, 15, 60, 120)]


@asynccontextmanager
async def at_work(
    server: EventStoreProcess, valkey: ValkeyProcess, providers: ProviderRegistry, clock: Clock
) -> AsyncIterator[EventStore]:
    """Projection and processor, until the end of the block."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(open_redis(valkey.url))
        store = await stack.enter_async_context(esdb.connect(server.uri))
        pump = Pump(store, providers, PERFORMER, clock, POLICY)
        processor = Processor(store, ReadModel(redis), pump, concurrency=8, sweep_seconds=0.05)
        running = [
            asyncio.create_task(Projection(store, Publisher(redis), POLICY).run()),
            asyncio.create_task(processor.run()),
        ]
        try:
            yield store
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


ASKED = (OrderStatus.PENDING, PaymentStatus.REQUIRES_ACTION)
OVER = (OrderStatus.REJECTED, PaymentStatus.EXPIRED)


async def stand(store: EventStore, valkey: ValkeyProcess, shops: Mapping[timedelta, Shop], now: timedelta) -> None:
    """Return when each order, and its payment, is over if its deadline is before `now`, and else waits."""
    wanted = [OVER if deadline <= now else ASKED for deadline in shops]

    async def seen(shop: Shop) -> tuple[OrderStatus | None, PaymentStatus | None]:
        order = await read_model.order(shop.order_id)
        payment = await read_model.payment(*shop.ways)
        return order.status if order else None, payment.status if payment else None

    async def as_wanted() -> bool:
        return [await seen(shop) for shop in shops.values()] == wanted

    async with open_redis(valkey.url) as redis:
        read_model = ReadModel(redis)
        await eventually(as_wanted, what=f"what is over after {now}")
    for shop, (_, payment_status) in zip(shops.values(), wanted, strict=True):
        over = payment_status is PaymentStatus.EXPIRED
        payment = (await load(store, PAYMENTS, *shop.ways)).events
        order = (await load(store, ORDERS, shop.order_id)).events
        assert sum(isinstance(event, PaymentExpired) for event in payment) == over
        assert [event.reason for event in order if isinstance(event, OrderRejected)] == ["expired"] * over


async def test_over_a_stop_exactly_those_expire_whose_deadline_passed_and_each_once(
    own_server: EventStoreProcess,
    own_valkey: ValkeyProcess,
    simulated: SandboxProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(datetime.now(UTC))
    async with (
        reaching_all(simulated.url, monkeypatch, provider_timeout=5.0) as providers,
        httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser,
    ):
        async with at_work(own_server, own_valkey, providers, clock) as store:
            shops = {each: Shop(store, providers, simulated, browser, clock=clock) for each in DEADLINES}
            for deadline, shop in shops.items():
                await shop.place(AUTHENTICATED, expires_in=deadline)
            await stand(store, own_valkey, shops, timedelta())
        await asyncio.to_thread(own_server.restart)
        await asyncio.to_thread(own_valkey.restart)
        clock.advance(timedelta(minutes=20))
        async with at_work(own_server, own_valkey, providers, clock) as store:
            await stand(store, own_valkey, shops, timedelta(minutes=20))
        clock.advance(timedelta(minutes=50))
        async with at_work(own_server, own_valkey, providers, clock) as store:
            await stand(store, own_valkey, shops, timedelta(minutes=70))
