"""Losses on a large scale, with the real Redis, event store and projection: every watcher has everything in the end."""

import asyncio
import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from app.domain.payment.events import PaymentEvent
from app.eventstore import esdb
from app.eventstore.port import EventStore
from app.live.feed import dial
from app.live.hub import Hub
from projections.names import Topic
from projections.readmodel import ReadModel
from tests.integration.payments import new_id, settled, updates_of, versions, write
from tests.integration.test_hub import Stage, Watcher, projecting, staged
from tests.support.eventstore_process import EventStoreProcess
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import eventually

MANY = 1_000
AT_ONCE = 64


@pytest.fixture
async def store(own_server: EventStoreProcess) -> AsyncIterator[EventStore]:
    """One in which there are no other tests' payments, which a projection would have to go through first."""
    async with esdb.connect(own_server.uri) as connected:
        yield connected


class LossyDial:
    """Connects to the real Redis, and drops what it is told to of what Redis publishes."""

    def __init__(self, drops: Callable[[bytes], bool]) -> None:
        self._drops = drops
        self.dropped = 0

    async def __call__(self, url: str, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        def lossy() -> asyncio.Protocol:
            connection: Any = make()
            deliver = connection._on_message

            def hear(channel: bytes, payload: bytes) -> None:
                if self._drops(payload):
                    self.dropped += 1
                else:
                    deliver(channel, payload)

            connection._on_message = hear
            return connection  # type: ignore[no-any-return]

        return await dial(url, lossy)


async def all_at_once(work: Sequence[Callable[[], Awaitable[object]]]) -> None:
    """Do all of it, so many at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def do(step: Callable[[], Awaitable[object]]) -> None:
        async with places:
            await step()

    async with asyncio.TaskGroup() as tasks:
        for step in work:
            tasks.create_task(do(step))


async def append(store: EventStore, histories: dict[str, list[PaymentEvent]], first: int, upto: int) -> None:
    """To every payment its events from `first` to before `upto`, in one append each."""
    await all_at_once(
        [
            lambda payment_id=payment_id, events=events: write(  # type: ignore[misc]
                store, payment_id, events[first:upto], after=first - 1
            )
            for payment_id, events in histories.items()
        ]
    )


def assert_everything_was_seen(watchers: Sequence[Watcher], histories: Sequence[list[PaymentEvent]]) -> None:
    for watcher, events in zip(watchers, histories, strict=True):
        assert watcher.seen == updates_of(events)
        assert [each.previous for each in watcher.seen] == [None, *versions(watcher.seen)[:-1]]


async def test_of_every_twenty_messages_one_is_lost_and_nobody_sees_a_gap(
    store: EventStore, own_valkey: ValkeyProcess
) -> None:
    rng = random.Random(20)  # noqa: S311 — to be drawn again, not secret
    lossy = LossyDial(lambda _: rng.random() < 0.05)
    histories = {payment_id: settled(payment_id) for payment_id in (new_id() for _ in range(100))}
    async with staged(store, own_valkey.url, sweep_seconds=1.0, dial=lossy) as stage:
        await append(store, histories, 0, 1)
        watchers = [Watcher.of(stage.hub, payment_id, -1) for payment_id in histories for _ in range(2)]
        async with projecting(store, stage.redis):
            for revision in range(1, 6):
                await append(store, histories, revision, revision + 1)
            await asyncio.gather(*(watcher.end() for watcher in watchers))
        assert_everything_was_seen(watchers, [events for events in histories.values() for _ in range(2)])
        assert lossy.dropped > 0
        assert stage.hub.gaps_healed > 0


async def test_the_last_message_lost_is_made_good_by_the_sweep(store: EventStore, own_valkey: ValkeyProcess) -> None:
    lossy = LossyDial(lambda payload: payload.startswith(b"1,5,1"))
    payment_id = new_id()
    events = settled(payment_id)
    async with staged(store, own_valkey.url, sweep_seconds=0.3, dial=lossy) as stage, projecting(store, stage.redis):
        await write(store, payment_id, events[:-1])
        # A sweep looks in the stream for what Redis knows nothing of, and may find the end before its message comes.
        await eventually(partial(projected, stage.redis, payment_id), what="the projection")
        watcher = Watcher.of(stage.hub, payment_id, -1)
        await watcher.has(1)
        await write(store, payment_id, events[-1:], after=len(events) - 2)
        await watcher.end()
        assert_everything_was_seen([watcher], [events])
        assert lossy.dropped == 1


async def projected(redis: Redis, payment_id: str) -> bool:
    return await ReadModel(redis).last_updates([Topic("payment", payment_id)]) != [None]


def test_the_sweep_comes_by_at_least_every_fifteen_seconds() -> None:
    assert inspect.signature(Hub.open).parameters["sweep_seconds"].default <= 15.0


class TestAThousandWatchers:
    @pytest.fixture
    async def watched(
        self, store: EventStore, own_valkey: ValkeyProcess
    ) -> AsyncIterator[tuple[Stage, dict[str, list[PaymentEvent]], list[Watcher]]]:
        async with self._watching(store, own_valkey) as given:
            yield given

    @asynccontextmanager
    async def _watching(
        self, store: EventStore, valkey: ValkeyProcess
    ) -> AsyncIterator[tuple[Stage, dict[str, list[PaymentEvent]], list[Watcher]]]:
        histories = {payment_id: settled(payment_id) for payment_id in (new_id() for _ in range(MANY))}
        async with staged(store, valkey.url) as stage, projecting(store, stage.redis):
            await append(store, histories, 0, 2)
            watchers = [Watcher.of(stage.hub, payment_id, -1) for payment_id in histories]
            await asyncio.gather(*(watcher.has(1) for watcher in watchers))
            yield stage, histories, watchers

    async def test_redis_is_killed_and_started_again_and_all_have_everything(
        self,
        watched: tuple[Stage, dict[str, list[PaymentEvent]], list[Watcher]],
        own_valkey: ValkeyProcess,
    ) -> None:
        stage, histories, watchers = watched
        own_valkey.kill()
        await append(stage.store, histories, 2, 6)
        await asyncio.to_thread(own_valkey.restart)
        await self._healed(watchers, histories)

    async def test_redis_forgets_everything_and_all_have_everything(
        self,
        watched: tuple[Stage, dict[str, list[PaymentEvent]], list[Watcher]],
    ) -> None:
        stage, histories, watchers = watched
        await stage.redis.flushall()
        await append(stage.store, histories, 2, 6)
        await self._healed(watchers, histories)

    async def _healed(
        self,
        watchers: list[Watcher],
        histories: dict[str, list[PaymentEvent]],
    ) -> None:
        await asyncio.gather(*(watcher.end() for watcher in watchers))
        assert_everything_was_seen(watchers, list(histories.values()))
