"""The notifier as it runs: nothing is lost when it stops, and no endpoint waits for another."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from app.domain.delivery.events import DeliveryMade
from app.domain.delivery.model import DeliveryStatus
from app.domain.delivery.next_action import RetryPolicy
from app.domain.endpoints.model import Endpoint
from app.domain.payment.next_action import Policy
from app.eventstore import esdb
from app.notifier.port import Message, Outcome
from app.notifier.service import ChannelService, Notifier, Wishes
from app.notifier.webhooks.sender import open_transport
from app.notifier.webhooks.wishes import EndpointWishes
from app.redisio import open_redis
from projections.publisher import Publisher
from projections.service import Projection
from tests.integration.payments import VISIBLE_OF_SETTLED, new_id, settled, write
from tests.integration.shop import Office, RealClock, Shop, open_shop
from tests.support.eventstore_process import EventStoreProcess
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import eventually

AT_ONCE = 2
QUICK = RetryPolicy(pauses=(timedelta(milliseconds=50),) * 20)


@pytest.fixture
async def office(own_server: EventStoreProcess, own_valkey: ValkeyProcess) -> AsyncIterator[Office]:
    """With a projection that runs."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(esdb.connect(own_server.uri))
        redis = await stack.enter_async_context(open_redis(own_valkey.url))
        transport = await stack.enter_async_context(open_transport())
        projection = Projection(store, Publisher(redis), Policy(), idle_seconds=0.1)
        await stack.enter_async_context(_running(projection))
        yield Office(store, redis, transport, clock=RealClock(), policy=QUICK)


@asynccontextmanager
async def _running(service: Projection | Notifier) -> AsyncIterator[None]:
    task = asyncio.create_task(service.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def notifying(office: Office, sender: Any = None) -> Notifier:
    wishes = Wishes("endpoints", EndpointWishes(office.store, office.log).streams_after)
    pump = office.pump(sender)
    return Notifier([ChannelService(office.store, office.log, pump, AT_ONCE, 0.1, wishes=wishes)])


async def _pay(office: Office, count: int) -> list[str]:
    payments = [new_id() for _ in range(count)]
    for payment_id in payments:
        now = [event.model_copy(update={"at": office.clock()}) for event in settled(payment_id)]
        first = now[0].model_copy(update={"merchant_id": office.merchant_id})
        await write(office.store, payment_id, [first, *now[1:]])
    return payments


async def _has_everything(shop: Shop, payments: list[str]) -> None:
    async def complete() -> bool:
        return all(set(shop.versions_of(payment_id)) == set(VISIBLE_OF_SETTLED) for payment_id in payments)

    await eventually(complete, what="everything at the shop")


async def test_an_endpoint_that_does_not_answer_delays_no_other_and_has_everything_in_order_in_the_end(
    office: Office,
) -> None:
    async with open_shop() as slow, open_shop() as quick, _running(notifying(office)):
        for shop in (slow, quick):
            await office.register(shop.url)
        slow.open.clear()
        payments = await _pay(office, 5)
        await _has_everything(quick, payments)
        assert (slow.received, slow.waiting) == ([], AT_ONCE)
        slow.will_answer(500, 500, 429)
        slow.open.set()
        await _has_everything(slow, payments)
        assert slow.most_waiting == AT_ONCE
        for payment_id in payments:
            assert quick.versions_of(payment_id) == VISIBLE_OF_SETTLED
            assert slow.versions_of(payment_id) == sorted(slow.versions_of(payment_id))


async def test_a_notifier_that_ends_in_the_middle_is_followed_by_one_that_sends_the_rest_though_redis_forgets_all(
    office: Office,
) -> None:
    async with open_shop() as shop:
        made = await office.register(shop.url)
        shop.open.clear()
        async with _running(notifying(office)):
            payments = await _pay(office, 4)

            async def under_way() -> bool:
                return shop.waiting == AT_ONCE

            await eventually(under_way, what="messages under way")
        await office.redis.flushall()
        shop.open.set()
        async with _running(notifying(office)):
            await _has_everything(shop, payments)

            async def recorded() -> bool:
                return all([await _recorded(office, made.endpoint.id, each) == VISIBLE_OF_SETTLED for each in payments])

            await eventually(recorded, what="each message recorded once")

            async def logged() -> bool:
                log = await office.log.page(made.endpoint.id, first=100, after=None)
                delivered = [each for each in log.deliveries if each.message.status is DeliveryStatus.DELIVERED]
                return len(delivered) == len(payments) * len(VISIBLE_OF_SETTLED)

            await eventually(logged, what="the log, built again")


async def test_what_nobody_foresaw_of_one_endpoint_is_no_others_trouble(office: Office) -> None:
    sends, faults = office.sender(), list[str]()

    class Surprised:
        async def send(self, message: Message, target: Endpoint) -> Outcome:
            if target.description == "odd":
                faults.append(message.id)
                raise ZeroDivisionError
            return await sends.send(message, target)

    async with open_shop() as odd, open_shop() as quick, _running(notifying(office, Surprised())):
        await office.register(odd.url, description="odd")
        await office.register(quick.url)
        await _has_everything(quick, await _pay(office, 3))
        assert odd.received == []
        assert faults


async def _recorded(office: Office, endpoint_id: str, payment_id: str) -> list[int]:
    events = await office.events(f"{endpoint_id}.{payment_id}")
    return [event.version for event in events if isinstance(event, DeliveryMade)]
