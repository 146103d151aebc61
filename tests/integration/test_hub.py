"""Every watcher sees every update once and in order, whatever becomes of Redis in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import psutil
import pytest
from redis.asyncio import Redis

from app.domain.payment.events import PaymentEvent
from app.domain.payment.next_action import Policy
from app.eventstore import esdb
from app.eventstore.esdb import Timing
from app.eventstore.port import EventStore, NewEvent, StoreUnavailable
from app.live.history import Histories
from app.live.hub import Hub, NoSuchTopic, PositionAhead
from app.live.mailbox import SlowConsumer
from app.redisio import open_redis
from projections.fold import payment_updates
from projections.names import Topic
from projections.publisher import Publisher
from projections.readmodel import ReadModel
from projections.service import Projection
from projections.views import Update
from tests.integration.freezing import frozen
from tests.integration.payments import (
    VISIBLE_OF_SETTLED,
    begun,
    eventful,
    new_id,
    refunded,
    settled,
    updates_of,
    versions,
    write,
)
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import eventually

NEVER = 3600.0
PATIENCE_SECONDS = 30.0


@dataclass
class Watcher:
    """A watch that goes on by itself, and what it has seen."""

    seen: list[Update] = field(default_factory=list)
    task: asyncio.Task[None] = field(init=False)

    @classmethod
    def of(cls, hub: Hub, payment_id: str, after: int | None = None) -> "Watcher":
        watcher = cls()

        async def watch() -> None:
            async with aclosing(hub.watch(Topic("payment", payment_id), after)) as updates:
                async for update in updates:
                    watcher.seen.append(update)

        watcher.task = asyncio.create_task(watch())
        return watcher

    async def has(self, version: int) -> list[int]:
        """The versions seen when this one has come."""

        def come() -> bool:
            if self.task.done() and version not in versions(self.seen):
                self.task.result()
                raise AssertionError(f"the watch completed without version {version}")
            return version in versions(self.seen)

        await eventually(_when(come), what=f"version {version}")
        return versions(self.seen)

    async def end(self) -> list[int]:
        """The versions seen when the watch has completed."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.task
        return versions(self.seen)

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@dataclass
class Stage:
    """A hub on a Redis, and a projection's part played by hand."""

    hub: Hub
    store: EventStore
    redis: Redis

    async def happens(self, payment_id: str, events: Sequence[PaymentEvent], *, upto: int | None = None) -> None:
        """Append what is missing of `events` up to a revision, and project it."""
        had = len(await self.store.read(Topic("payment", payment_id).stream))
        whole = list(events)[: None if upto is None else upto + 1]
        if whole[had:]:
            await write(self.store, payment_id, whole[had:], after=had - 1)
        await self.project(payment_id, whole)

    async def project(self, payment_id: str, events: Sequence[PaymentEvent]) -> None:
        """Publish the last update, and keep it; those before it never come."""
        folded, _ = payment_updates(events)
        assert folded is not None
        last = updates_of(events)[-1]
        batch = Publisher(self.redis).batch()
        update = last if last.version == folded.view.version else None
        await batch.write(Topic("payment", payment_id), folded.view, update, None)
        await batch.send()

    async def publish(self, payment_id: str, *updates: Update) -> None:
        """Send messages, and keep nothing."""
        for update in updates:
            await self.redis.publish(Topic("payment", payment_id).channel, update.encode())

    async def channels(self) -> list[bytes]:
        """What anybody listens to."""
        return [channel for channel in await self.redis.pubsub_channels() if isinstance(channel, bytes)]


@asynccontextmanager
async def staged(store: EventStore, url: str, **options: Any) -> AsyncIterator[Stage]:
    """A hub that looks for silent losses only when it is told to, unless `options` say otherwise."""
    limits: dict[str, Any] = {"sweep_seconds": NEVER, **options}
    async with (
        open_redis(url) as redis,
        Hub.open(url, Histories(store, ReadModel(redis)), **limits) as hub,
    ):
        await eventually(_when(lambda: hub.feed.connected), what="the feed")
        yield Stage(hub, store, redis)


