"""Whoever watches a merchant sees every update of all its payments once and in order, or is told why not."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from app.eventstore.port import EventStore
from app.live.hub import CursorExpired, Delivery, Hub, PositionAhead
from app.live.mailbox import SlowConsumer
from app.live.waiting import KEPT
from app.redisio import RedisError, open_redis
from projections.names import MerchantTopic
from tests.integration.merchant_feeds import (
    Watcher,
    all_of,
    expected_feed,
    holds,
    hub_on,
    new_merchant,
    overflows,
    payments_of,
    projecting,
    waits,
    write_mixed,
)
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import eventually


@pytest.fixture
def merchant() -> str:
    return new_merchant()


@pytest.fixture
async def own_redis(own_valkey: ValkeyProcess) -> AsyncIterator[Redis]:
    async with open_redis(own_valkey.url) as client:
        yield client


@pytest.fixture
async def hub(store: EventStore, valkey: ValkeyProcess) -> AsyncIterator[Hub]:
    async with hub_on(store, valkey.url) as opened:
        yield opened


class TestWhereAWatchBegins:
    async def test_without_a_cursor_only_what_comes_from_now_on(
        self, store: EventStore, redis: Redis, hub: Hub, merchant: str
    ) -> None:
        before, after = payments_of(merchant), payments_of(merchant)
        async with projecting(store, redis):
            await write_mixed(store, before)
            past = await expected_feed(store, before)
            await holds(redis, merchant, past)
            async with Watcher.of(hub, merchant) as watcher:
                await write_mixed(store, after)
                await watcher.has((await expected_feed(store, before | after))[len(past) :])

    async def test_a_merchant_without_payments_can_be_watched(
        self, store: EventStore, redis: Redis, hub: Hub, merchant: str
    ) -> None:
        payments = payments_of(merchant)
        async with projecting(store, redis), Watcher.of(hub, merchant) as watcher:
            await write_mixed(store, payments)
            await watcher.has(await expected_feed(store, payments))

    async def test_after_any_cursor_everything_above_it_and_then_what_comes(
        self, store: EventStore, redis: Redis, hub: Hub, merchant: str
    ) -> None:
        before, after = payments_of(merchant, 3), payments_of(merchant, 3)
        async with projecting(store, redis):
            await write_mixed(store, before)
            past = await expected_feed(store, before)
            await holds(redis, merchant, past)
            watches = [Watcher.of(hub, merchant, entry.place) for entry in past]
            watchers = [await watch.__aenter__() for watch in watches]
            await write_mixed(store, after)
            whole = await expected_feed(store, before | after)
            for number, watcher in enumerate(watchers, start=1):
                await watcher.has(whole[number:])
            for watch in watches:
                await watch.__aexit__(None, None, None)

    async def test_a_past_far_larger_than_the_budget_is_read_at_the_readers_pace(
        self, store: EventStore, redis: Redis, valkey: ValkeyProcess, merchant: str
    ) -> None:
        payments = payments_of(merchant, 45)
        async with projecting(store, redis), hub_on(store, valkey.url, mailbox_bytes=3_000) as hub:
            await write_mixed(store, payments)
            expected = await expected_feed(store, payments)
            await holds(redis, merchant, expected)
            assert len(expected) > 128
            async with Watcher.of(hub, merchant, expected[0].place) as watcher:
                await watcher.has(expected[1:])

    async def test_what_is_kept_no_longer_is_not_skipped(
        self, store: EventStore, redis: Redis, hub: Hub, merchant: str
    ) -> None:
        payments = payments_of(merchant)
        await write_mixed(store, payments)
        expected = await expected_feed(store, payments)
        async with projecting(store, redis, length=3):
            await holds(redis, merchant, expected[-3:])
        async with Watcher.of(hub, merchant, expected[-5].place) as too_late:
            await too_late.ends_with(CursorExpired)
        async with Watcher.of(hub, merchant, expected[-4].place) as just_in_time:
            await just_in_time.has(expected[-3:])
        assert hub._watched == {}

    async def test_a_cursor_ahead_of_everything_is_refused(self, store: EventStore, hub: Hub, merchant: str) -> None:
        await write_mixed(store, payments_of(merchant, 1))
        head = await store.head("$ce-payment")
        async with Watcher.of(hub, merchant, head + 1) as watcher:
            fault = await watcher.ends_with(PositionAhead)
        assert fault.after == head + 1
        assert hub._watched == {}

    async def test_without_redis_a_watch_says_so(
        self, store: EventStore, own_valkey: ValkeyProcess, merchant: str
    ) -> None:
        async with hub_on(store, own_valkey.url) as hub:
            own_valkey.kill()
            async with Watcher.of(hub, merchant) as watcher:
                await watcher.ends_with(RedisError)
            assert hub._watched == {}


class TestSeveralMerchants:
    async def test_none_sees_anything_of_another(self, store: EventStore, redis: Redis, hub: Hub) -> None:
        feeds = {merchant: payments_of(merchant) for merchant in (new_merchant(), new_merchant())}
        (mine, my_payments), (other, other_payments) = feeds.items()
        async with (
            projecting(store, redis),
            Watcher.of(hub, mine) as my_watcher,
            Watcher.of(hub, other) as other_watcher,
        ):
            await write_mixed(store, my_payments | other_payments)
            await my_watcher.has(await expected_feed(store, my_payments))
            await other_watcher.has(await expected_feed(store, other_payments))

    async def test_those_who_leave_leave_nothing_behind(self, hub: Hub, redis: Redis, merchant: str) -> None:
        channel = MerchantTopic(merchant).channel
        async with Watcher.of(hub, merchant), Watcher.of(hub, merchant):
            assert channel.encode() in await redis.pubsub_channels()
        assert hub._watched == {}

        async def gone() -> bool:
            return channel.encode() not in await redis.pubsub_channels()

        await eventually(gone, what="the end of the subscription")


class TestLosses:
    async def test_messages_lost_and_doubled_are_made_good_from_the_feed(
        self, store: EventStore, redis: Redis, valkey: ValkeyProcess, merchant: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payments = payments_of(merchant, 12)
        hear, chance = Hub.hear, random.Random(9)  # noqa: S311

        def hear_badly(hub: Hub, channel: bytes, message: bytes) -> None:
            for _ in range(chance.choice((0, 0, 1, 1, 2))):
                hear(hub, channel, message)

        monkeypatch.setattr(Hub, "hear", hear_badly)
        async with projecting(store, redis), hub_on(store, valkey.url, sweep_seconds=0.5) as hub:
            async with Watcher.of(hub, merchant) as watcher:
                await write_mixed(store, payments)
                await watcher.has(await expected_feed(store, payments))
            assert hub.gaps_healed > 0

    async def test_what_is_no_entry_is_as_good_as_lost(
        self, store: EventStore, redis: Redis, hub: Hub, merchant: str
    ) -> None:
        payments = payments_of(merchant)
        async with projecting(store, redis), Watcher.of(hub, merchant) as watcher:
            await write_mixed(store, payments)
            for garbage in (b"", b"1,2\n", b"\xff,1,a\n,0,0\n{}"):
                await redis.publish(MerchantTopic(merchant).channel, garbage)
            await watcher.has(await expected_feed(store, payments))

    async def test_when_nothing_is_heard_the_sweep_finds_it(
        self, store: EventStore, redis: Redis, valkey: ValkeyProcess, merchant: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payments = payments_of(merchant)
        monkeypatch.setattr(Hub, "hear", lambda *_: None)
        async with (
            projecting(store, redis),
            hub_on(store, valkey.url, sweep_seconds=0.1) as hub,
            Watcher.of(hub, merchant) as watcher,
        ):
            await write_mixed(store, payments)
            await watcher.has(await expected_feed(store, payments))

    async def test_redis_forgetting_everything_changes_nothing_for_watchers(
        self, store: EventStore, own_valkey: ValkeyProcess, own_redis: Redis, merchant: str
    ) -> None:
        before, after = payments_of(merchant), payments_of(merchant)
        async with (
            hub_on(store, own_valkey.url) as hub,
            projecting(store, own_redis),
            Watcher.of(hub, merchant) as watcher,
        ):
            await write_mixed(store, before)
            past = await expected_feed(store, before)
            await watcher.has(past)
            await own_redis.flushall()
            await write_mixed(store, after)
            await watcher.has(await expected_feed(store, before | after))

    async def test_a_cursor_of_what_redis_has_forgotten_waits_until_it_is_there_again(
        self, store: EventStore, own_valkey: ValkeyProcess, own_redis: Redis, merchant: str
    ) -> None:
        before, after = payments_of(merchant), payments_of(merchant)
        await write_mixed(store, before)
        past = await expected_feed(store, before)
        async with hub_on(store, own_valkey.url) as hub, Watcher.of(hub, merchant, past[3].place) as watcher:
            # There is nothing in Redis at all yet.
            await write_mixed(store, after)
            async with projecting(store, own_redis):
                await watcher.has((await expected_feed(store, before | after))[4:])

    async def test_over_a_restart_of_redis_nothing_is_missing(
        self, store: EventStore, own_valkey: ValkeyProcess, own_redis: Redis, merchant: str
    ) -> None:
        first, second, third = payments_of(merchant), payments_of(merchant), payments_of(merchant)
        async with (
            hub_on(store, own_valkey.url) as hub,
            projecting(store, own_redis),
            Watcher.of(hub, merchant) as watcher,
        ):
            await write_mixed(store, first)
            await watcher.has(await expected_feed(store, first))
            await asyncio.to_thread(own_valkey.kill)
            await write_mixed(store, second)
            await asyncio.to_thread(own_valkey.restart)
            await write_mixed(store, third)
            await watcher.has(await expected_feed(store, first | second | third))

    async def test_who_has_missed_more_than_is_kept_is_told_so(
        self, store: EventStore, redis: Redis, valkey: ValkeyProcess, merchant: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Hub, "hear", lambda *_: None)
        payments = payments_of(merchant)
        async with (
            projecting(store, redis, length=3),
            hub_on(store, valkey.url) as hub,
            Watcher.of(hub, merchant) as watcher,
        ):
            await write_mixed(store, payments)
            await holds(redis, merchant, (await expected_feed(store, payments))[-3:])
            hub.suspect_all()
            await watcher.ends_with(CursorExpired)
            assert watcher.seen == []


class TestSlowReaders:
    async def test_one_who_wants_all_is_sent_away_with_the_place_to_go_on_from(
        self, store: EventStore, redis: Redis, valkey: ValkeyProcess, merchant: str
    ) -> None:
        payments = payments_of(merchant)
        async with projecting(store, redis), hub_on(store, valkey.url, mailbox_bytes=4_000) as hub:
            async with aclosing(hub.watch_merchant(merchant)) as slow:
                first = asyncio.ensure_future(anext(slow))
                await waits(hub, merchant, 1)
                await write_mixed(store, payments)
                expected = await expected_feed(store, payments)
                assert await first == expected[0]
                await holds(redis, merchant, expected)
                await overflows(hub, merchant)
                with pytest.raises(SlowConsumer) as fault:
                    await all_of(slow)
            assert isinstance(fault.value.position, int)
            seen = [entry.place for entry in expected].index(fault.value.position) + 1
            async with Watcher.of(hub, merchant, fault.value.position) as again:
                await again.has(expected[seen:])

    async def test_one_who_wants_the_latest_is_told_less_but_nothing_that_matters_is_missing(
        self, store: EventStore, redis: Redis, hub: Hub, merchant: str
    ) -> None:
        payments = payments_of(merchant)
        async with (
            projecting(store, redis),
            aclosing(hub.watch_merchant(merchant, delivery=Delivery.LATEST)) as slow,
            Watcher.of(hub, merchant) as quick,
        ):
            first = asyncio.ensure_future(anext(slow))
            await waits(hub, merchant, 2)
            await write_mixed(store, payments)
            expected = await expected_feed(store, payments)
            await quick.has(expected)
            taken = [await first]
            while taken[-1].place < expected[-1].place:
                taken.append(await anext(slow))
        assert sum(entry.merged for entry in taken) == len(expected)
        assert len(taken) < len(expected)
        kept = [entry.place for entry in expected if entry.update.payment.status in KEPT]
        assert {entry.place for entry in taken} >= set(kept)
