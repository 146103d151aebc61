"""Feeds as they should be, by the event store alone, and watchers of merchants."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from app.domain.payment.events import PaymentEvent
from app.domain.payment.next_action import Policy
from app.eventstore.port import NO_STREAM, EventStore
from app.live.history import Histories
from app.live.hub import Delivery, Hub
from app.redisio import open_redis
from projections.merchant_feed import FeedEntry, MerchantFeeds
from projections.names import MerchantTopic, Topic
from projections.publisher import FEED_LENGTH, Publisher
from projections.readmodel import ReadModel
from projections.service import Projection
from tests.integration.payments import begun, eventful, new_id, settled, updates_of, write
from tests.support.waiting import eventually

NEVER = 3600.0

Payments = dict[str, list[PaymentEvent]]


def new_merchant() -> str:
    """A merchant that no other test has."""
    return f"m{uuid4().hex}"


def payments_of(merchant: str, count: int = 6) -> Payments:
    """Payments of all sorts."""
    lives: list[Any] = [settled, begun, lambda payment_id, **fields: eventful(payment_id, 3, **fields)]
    ids = [new_id() for _ in range(count)]
    return {payment_id: lives[number % 3](payment_id, merchant_id=merchant) for number, payment_id in enumerate(ids)}


async def write_mixed(store: EventStore, payments: Payments) -> None:
    """Write them all, bit by bit and in no order."""
    chance = random.Random(3)  # noqa: S311
    written = dict.fromkeys(payments, 0)
    while unwritten := [payment_id for payment_id, events in payments.items() if written[payment_id] < len(events)]:
        payment_id = chance.choice(unwritten)
        part = payments[payment_id][written[payment_id] :][: chance.randint(1, 3)]
        await write(store, payment_id, part, after=written[payment_id] - 1)
        written[payment_id] += len(part)


async def expected_feed(store: EventStore, payments: Payments) -> list[FeedEntry]:
    """What the feed of a merchant with these payments has to hold, were it never trimmed."""
    updates = {
        (Topic("payment", payment_id).stream, update.version): (payment_id, update)
        for payment_id, events in payments.items()
        for update in updates_of(events)
    }
    entries: list[FeedEntry] = []
    for link in await store.read("$ce-payment"):
        revision, _, stream = link.data.decode().partition("@")
        if found := updates.get((stream, int(revision))):
            entries.append(FeedEntry(entries[-1].place if entries else None, link.revision, *found))
    return entries


async def retained(redis: Redis, merchant: str) -> list[FeedEntry]:
    """All that the feed holds."""
    return await MerchantFeeds(redis).after(MerchantTopic(merchant), NO_STREAM, at_most=100_000)


async def holds(redis: Redis, merchant: str, expected: list[FeedEntry]) -> None:
    """Return when the feed ends where it should; then it has to be what it should."""

    async def found() -> bool:
        return [entry.place for entry in await retained(redis, merchant)][-1:] == [expected[-1].place]

    await eventually(found, what="the end of the feed")
    assert await retained(redis, merchant) == expected


@asynccontextmanager
async def projecting(store: EventStore, redis: Redis, length: int = FEED_LENGTH) -> AsyncIterator[None]:
    """A projection at work; it ends with the block as a process does that is killed: wherever it happens to be."""
    running = asyncio.create_task(Projection(store, Publisher(redis, length), Policy(), idle_seconds=0.1).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def hub_on(store: EventStore, url: str, **options: Any) -> AsyncIterator[Hub]:
    """A hub that looks for silent losses only when it is told to, unless `options` say otherwise."""
    limits: dict[str, Any] = {"sweep_seconds": NEVER, **options}
    async with open_redis(url) as redis, Hub.open(url, Histories(store, ReadModel(redis)), **limits) as hub:

        async def connected() -> bool:
            return hub.feed.connected

        await eventually(connected, what="the feed")
        yield hub


@dataclass
class Watcher:
    """A watch that goes on by itself, and what it has seen."""

    seen: list[FeedEntry] = field(default_factory=list)
    task: asyncio.Task[None] = field(init=False)

    @classmethod
    @asynccontextmanager
    async def of(
        cls, hub: Hub, merchant: str, after: int | None = None, delivery: Delivery = Delivery.ALL
    ) -> AsyncIterator["Watcher"]:
        """It has begun when the block does, unless it was refused."""
        watcher = cls()

        async def watch() -> None:
            async with aclosing(hub.watch_merchant(merchant, after, delivery)) as entries:
                async for entry in entries:
                    watcher.seen.append(entry)

        async def begun() -> bool:
            watched = hub._watched.get(MerchantTopic(merchant).channel)
            waits = watched and all(not mailbox.behind and mailbox.empty for mailbox in watched.mailboxes)
            return watcher.task.done() or bool(waits)

        watcher.task = asyncio.create_task(watch())
        try:
            await eventually(begun, what="the beginning of the watch")
            yield watcher
        finally:
            watcher.task.cancel()
            await asyncio.gather(watcher.task, return_exceptions=True)

    async def has(self, expected: list[FeedEntry]) -> None:
        """Return when the last of these has come; then all must have come, once and in order."""

        async def come() -> bool:
            if self.task.done():
                self.task.result()
            return self.seen[-1:] == expected[-1:]

        await eventually(come, what="the last entry")
        assert self.seen == expected

    async def ends_with(self, fault: type[Exception]) -> Any:
        """The exception the watch ends with."""
        async with asyncio.timeout(30):
            await asyncio.wait({self.task})
        exception = self.task.exception()
        assert isinstance(exception, fault)
        return exception


async def all_of(entries: AsyncGenerator[FeedEntry, None]) -> list[FeedEntry]:
    """What comes until the watch ends."""
    return [entry async for entry in entries]


async def waits(hub: Hub, merchant: str, watchers: int) -> None:
    """Return when so many have all there is."""

    async def found() -> bool:
        watched = hub._watched.get(MerchantTopic(merchant).channel)
        boxes = watched.mailboxes if watched else ()
        return len(boxes) == watchers and not any(mailbox.behind for mailbox in boxes)

    await eventually(found, what="the beginning of the watches")


async def overflows(hub: Hub, merchant: str) -> None:
    """Return when the merchant's one watcher has been offered more than it may hold."""

    async def found() -> bool:
        (mailbox,) = hub._watched[MerchantTopic(merchant).channel].mailboxes
        return bool(mailbox._overflowed)

    await eventually(found, what="the overflow")
