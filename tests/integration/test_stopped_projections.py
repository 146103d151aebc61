"""The projection is stopped around every write and every checkpoint, and a new one begun: the fold of the streams."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from app.eventstore import esdb
from app.eventstore.transact import ORDERS, PAYMENTS, load
from app.redisio import open_redis
from projections import service
from projections.fold import order_updates, payment_updates
from projections.publisher import Batch, Publisher
from projections.readmodel import ReadModel
from projections.service import Projection
from tests.integration.ordering import POLICY, Shop
from tests.integration.ways import WAYS, card, reaching_all
from tests.support.eventstore_process import EventStoreProcess
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess
from tests.support.valkey_process import ValkeyProcess

POINTS = ("before the write", "after the write", "after the checkpoint")


class Stopped(Exception):
    """A process ends here."""


class CaughtUp(Exception):
    """Nothing is left to project."""


@dataclass
class StoppingPublisher:
    """The publisher; whoever comes to `point` is stopped there."""

    publisher: Publisher
    point: str
    last: int
    """The place of the last event there is."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.publisher, name)

    def batch(self) -> Any:
        return _StoppingBatch(self.publisher.batch(), self)

    async def advance(self, category: str, place: int, *, known: int) -> None:
        await self.publisher.advance(category, place, known=known)
        if place > known:
            self.reached("after the checkpoint")
        elif place == self.last:
            raise CaughtUp

    def reached(self, point: str) -> None:
        if point == self.point:
            raise Stopped


@dataclass
class _StoppingBatch:
    batch: Batch
    publisher: StoppingPublisher

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batch, name)

    async def send(self) -> None:
        self.publisher.reached("before the write")
        await self.batch.send()
        self.publisher.reached("after the write")


async def test_a_projection_stopped_around_every_event_is_followed_by_one_that_shows_the_fold(
    own_server: EventStoreProcess,
    own_valkey: ValkeyProcess,
    simulated: SandboxProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "_BATCH", 1)
    async with (
        reaching_all(simulated.url, monkeypatch, provider_timeout=5.0) as providers,
        httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser,
        esdb.connect(own_server.uri) as store,
        open_redis(own_valkey.url) as redis,
    ):
        paid, given_back = (Shop(store, providers, simulated, browser) for _ in range(2))
        paid.other_ways.append(WAYS["sandbox"])
        declined = replace(WAYS["sandbox"], method=card("sandbox", "tok_decline"))
        await paid.place(declined, expires_in=timedelta(hours=1))
        payment_id = await given_back.place(WAYS["sandbox"])
        await given_back.take_money(payment_id)
        await given_back.cancel()
        shops = (paid, given_back)
        for shop in shops:
            await shop.rest()
        for category in ("payment", "order"):
            # One at a time, so that each of its events is the one that the projection is stopped over.
            monkeypatch.setattr(service, "CATEGORIES", (category,))
            written = len(await store.read(f"$ce-{category}"))
            stops, caught_up, points = 0, False, cycle(POINTS)
            while not caught_up:
                publisher: Any = StoppingPublisher(Publisher(redis), next(points), written - 1)
                try:
                    await Projection(store, publisher, POLICY, idle_seconds=0.2).run()
                except* Stopped:
                    stops += 1
                except* CaughtUp:
                    caught_up = True
            assert stops == len(POINTS) * written > 0
        for shop in shops:
            await _shows_the_fold(redis, shop)


async def _shows_the_fold(redis: Redis, shop: Shop) -> None:
    model = ReadModel(redis)
    order, _ = order_updates((await load(shop.behind, ORDERS, shop.order_id)).events)
    assert order
    assert await model.order(shop.order_id) == order.view
    for payment_id in shop.ways:
        payment, _ = payment_updates((await load(shop.behind, PAYMENTS, payment_id)).events)
        assert payment
        assert await model.payment(payment_id) == payment.view
