"""The read model is the fold of the streams, and each update is published once, whatever happens in between."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from app.domain.payment.events import PaymentEvent
from app.domain.payment.model import PaymentStatus
from app.domain.payment.next_action import Policy
from app.eventstore import esdb
from app.eventstore.port import NO_STREAM, EventStore, NewEvent
from app.redisio import open_redis
from projections.fold import payment_updates
from projections.names import Topic, checkpoint_key
from projections.publisher import Publisher, ReadModelLost
from projections.readmodel import InvalidCursor, PaymentFilter, ReadModel, cursor_of
from projections.service import Projection
from projections.views import PaymentView, Update
from tests.integration.payments import begun, eventful, new_id, refunded, settled, updates_of, write
from tests.support.builders import START
from tests.support.eventstore_process import EventStoreProcess
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import eventually

EVERYTHING = PaymentFilter()

Life = Callable[..., list[PaymentEvent]]


def fold(events: Sequence[PaymentEvent]) -> PaymentView:
    folded, _ = payment_updates(events)
    assert folded is not None
    return folded.view


@asynccontextmanager
async def projecting(store: EventStore, redis: Redis) -> AsyncIterator[None]:
    """A projection at work; it ends with the block as a process does that is killed: wherever it happens to be."""
    projection = Projection(store, Publisher(redis), Policy(), idle_seconds=0.1)
    running = asyncio.create_task(projection.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def shows(redis: Redis, events: dict[str, list[PaymentEvent]]) -> None:
    """Return when the read model is the fold of these streams."""
    model = ReadModel(redis)
    expected = {payment_id: fold(each) for payment_id, each in events.items()}

    async def found() -> bool:
        return {payment_id: await model.payment(payment_id) for payment_id in events} == expected

    await eventually(found, what="the fold of the streams")


class Recorder:
    """Every message on the channels of some payments, as Redis sends them."""

    def __init__(self) -> None:
        self.updates: dict[str, list[Update]] = {}

    @classmethod
    @asynccontextmanager
    async def of(cls, redis: Redis, payment_ids: Sequence[str]) -> AsyncIterator["Recorder"]:
        recorder = cls()
        ids = {Topic("payment", payment_id).channel.encode(): payment_id for payment_id in payment_ids}
        async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(*ids)
            confirmed = 0
            while confirmed < len(ids):
                confirmed += (await pubsub.parse_response())[0] == b"subscribe"

            async def record() -> None:
                while True:
                    _, channel, payload = await pubsub.parse_response()
                    recorder.updates.setdefault(ids[channel], []).append(Update.decode(payload))

            recording = asyncio.create_task(record())
            try:
                yield recorder
            finally:
                recording.cancel()
                await asyncio.gather(recording, return_exceptions=True)

    async def has(self, events: dict[str, list[PaymentEvent]]) -> None:
        """Return when the last update of each payment has come; then all must have come, once and in order."""
        last = {payment_id: updates_of(each)[-1].version for payment_id, each in events.items()}

        async def found() -> bool:
            return all(payment_id in self.updates for payment_id in last) and all(
                self.updates[payment_id][-1].version >= version for payment_id, version in last.items()
            )

        await eventually(found, what="the last updates")
        for payment_id, each in events.items():
            assert self.updates[payment_id] == updates_of(each)


def some_payments(count: int = 6) -> dict[str, list[PaymentEvent]]:
    lives: list[Life] = [settled, refunded, begun, lambda payment_id: eventful(payment_id, 5)]
    ids = [new_id() for _ in range(count)]
    return {payment_id: list(lives[number % len(lives)](payment_id)) for number, payment_id in enumerate(ids)}


async def write_mixed(store: EventStore, events: dict[str, list[PaymentEvent]]) -> None:
    """Write them all, as they come in a busy hour: bit by bit, in no order, several at a time."""
    chance = random.Random(7)  # noqa: S311

    async def write_one(payment_id: str) -> None:
        written = 0
        while written < len(events[payment_id]):
            part = events[payment_id][written : written + chance.randint(1, 3)]
            await write(store, payment_id, part, after=written - 1)
            written += len(part)

    await asyncio.gather(*(write_one(payment_id) for payment_id in events))


class TestTheFold:
    async def test_the_read_model_is_the_fold_of_the_streams(self, store: EventStore, redis: Redis) -> None:
        payments = some_payments(8)
        async with projecting(store, redis):
            await write_mixed(store, payments)
            await shows(redis, payments)

    async def test_each_update_is_published_once_and_in_order(self, store: EventStore, redis: Redis) -> None:
        payments = some_payments()
        async with Recorder.of(redis, list(payments)) as recorder, projecting(store, redis):
            await write_mixed(store, payments)
            await recorder.has(payments)

    async def test_the_last_update_is_kept_beside_the_view(self, store: EventStore, redis: Redis) -> None:
        """Of a payment whose last event nobody can see, too."""
        payment_id = new_id()
        events = settled(payment_id)[:4]
        await write(store, payment_id, events)
        async with projecting(store, redis):
            await shows(redis, {payment_id: events})
        updates = await ReadModel(redis).last_updates([Topic("payment", payment_id), Topic("payment", new_id())])
        assert updates == [updates_of(events)[-1], None]

    async def test_a_payment_nobody_has_heard_of_has_no_view(self, redis: Redis) -> None:
        assert await ReadModel(redis).payment(new_id()) is None


class TestSeveral:
    async def test_two_at_once_publish_each_update_once(self, store: EventStore, redis: Redis) -> None:
        payments = some_payments(8)
        async with Recorder.of(redis, list(payments)) as recorder, projecting(store, redis), projecting(store, redis):
            await write_mixed(store, payments)
            await recorder.has(payments)
            await shows(redis, payments)

    async def test_one_killed_again_and_again_misses_nothing_and_publishes_nothing_twice(
        self, store: EventStore, redis: Redis
    ) -> None:
        payments = some_payments(8)
        chance = random.Random(11)  # noqa: S311
        async with Recorder.of(redis, list(payments)) as recorder:
            writing = asyncio.create_task(write_mixed(store, payments))
            for _ in range(12):
                async with projecting(store, redis):
                    for _ in range(chance.randint(1, 150)):
                        await asyncio.sleep(0)
            async with projecting(store, redis):
                await writing
                await recorder.has(payments)
                await shows(redis, payments)

    async def test_it_goes_on_where_it_was(self, store: EventStore, redis: Redis) -> None:
        """A second run folds nothing again: what it would have to write is gone, and it stays gone."""
        first, second = new_id(), new_id()
        await write(store, first, settled(first))
        async with projecting(store, redis):
            await shows(redis, {first: settled(first)})
            await _caught_up(store, redis)
        await redis.delete(Topic("payment", first).view_key)
        await write(store, second, settled(second))
        async with projecting(store, redis):
            await shows(redis, {second: settled(second)})
        assert await ReadModel(redis).payment(first) is None


class TestLosses:
    async def test_a_read_model_lost_while_idle_is_built_again(
        self, store: EventStore, own_valkey: ValkeyProcess
    ) -> None:
        payments = some_payments()
        await write_mixed(store, payments)
        async with open_redis(own_valkey.url) as redis, projecting(store, redis):
            await shows(redis, payments)
            await _caught_up(store, redis)
            await redis.flushall()
            await shows(redis, payments)

    async def test_a_read_model_lost_while_busy_is_built_again(
        self, store: EventStore, own_valkey: ValkeyProcess
    ) -> None:
        payments = some_payments(12)
        async with open_redis(own_valkey.url) as redis, projecting(store, redis):
            writing = asyncio.create_task(write_mixed(store, payments))
            for _ in range(20):
                await redis.flushall()
                await asyncio.sleep(0)
            await writing
            await redis.flushall()
            await shows(redis, payments)

    async def test_a_loss_before_the_first_checkpoint_is_noticed(self, own_valkey: ValkeyProcess) -> None:
        async with open_redis(own_valkey.url) as redis:
            publisher = Publisher(redis)
            assert await publisher.checkpoint("payment") == NO_STREAM
            await redis.flushall()
            with pytest.raises(ReadModelLost):
                await publisher.advance("payment", 10, known=NO_STREAM)
            assert await redis.get(checkpoint_key("payment")) is None

    async def test_the_checkpoint_moves_forward_only(self, own_valkey: ValkeyProcess) -> None:
        async with open_redis(own_valkey.url) as redis:
            publisher = Publisher(redis)
            await publisher.checkpoint("payment")
            await publisher.advance("payment", 10, known=NO_STREAM)
            await publisher.advance("payment", 7, known=3)
            assert await publisher.checkpoint("payment") == 10
            with pytest.raises(ReadModelLost):
                await publisher.advance("payment", 12, known=11)

    async def test_over_a_restart_of_redis_nothing_is_missing(
        self, store: EventStore, own_valkey: ValkeyProcess
    ) -> None:
        before, meanwhile = some_payments(), some_payments()
        async with open_redis(own_valkey.url) as redis, projecting(store, redis):
            await write_mixed(store, before)
            await shows(redis, before)
            await asyncio.to_thread(own_valkey.kill)
            await write_mixed(store, meanwhile)
            await asyncio.to_thread(own_valkey.restart)
            await shows(redis, before | meanwhile)

    async def test_over_a_restart_of_the_event_store_nothing_is_missing_or_published_twice(
        self, own_server: EventStoreProcess, redis: Redis, own_valkey: ValkeyProcess
    ) -> None:
        before, after = some_payments(), some_payments()
        async with (
            esdb.connect(own_server.uri) as store,
            open_redis(own_valkey.url) as redis,
            Recorder.of(redis, [*before, *after]) as recorder,
            projecting(store, redis),
        ):
            await write_mixed(store, before)
            await recorder.has(before)
            own_server.kill()
            await asyncio.to_thread(own_server.start)
            await write_mixed(store, after)
            await recorder.has(before | after)
            await shows(redis, before | after)


class TestWhatCannotBeRead:
    @pytest.mark.parametrize(
        ("kind", "data"),
        [
            ("PaymentInitiated", b"garbage"),
            ("PaymentInitiated", b'{"payment_id": 7}'),
            ("SomethingOfTheFuture", b"{}"),
            ("PaymentCaptured", b'{"reference":"r","amount":1,"at":"2026-01-01T00:00:00Z"}'),
        ],
    )
    async def test_it_stops_its_own_payment_and_no_other(
        self, store: EventStore, redis: Redis, kind: str, data: bytes
    ) -> None:
        broken, whole = new_id(), new_id()
        readable = begun(broken)
        garbage = NewEvent(uuid4(), kind, data, b"{}")
        async with projecting(store, redis):
            if kind == "PaymentCaptured":
                # Readable, but nothing it can follow: a payment that was never initiated.
                readable = []
            if readable:
                await write(store, broken, readable)
            await store.append(Topic("payment", broken).stream, [garbage], expected=len(readable) - 1)
            await write(store, broken, settled(broken)[2:], after=len(readable))
            await write(store, whole, settled(whole))
            await shows(redis, {whole: settled(whole)})
            # All of the broken one came before the whole one.
            model = ReadModel(redis)
            assert await model.payment(broken) == (fold(readable) if readable else None)

    async def test_forgetting_what_was_folded_changes_nothing_about_that(self, store: EventStore, redis: Redis) -> None:
        """A projection that begins after the unreadable event comes to the same as one that saw it pass."""
        broken, whole = new_id(), new_id()
        await write(store, broken, begun(broken))
        async with projecting(store, redis):
            await shows(redis, {broken: begun(broken)})
            garbage = NewEvent(uuid4(), "PaymentInitiated", b"garbage", b"{}")
            await store.append(Topic("payment", broken).stream, [garbage], expected=1)
            await _caught_up(store, redis)
        await write(store, broken, settled(broken)[2:], after=2)
        await write(store, whole, settled(whole))
        async with projecting(store, redis):
            await shows(redis, {whole: settled(whole)})
        assert await ReadModel(redis).payment(broken) == fold(begun(broken))


class TestWhatIsDue:
    async def test_the_list_is_what_the_processor_has_to_look_at_by_a_time(
        self, store: EventStore, redis: Redis
    ) -> None:
        called, done, expiring, waiting = new_id(), new_id(), new_id(), new_id()
        payments = {
            called: begun(called),
            done: settled(done),
            expiring: eventful(expiring, 1, expires_at=START + timedelta(seconds=2.5))[:3],
            waiting: eventful(waiting, 1)[:3],
        }
        for payment_id, events in payments.items():
            await write(store, payment_id, events)
        policy = Policy()
        async with projecting(store, redis):
            await shows(redis, payments)

        async def due(seconds: float) -> set[str]:
            found = await ReadModel(redis).due("payment", START + timedelta(seconds=seconds), at_most=10_000)
            return {payment_id for payment_id in found if payment_id in payments}

        answered = 1 + policy.call_timeout.total_seconds()
        asked = 2 + policy.customer_poll.total_seconds()
        assert await due(2.4) == set()
        assert await due(2.5) == {expiring}
        assert await due(asked - 0.1) == {expiring}
        assert await due(asked) == {expiring, waiting}
        assert await due(answered) == {expiring, waiting, called}
        assert await due(10**6) == {expiring, waiting, called}

    async def test_a_payment_that_ends_is_no_longer_due(self, store: EventStore, redis: Redis) -> None:
        payment_id = new_id()
        async with projecting(store, redis):
            await write(store, payment_id, begun(payment_id))
            await shows(redis, {payment_id: begun(payment_id)})
            assert payment_id in await ReadModel(redis).due("payment", START + timedelta(days=1), at_most=10_000)
            await write(store, payment_id, settled(payment_id)[2:], after=1)
            await shows(redis, {payment_id: settled(payment_id)})
            assert payment_id not in await ReadModel(redis).due("payment", START + timedelta(days=1), at_most=10_000)


class TestAMerchantsPayments:
    async def test_pages_come_newest_first_and_miss_none_of_the_same_time(
        self, store: EventStore, redis: Redis
    ) -> None:
        merchant = f"m{uuid4().hex}"
        times = [START + timedelta(milliseconds=5 * (number // 4)) for number in range(14)]
        payments = {(payment_id := new_id()): begun(payment_id, merchant_id=merchant, at=at) for at in times}
        await _write_and_project(store, redis, payments)
        expected = sorted(payments, key=lambda each: (fold(payments[each]).initiated_at, each), reverse=True)
        for first in (1, 3, 4, 5, 13, 14, 50):
            assert await _all_pages(redis, merchant, first, EVERYTHING) == expected

    async def test_more_of_one_time_than_are_read_at_once_are_no_obstacle(self, redis: Redis) -> None:
        merchant = f"m{uuid4().hex}"
        publisher = Publisher(redis)
        batch = publisher.batch()
        ids = sorted((new_id() for _ in range(230)), reverse=True)
        for payment_id in ids:
            view = fold(begun(payment_id, merchant_id=merchant))
            await batch.list_payment(view)
            await batch.write(Topic("payment", payment_id), view, None, None)
        await batch.send()
        assert await _all_pages(redis, merchant, 60, EVERYTHING) == ids

    async def test_filters_leave_out_and_fill_up(self, store: EventStore, redis: Redis) -> None:
        merchant = f"m{uuid4().hex}"
        lives: list[Life] = [begun, settled, lambda each, **fields: eventful(each, 1, **fields)]
        payments = {}
        for number in range(12):
            payment_id, order = new_id(), "ord_1" if number % 2 else None
            at = START + timedelta(seconds=number)
            payments[payment_id] = lives[number % 3](payment_id, merchant_id=merchant, order_id=order, at=at)
        await _write_and_project(store, redis, payments)
        newest_first = [fold(payments[payment_id]) for payment_id in reversed(payments)]

        async def found(**wanted: object) -> list[str]:
            return await _all_pages(redis, merchant, 2, PaymentFilter(**wanted))  # type: ignore[arg-type]

        failed = frozenset({PaymentStatus.FAILED})
        ended = frozenset({PaymentStatus.FAILED, PaymentStatus.SUCCEEDED})
        assert await found(statuses=failed) == [view.id for view in newest_first if view.status in failed]
        assert await found(statuses=ended) == [view.id for view in newest_first if view.status in ended]
        assert await found(order_id="ord_1") == [view.id for view in newest_first if view.order_id]
        assert await found(order_id="ord_1", statuses=failed) == [
            view.id for view in newest_first if view.order_id and view.status in failed
        ]
        assert await found(statuses=frozenset()) == []

    async def test_a_merchant_sees_none_of_anothers(self, store: EventStore, redis: Redis) -> None:
        mine, other = f"m{uuid4().hex}", f"m{uuid4().hex}"
        my_id, other_id = new_id(), new_id()
        payments = {my_id: begun(my_id, merchant_id=mine), other_id: begun(other_id, merchant_id=other)}
        await _write_and_project(store, redis, payments)
        assert await _all_pages(redis, mine, 10, EVERYTHING) == [my_id]

    @pytest.mark.parametrize("cursor", ["", "x", "!!!", "bm9jb2xvbg", "YTpi", "MTox", "\N{SNOWMAN}", "MTI6eDp5"])
    async def test_a_foreign_cursor_is_refused(self, redis: Redis, cursor: str) -> None:
        if cursor == "MTox":
            # "1:1" is well-formed, so it is a place like any other: before everything.
            assert not (await ReadModel(redis).payments("m", first=1, after=cursor, wanted=EVERYTHING)).payments
            return
        with pytest.raises(InvalidCursor):
            await ReadModel(redis).payments("m", first=1, after=cursor, wanted=EVERYTHING)


async def _write_and_project(store: EventStore, redis: Redis, payments: dict[str, list[PaymentEvent]]) -> None:
    for payment_id, events in payments.items():
        await write(store, payment_id, events)
    async with projecting(store, redis):
        await shows(redis, payments)


async def _all_pages(redis: Redis, merchant: str, first: int, wanted: PaymentFilter) -> list[str]:
    model, ids, after = ReadModel(redis), list[str](), None
    while True:
        page = await model.payments(merchant, first=first, after=after, wanted=wanted)
        assert len(page.payments) <= first
        ids += [view.id for view in page.payments]
        if not page.has_more:
            return ids
        assert len(page.payments) == first
        after = cursor_of(page.payments[-1])


async def _caught_up(store: EventStore, redis: Redis) -> None:
    """Return when the projection has stored that it has taken in all there is now."""
    last = new_id()
    await write(store, last, begun(last)[:1])
    await shows(redis, {last: begun(last)[:1]})
    place = None
    async for event in store.follow("$ce-payment", after=None):
        if event.stream == Topic("payment", last).stream:
            place = event.link_revision
            break

    async def found() -> bool:
        stored = await redis.get(checkpoint_key("payment"))
        return stored is not None and place is not None and int(stored) >= place

    await eventually(found, what="the checkpoint")