@asynccontextmanager
async def projecting(store: EventStore, redis: Redis) -> AsyncIterator[None]:
    running = asyncio.create_task(Projection(store, Publisher(redis), Policy(), idle_seconds=0.1).run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def stage(store: EventStore, valkey: ValkeyProcess) -> AsyncIterator[Stage]:
    async with staged(store, valkey.url) as on:
        yield on


@pytest.fixture
def payment_id() -> str:
    return new_id()


class TestWhereAWatchBegins:
    async def test_without_a_position_the_present_comes_first(self, stage: Stage, payment_id: str) -> None:
        events = settled(payment_id)
        await stage.happens(payment_id, events, upto=1)
        watcher = Watcher.of(stage.hub, payment_id)
        assert await watcher.has(1) == [1]
        await stage.happens(payment_id, events)
        assert await watcher.end() == [1, 5]
        assert watcher.seen == updates_of(events)[1:]

    async def test_the_present_is_the_last_change_although_more_has_happened(
        self, stage: Stage, payment_id: str
    ) -> None:
        await stage.happens(payment_id, settled(payment_id), upto=3)
        watcher = Watcher.of(stage.hub, payment_id)
        assert await watcher.has(1) == [1]
        await watcher.leave()

    @pytest.mark.parametrize("after", range(-1, 12))
    async def test_after_a_version_everything_above_it_comes(self, stage: Stage, payment_id: str, after: int) -> None:
        """The versions of events that nobody sees are positions like any other."""
        events = eventful(payment_id, 4)
        await stage.happens(payment_id, events, upto=10)
        if after > 10:
            with pytest.raises(PositionAhead) as fault:
                await Watcher.of(stage.hub, payment_id, after).end()
            assert (fault.value.after, fault.value.head) == (after, 10)
            return
        watcher = Watcher.of(stage.hub, payment_id, after)
        for revision in range(11, len(events)):
            await stage.happens(payment_id, events, upto=revision)
        await watcher.end()
        assert watcher.seen == [update for update in updates_of(events) if update.version > after]

    @pytest.mark.parametrize(("after", "rest"), [(-1, VISIBLE_OF_SETTLED), (0, [1, 5]), (1, [5]), (3, [5]), (5, [])])
    async def test_a_settled_payment_completes_at_once(
        self, stage: Stage, payment_id: str, after: int, rest: list[int]
    ) -> None:
        await stage.happens(payment_id, settled(payment_id))
        assert await Watcher.of(stage.hub, payment_id, after).end() == rest

    async def test_a_settled_payment_is_shown_once_to_whoever_asks_for_the_present(
        self, stage: Stage, payment_id: str
    ) -> None:
        await stage.happens(payment_id, settled(payment_id))
        assert await Watcher.of(stage.hub, payment_id).end() == [5]

    async def test_refunds_are_seen_by_whoever_comes_for_them(self, stage: Stage, payment_id: str) -> None:
        events = refunded(payment_id)
        await stage.happens(payment_id, events, upto=7)
        from_the_start = Watcher.of(stage.hub, payment_id, -1)
        from_success = Watcher.of(stage.hub, payment_id, 5)
        assert await from_the_start.has(7) == [0, 1, 5, 7]
        assert await from_success.has(7) == [7]
        await stage.happens(payment_id, events)
        assert await from_the_start.end() == [0, 1, 5, 7, 9]
        assert await from_success.end() == [7, 9]

    async def test_a_position_ahead_of_the_stream_is_refused(self, stage: Stage, payment_id: str) -> None:
        await stage.happens(payment_id, begun(payment_id))
        with pytest.raises(PositionAhead, match="position 2 is ahead of the last one, 1"):
            await Watcher.of(stage.hub, payment_id, 2).end()

    async def test_a_position_ahead_of_the_read_model_alone_is_none(self, stage: Stage, payment_id: str) -> None:
        """The projection is late: what the watcher has came from the stream."""
        events = settled(payment_id)
        await stage.happens(payment_id, events, upto=1)
        await write(stage.store, payment_id, events[2:5], after=1)
        watcher = Watcher.of(stage.hub, payment_id, 4)
        await stage.happens(payment_id, events)
        assert await watcher.end() == [5]

    @pytest.mark.parametrize("after", [None, -1, 0])
    async def test_what_does_not_exist_cannot_be_watched(
        self, stage: Stage, payment_id: str, after: int | None
    ) -> None:
        with pytest.raises(NoSuchTopic):
            await Watcher.of(stage.hub, payment_id, after).end()

    async def test_what_the_projection_has_not_seen_yet_can_be_watched(self, stage: Stage, payment_id: str) -> None:
        events = settled(payment_id)
        await write(stage.store, payment_id, events[:1])
        watcher = Watcher.of(stage.hub, payment_id)
        assert await watcher.has(0) == [0]
        for revision in range(1, len(events)):
            await stage.happens(payment_id, events, upto=revision)
        assert await watcher.end() == VISIBLE_OF_SETTLED

    async def test_what_comes_live_while_the_past_is_read_is_no_position_ahead(
        self, stage: Stage, payment_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        events = eventful(payment_id, 2)
        await stage.happens(payment_id, events, upto=1)
        await stage.redis.delete(Topic("payment", payment_id).view_key)
        whole = stage.hub.histories.whole

        async def overtaken(topic: Topic) -> Any:
            past = await whole(topic)
            if past.revision == 1:
                await stage.happens(payment_id, events, upto=2)
                await stage.happens(payment_id, events, upto=3)
                await eventually(_when(lambda: _position(stage.hub, payment_id) == 3), what="both messages")
            return past

        monkeypatch.setattr(stage.hub.histories, "whole", overtaken)
        watcher = Watcher.of(stage.hub, payment_id, 1)
        assert await watcher.has(3) == [2, 3]
        await watcher.leave()


class TestSeveralWatchers:
    async def test_two_who_come_at_once_see_the_same(self, stage: Stage, payment_id: str) -> None:
        events = eventful(payment_id, 3)
        await stage.happens(payment_id, events, upto=0)
        watchers = [Watcher.of(stage.hub, payment_id, -1) for _ in range(2)]
        for revision in range(1, len(events)):
            await stage.happens(payment_id, events, upto=revision)
        for watcher in watchers:
            await watcher.end()
            assert watcher.seen == updates_of(events)

    async def test_whoever_comes_while_the_last_one_leaves_misses_nothing(self, stage: Stage, payment_id: str) -> None:
        events = eventful(payment_id, 10)
        await stage.happens(payment_id, events, upto=0)
        earlier = Watcher.of(stage.hub, payment_id, -1)
        await earlier.has(0)
        for revision in range(1, len(events) - 1):
            for steps in (0, revision):
                for _ in range(steps):
                    await asyncio.sleep(0)
            leaving = asyncio.create_task(earlier.leave())
            later = Watcher.of(stage.hub, payment_id, revision - 1)
            await stage.happens(payment_id, events, upto=revision)
            await leaving
            visible = [version for version in versions(updates_of(events)) if version == revision]
            for version in visible:
                assert await later.has(version) == visible
            earlier = later
        await earlier.leave()

    async def test_each_begins_where_it_was(self, stage: Stage, payment_id: str) -> None:
        events = settled(payment_id)
        await stage.happens(payment_id, events, upto=1)
        watchers = {after: Watcher.of(stage.hub, payment_id, after) for after in (None, -1, 0, 1)}
        await watchers[-1].has(1)
        await stage.happens(payment_id, events)
        ends = {after: await watcher.end() for after, watcher in watchers.items()}
        assert ends == {None: [1, 5], -1: [0, 1, 5], 0: [1, 5], 1: [5]}

    async def test_those_who_leave_leave_nothing_behind(self, stage: Stage) -> None:
        payments = [new_id() for _ in range(20)]
        for payment_id in payments:
            await stage.happens(payment_id, begun(payment_id))
        watchers = [Watcher.of(stage.hub, payment_id) for payment_id in payments for _ in range(3)]
        for watcher in watchers:
            await watcher.has(1)
        channels = {Topic("payment", payment_id).channel.encode() for payment_id in payments}
        assert channels <= set(await stage.channels())
        for watcher in watchers:
            await watcher.leave()
        assert stage.hub._watched == {}

        async def gone() -> bool:
            return not channels & set(await stage.channels())

        await eventually(gone, what="the end of the subscriptions")
        await eventually(_when(lambda: len(stage.hub._running) == 2), what="the end of all but feed and sweep")

    async def test_those_who_leave_before_they_have_begun_leave_nothing_behind(
        self, stage: Stage, payment_id: str
    ) -> None:
        await stage.happens(payment_id, begun(payment_id))
        for steps in range(40):
            watcher = Watcher.of(stage.hub, payment_id)
            for _ in range(steps):
                await asyncio.sleep(0)
            await watcher.leave()
        assert stage.hub._watched == {}

        async def gone() -> bool:
            return Topic("payment", payment_id).channel.encode() not in await stage.channels()

        await eventually(gone, what="the end of the subscription")

    async def test_a_watch_refused_leaves_nothing_behind(self, stage: Stage, payment_id: str) -> None:
        with pytest.raises(NoSuchTopic):
            await Watcher.of(stage.hub, payment_id).end()
        assert stage.hub._watched == {}


class TestMessages:
    @pytest.fixture
    async def watcher(self, stage: Stage, payment_id: str) -> Watcher:
        await stage.happens(payment_id, eventful(payment_id, 3), upto=1)
        watcher = Watcher.of(stage.hub, payment_id, -1)
        await watcher.has(1)
        return watcher

    async def test_what_was_lost_is_filled_in_from_the_stream(
        self, stage: Stage, payment_id: str, watcher: Watcher
    ) -> None:
        events = eventful(payment_id, 3)
        await stage.happens(payment_id, events, upto=8)
        assert await watcher.has(8) == [0, 1, 2, 3, 5, 6, 8]
        assert stage.hub.gaps_healed == 1
        await stage.happens(payment_id, events)
        await watcher.end()
        assert watcher.seen == updates_of(events)

    async def test_doubled_and_belated_messages_change_nothing(
        self, stage: Stage, payment_id: str, watcher: Watcher
    ) -> None:
        events = eventful(payment_id, 3)
        updates = updates_of(events)
        await write(stage.store, payment_id, events[2:], after=1)
        third, fourth, fifth, sixth = updates[2:6]
        await stage.publish(payment_id, third, third, fourth, third, sixth, fifth, sixth, updates[0], fifth)
        await watcher.has(sixth.version)
        await stage.publish(payment_id, *updates)
        await watcher.end()
        assert watcher.seen == updates

    async def test_a_message_that_cannot_be_read_is_as_good_as_lost(
        self, stage: Stage, payment_id: str, watcher: Watcher
    ) -> None:
        events = eventful(payment_id, 3)
        await write(stage.store, payment_id, events[2:4], after=1)
        for garbage in (b"", b"\xff\n", b"1,2\n{}", b"no,update,at\nall"):
            await stage.redis.publish(Topic("payment", payment_id).channel, garbage)
        assert await watcher.has(3) == [0, 1, 2, 3]
        await watcher.leave()

    async def test_the_last_message_lost_leaves_no_hole_and_is_found_when_suspected(
        self, stage: Stage, payment_id: str, watcher: Watcher
    ) -> None:
        events = eventful(payment_id, 3)
        await write(stage.store, payment_id, events[2:], after=1)
        await _keep_unpublished(stage, payment_id, events)
        stage.hub.suspect_all()
        await watcher.end()
        assert watcher.seen == updates_of(events)

    async def test_the_sweep_finds_it_without_being_told(
        self, store: EventStore, valkey: ValkeyProcess, payment_id: str
    ) -> None:
        events = settled(payment_id)
        async with staged(store, valkey.url, sweep_seconds=0.1) as stage:
            await stage.happens(payment_id, events, upto=0)
            watcher = Watcher.of(stage.hub, payment_id)
            await watcher.has(0)
            await write(store, payment_id, events[1:], after=0)
            await _keep_unpublished(stage, payment_id, events)
            assert await watcher.end() == VISIBLE_OF_SETTLED

    async def test_history_that_cannot_be_read_stops_its_own_watchers_alone(
        self, stage: Stage, payment_id: str, watcher: Watcher
    ) -> None:
        other = new_id()
        await stage.happens(other, settled(other), upto=0)
        elsewhere = Watcher.of(stage.hub, other)
        await elsewhere.has(0)
        garbage = NewEvent(uuid4(), "PaymentInitiated", b"garbage", b"{}")
        await stage.store.append(Topic("payment", payment_id).stream, [garbage], expected=1)
        later = updates_of(eventful(payment_id, 3))[-1]
        await stage.publish(payment_id, later)
        stage.hub.suspect_all()
        await stage.happens(other, settled(other))
        assert await elsewhere.end() == VISIBLE_OF_SETTLED
        assert versions(watcher.seen) == [0, 1]
        await watcher.leave()


class TestSlowReaders:
    async def test_one_who_does_not_read_is_sent_away_with_its_position(
        self, store: EventStore, valkey: ValkeyProcess, payment_id: str
    ) -> None:
        events = eventful(payment_id, 20)
        async with staged(store, valkey.url, mailbox_bytes=8_000) as stage:
            await stage.happens(payment_id, events, upto=1)
            slow = stage.hub.watch(Topic("payment", payment_id), -1)
            assert [(await anext(slow)).version for _ in range(2)] == [0, 1]
            quick = Watcher.of(stage.hub, payment_id, -1)
            for revision in range(2, len(events)):
                await stage.happens(payment_id, events, upto=revision)
                await quick.has(max(version for version in versions(updates_of(events)) if version <= revision))
            await quick.end()
            assert quick.seen == updates_of(events)
            with pytest.raises(SlowConsumer) as fault:
                await anext(slow)
            assert fault.value.position == 1
            assert stage.hub._watched == {}


class TestRedisGone:
    async def test_under_two_hundred_watchers_it_is_killed_and_all_is_healed(
        self, store: EventStore, own_valkey: ValkeyProcess
    ) -> None:
        payments = {payment_id: eventful(payment_id, 2) for payment_id in (new_id() for _ in range(20))}
        async with staged(store, own_valkey.url) as stage, projecting(store, stage.redis):
            for payment_id, events in payments.items():
                await write(store, payment_id, events[:2])
            watchers = [(each, Watcher.of(stage.hub, each, -1)) for each in payments for _ in range(10)]
            for _, watcher in watchers:
                await watcher.has(1)
            own_valkey.kill()
            for payment_id, events in payments.items():
                await write(store, payment_id, events[2:5], after=1)
            await asyncio.to_thread(own_valkey.restart)
            for payment_id, events in payments.items():
                await write(store, payment_id, events[5:], after=4)
            for payment_id, watcher in watchers:
                await watcher.end()
                assert watcher.seen == updates_of(payments[payment_id])
            assert stage.hub.feed.losses == 1

    async def test_while_it_is_gone_a_watch_begins_from_the_stream(
        self, store: EventStore, own_valkey: ValkeyProcess, payment_id: str
    ) -> None:
        events = settled(payment_id)
        async with staged(store, own_valkey.url) as stage:
            await write(store, payment_id, events[:2])
            own_valkey.kill()
            watcher = Watcher.of(stage.hub, payment_id)
            assert await watcher.has(1) == [1]
            await write(store, payment_id, events[2:], after=1)
            await asyncio.to_thread(own_valkey.restart)
            assert await watcher.end() == [1, 5]

    async def test_frozen_it_is_noticed_and_healed_while_this_process_stays_awake_and_small(
        self, store: EventStore, own_valkey: ValkeyProcess, payment_id: str
    ) -> None:
        events = eventful(payment_id, 2)
        async with staged(store, own_valkey.url, silence_seconds=0.5) as stage:
            await stage.happens(payment_id, events, upto=1)
            watcher = Watcher.of(stage.hub, payment_id, -1)
            await watcher.has(1)
            async with _awake_and_small():
                with frozen(own_valkey.pid):
                    await eventually(_when(lambda: stage.hub.feed.losses), what="the loss")
                    await write(store, payment_id, events[2:6], after=1)
                    # Redis cannot say what is new, so the stream does.
                    assert await watcher.has(5) == [0, 1, 2, 3, 5]
                    newcomer = Watcher.of(stage.hub, payment_id)
                    assert await newcomer.has(5) == [5]
                await stage.happens(payment_id, events)
                await watcher.end()
                assert await newcomer.end() == [5, 6, 8]
            assert watcher.seen == updates_of(events)

    async def test_its_connection_being_killed_loses_nothing(
        self, store: EventStore, own_valkey: ValkeyProcess, payment_id: str
    ) -> None:
        events = eventful(payment_id, 3)
        async with staged(store, own_valkey.url) as stage:
            await stage.happens(payment_id, events, upto=1)
            watcher = Watcher.of(stage.hub, payment_id, -1)
            await watcher.has(1)
            for losses, revision in enumerate(range(2, len(events)), start=1):
                await eventually(partial(_killed, stage.redis), what="a connection in pub/sub mode to kill")
                await stage.happens(payment_id, events, upto=revision)
                await eventually(_when(partial(_reconnected, stage.hub, losses)), what="the next connection")
            await watcher.end()
            assert watcher.seen == updates_of(events)

    async def test_its_forgetting_everything_changes_nothing_for_watchers(
        self, store: EventStore, own_valkey: ValkeyProcess, payment_id: str
    ) -> None:
        events = eventful(payment_id, 3)
        async with staged(store, own_valkey.url) as stage, projecting(store, stage.redis):
            await write(store, payment_id, events[:3])
            watcher = Watcher.of(stage.hub, payment_id, -1)
            await watcher.has(2)
            await stage.redis.flushall()
            stage.hub.suspect_all()
            newcomer = Watcher.of(stage.hub, payment_id, -1)
            await newcomer.has(2)
            await write(store, payment_id, events[3:], after=2)
            await watcher.end()
            await newcomer.end()
            assert watcher.seen == newcomer.seen == updates_of(events)

    async def test_without_event_store_and_redis_a_watch_says_so(
        self, own_valkey: ValkeyProcess, payment_id: str
    ) -> None:
        async with (
            esdb.connect("esdb://127.0.0.1:1?tls=false", Timing(call=0.5)) as nobody,
            staged(nobody, own_valkey.url) as stage,
        ):
            own_valkey.kill()
            with pytest.raises(StoreUnavailable):
                await Watcher.of(stage.hub, payment_id).end()
            assert stage.hub._watched == {}


async def _keep_unpublished(stage: Stage, payment_id: str, events: Sequence[PaymentEvent]) -> None:
    """Keep the last update in the read model, as after a message that was sent to nobody."""
    topic, last = Topic("payment", payment_id), updates_of(events)[-1]
    await stage.redis.hset(topic.view_key, mapping={"revision": last.version, "update": last.encode()})


@asynccontextmanager
async def _awake_and_small() -> AsyncIterator[None]:
    """The event loop is never blocked for long, and memory does not grow, while the block runs."""
    loop, process = asyncio.get_running_loop(), psutil.Process()
    longest, before = 0.0, process.memory_info().rss

    async def tick() -> None:
        nonlocal longest
        while True:
            begun_at = loop.time()
            await asyncio.sleep(0.01)
            longest = max(longest, loop.time() - begun_at)

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()
    assert longest < 1.0
    assert process.memory_info().rss - before < 30 * 2**20


def _position(hub: Hub, payment_id: str) -> int | None:
    (mailbox,) = hub._watched[Topic("payment", payment_id).channel].mailboxes
    have: int | None = mailbox.have
    return have


def _reconnected(hub: Hub, losses: int) -> bool:
    return hub.feed.losses == losses and hub.feed.connected


def _when(condition: Callable[[], object]) -> Any:
    async def found() -> bool:
        return bool(condition())

    return found


async def _killed(redis: Redis) -> bool:
    # A connection is in pub/sub mode only when Redis has read its SUBSCRIBE.
    return bool(await redis.client_kill_filter(_type="pubsub"))
