"""The projection is stopped around every write and every checkpoint, and a new one begun: the fold of the streams."""

from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pytest
from redis.asyncio import Redis

from app.domain.delivery.next_action import due_at
from app.domain.payment.events import PaymentEvent
from app.eventstore.codec import causation_of, decode
from app.eventstore.transact import DELIVERIES, ORDERS, load
from app.notifier.owing import Duties, delivery_id_of
from projections import service
from projections.fold import FoldedDeliveries, fold_deliveries, order_updates, payment_updates
from projections.names import CATEGORIES, TargetKeys
from projections.publisher import Batch, Publisher
from projections.readmodel import PaymentFilter, ReadModel
from projections.service import Projection
from projections.views import MessageView
from tests.integration.audience import CHANNELS, Audience
from tests.integration.flows import FLOWS, Flow
from tests.integration.merchant_feeds import expected_feed, retained
from tests.integration.ordering import POLICY, Shop, Street

POINTS = ("before the write", "after the write", "after the checkpoint")
EVERYTHING = PaymentFilter()


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


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
async def test_a_projection_stopped_around_every_event_is_followed_by_one_that_shows_the_fold(
    street: Street, audience: Audience, redis: Redis, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await audience.watch(flow, street)
    # Something fails and stays due.
    audience.server.will_answer(500, 204, 500)
    await tell_everybody(audience, shop)
    monkeypatch.setattr(service, "_BATCH", 1)
    for category in CATEGORIES:
        # One at a time, so that each of its events is the one that the projection is stopped over.
        monkeypatch.setattr(service, "CATEGORIES", (category,))
        await project_with_stops(street, redis, category)
    await shows_the_fold(redis, shop)
    await logs_the_deliveries(redis, audience, shop)


async def tell_everybody(audience: Audience, shop: Shop) -> None:
    """What follows from every event is written, and attempted once."""
    for channel in CHANNELS:
        pump = audience.pump(channel, shop.store, lambda sender: sender)
        duties = Duties(pump.subjects, pump.deliveries, pump.channel, pump.clock)
        for event in list(shop.store.everything):
            if event.stream.startswith(("payment-", "order-")):
                for address in await duties.after(event):
                    await pump.run(delivery_id_of(address.target_id, address.subject), causation_of(event))


async def project_with_stops(street: Street, redis: Redis, category: str) -> None:
    """Project what is new of a category, by projections of which each is stopped at the next point of an event."""
    written = await street.store.head(f"$ce-{category}")
    new = written - await Publisher(redis).checkpoint(category)
    stops, caught_up, points = 0, False, cycle(POINTS)
    while not caught_up:
        publisher: Any = StoppingPublisher(Publisher(redis), next(points), written)
        try:
            await Projection(street.store, publisher, POLICY, idle_seconds=0.1).run()
        except* Stopped:
            stops += 1
        except* CaughtUp:
            caught_up = True
    assert stops == len(POINTS) * new > 0


async def shows_the_fold(redis: Redis, shop: Shop) -> None:
    model = ReadModel(redis)
    order, _ = order_updates((await load(shop.behind, ORDERS, shop.order_id)).events)
    assert order
    assert await model.order(shop.order_id) == order.view
    payments: dict[str, list[PaymentEvent]] = {payment_id: shop.history(payment_id) for payment_id in shop.ways}
    for payment_id, events in payments.items():
        payment, _ = payment_updates(events)
        assert payment
        assert await model.payment(payment_id) == payment.view
    listed = await model.payments(shop.merchant_id, first=10, after=None, wanted=EVERYTHING)
    assert {view.id for view in listed.payments} == payments.keys()
    assert await retained(redis, shop.merchant_id) == await expected_feed(shop.behind, payments)


async def logs_the_deliveries(redis: Redis, audience: Audience, shop: Shop) -> None:
    """The delivery log and the due lists are those of the delivery streams."""
    log = ReadModel(redis).deliveries
    for target in audience.listeners:
        messages: dict[str, tuple[MessageView, ...]] = {}
        due = set()
        for subject in (shop.order_id, *shop.ways):
            folded = await _deliveries(shop, delivery_id_of(target.target_id, subject))
            if folded is not None:
                messages[subject] = folded.view.messages
                due |= {subject} if due_at(folded.state) else set()
        page = await log.page(target.target_id, first=100, after=None)
        logged = [(each.subject, each.message) for each in page.deliveries]
        assert sorted(logged, key=repr) == sorted(
            ((subject, each) for subject, several in messages.items() for each in several), key=repr
        )
        assert set(await log.due_subjects(target.target_id, None, at_most=100)) == due
        assert await redis.exists(TargetKeys(target.target_id).due) == bool(due)


async def _deliveries(shop: Shop, delivery_id: str) -> FoldedDeliveries | None:
    folded: FoldedDeliveries | None = None
    for event in await shop.behind.read(DELIVERIES.stream(delivery_id)):
        folded, _ = fold_deliveries(folded, event.revision, decode(event, DELIVERIES.events))
    return folded
