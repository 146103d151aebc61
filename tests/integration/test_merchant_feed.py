"""A merchant's feed is the same whoever writes it, and has a hole at no time, whatever Redis forgets."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.eventstore.port import NO_STREAM, EventStore
from app.redisio import open_redis
from projections.merchant_feed import FeedEntry, FeedForgotten
from projections.names import MerchantTopic, checkpoint_key
from projections.publisher import Publisher
from projections.views import Update
from tests.integration.merchant_feeds import (
    Payments,
    expected_feed,
    holds,
    new_merchant,
    payments_of,
    projecting,
    retained,
    write_mixed,
)
from tests.support.valkey_process import ValkeyProcess


@pytest.fixture
def merchant() -> str:
    return new_merchant()


@pytest.fixture
def payments(merchant: str) -> Payments:
    return payments_of(merchant)


@pytest.fixture
async def own_redis(own_valkey: ValkeyProcess) -> AsyncIterator[Redis]:
    async with open_redis(own_valkey.url) as client:
        yield client


class TestWhoeverWritesIt:
    async def test_it_has_every_update_in_the_order_of_the_category(
        self, store: EventStore, redis: Redis, merchant: str, payments: Payments
    ) -> None:
        async with projecting(store, redis):
            await write_mixed(store, payments)
            await holds(redis, merchant, await expected_feed(store, payments))

    async def test_several_at_once_write_and_publish_each_entry_once(
        self, store: EventStore, redis: Redis, merchant: str, payments: Payments
    ) -> None:
        async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(MerchantTopic(merchant).channel)
            await pubsub.parse_response()
            async with projecting(store, redis), projecting(store, redis), projecting(store, redis):
                await write_mixed(store, payments)
                expected = await expected_feed(store, payments)
                await holds(redis, merchant, expected)
            heard = [FeedEntry.decode((await pubsub.parse_response())[2]) for _ in expected]
            assert heard == expected
            assert await pubsub.parse_response(block=False, timeout=0) is None

    async def test_one_killed_again_and_again_leaves_nothing_out(
        self, store: EventStore, redis: Redis, merchant: str
    ) -> None:
        payments = payments_of(merchant, 12)
        chance = random.Random(5)  # noqa: S311
        writing = asyncio.create_task(write_mixed(store, payments))
        for _ in range(12):
            async with projecting(store, redis):
                for _ in range(chance.randint(1, 150)):
                    await asyncio.sleep(0)
        await writing
        async with projecting(store, redis):
            await holds(redis, merchant, await expected_feed(store, payments))

    async def test_one_that_begins_again_from_the_start_changes_nothing(
        self, store: EventStore, own_redis: Redis, merchant: str, payments: Payments
    ) -> None:
        await write_mixed(store, payments)
        expected = await expected_feed(store, payments)
        async with projecting(store, own_redis):
            await holds(own_redis, merchant, expected)
        await own_redis.delete(checkpoint_key("payment"))
        later = payments_of(merchant, 1)
        async with projecting(store, own_redis):
            await write_mixed(store, later)
            await holds(own_redis, merchant, await expected_feed(store, payments | later))

    async def test_it_keeps_the_last_entries_only(
        self, store: EventStore, redis: Redis, merchant: str, payments: Payments
    ) -> None:
        await write_mixed(store, payments)
        async with projecting(store, redis, length=4):
            await holds(redis, merchant, (await expected_feed(store, payments))[-4:])

    async def test_the_first_event_of_all_has_a_place_too(self, own_redis: Redis, merchant: str) -> None:
        await _append(Publisher(own_redis), merchant, 0)
        await holds(own_redis, merchant, [FeedEntry(None, 0, "pay_1", _UPDATE)])


class TestWhatRedisForgets:
    async def test_everything_is_written_again_at_the_same_places(
        self, store: EventStore, own_redis: Redis, merchant: str, payments: Payments
    ) -> None:
        await write_mixed(store, payments)
        expected = await expected_feed(store, payments)
        async with projecting(store, own_redis):
            await holds(own_redis, merchant, expected)
            await own_redis.flushall()
            await holds(own_redis, merchant, expected)

    async def test_forgetting_while_it_is_written_leaves_no_hole(
        self, store: EventStore, own_redis: Redis, merchant: str
    ) -> None:
        payments = payments_of(merchant, 12)
        async with projecting(store, own_redis), projecting(store, own_redis):
            writing = asyncio.create_task(write_mixed(store, payments))
            for _ in range(20):
                await own_redis.flushall()
                await _unbroken(own_redis, merchant)
            await writing
            await holds(own_redis, merchant, await expected_feed(store, payments))

    async def test_going_back_to_an_earlier_state_leaves_no_hole(
        self, store: EventStore, own_redis: Redis, merchant: str
    ) -> None:
        """As a server does that comes back without its last second, or a replica that was behind."""
        first, second, third = payments_of(merchant), payments_of(merchant), payments_of(merchant)
        async with projecting(store, own_redis):
            await write_mixed(store, first)
            await holds(own_redis, merchant, await expected_feed(store, first))
            earlier = {key: await own_redis.dump(key) async for key in own_redis.scan_iter()}
            await write_mixed(store, second)
            await holds(own_redis, merchant, await expected_feed(store, first | second))
            going_back = own_redis.pipeline(transaction=True)
            going_back.flushall()
            for key, dumped in earlier.items():
                going_back.restore(key, 0, dumped or b"")
            await going_back.execute()
            await write_mixed(store, third)
            await holds(own_redis, merchant, await expected_feed(store, first | second | third))

    async def test_nothing_is_written_above_what_is_gone(self, own_redis: Redis, merchant: str) -> None:
        publisher = Publisher(own_redis)
        await _append(publisher, merchant, 5)
        await own_redis.flushall()
        with pytest.raises(FeedForgotten) as fault:
            await _append(publisher, merchant, 9)
        assert fault.value.complete_to == NO_STREAM
        assert await retained(own_redis, merchant) == []

    async def test_what_another_has_written_again_is_not_missed(self, own_redis: Redis, merchant: str) -> None:
        one, another = Publisher(own_redis), Publisher(own_redis)
        await _append(one, merchant, 5)
        await own_redis.flushall()
        await _append(another, merchant, 5)
        await _append(one, merchant, 9)
        assert [(entry.previous, entry.place) for entry in await retained(own_redis, merchant)] == [(None, 5), (5, 9)]

    async def test_a_projection_learns_how_far_the_feeds_are_complete(self, own_redis: Redis, merchant: str) -> None:
        await _append(Publisher(own_redis), merchant, 5)
        newcomer = Publisher(own_redis)
        await newcomer.feeds.learn()
        await own_redis.flushall()
        with pytest.raises(FeedForgotten):
            await _append(newcomer, merchant, 9)

    @pytest.mark.parametrize(("stored", "to", "then"), [(9, 4, 4), (4, 9, 4), (None, 4, None)])
    async def test_the_checkpoint_is_moved_back_but_never_forward(
        self, own_redis: Redis, stored: int | None, to: int, then: int | None
    ) -> None:
        if stored is not None:
            await own_redis.set(checkpoint_key("payment"), stored)
        await Publisher(own_redis).rewind("payment", to)
        found = await own_redis.get(checkpoint_key("payment"))
        assert (None if found is None else int(found)) == then


_UPDATE = Update(None, 0, final=False, shown=b"{}")


async def _append(publisher: Publisher, merchant: str, place: int) -> None:
    batch = publisher.batch()
    await batch.tell_merchant(merchant, place, "pay_1", _UPDATE)
    await batch.send()


async def _unbroken(redis: Redis, merchant: str) -> None:
    """Each entry follows the one before it, and the first none."""
    entries = await retained(redis, merchant)
    assert [entry.previous for entry in entries] == [None, *(entry.place for entry in entries)][: len(entries)]
