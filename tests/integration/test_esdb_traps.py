"""What the event store's client does that callers must not meet: each trap the adapter guards against."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

import pytest

from app.eventstore import esdb
from app.eventstore.esdb import EventStoreDB, Timing
from app.eventstore.port import (
    NO_STREAM,
    EventStore,
    NewEvent,
    RecordedEvent,
    StoreUnavailable,
    SubscriptionLost,
)
from tests.integration.freezing import frozen
from tests.support.eventstore_process import EventStoreProcess
from tests.support.waiting import eventually

MANY = 600
HASTY = Timing(call=1.0, append=1.0)
NOBODY = "127.0.0.1:1"


def new_events(count: int) -> list[NewEvent]:
    return [NewEvent(uuid4(), "Happened", b'{"n":%d}' % number, b"{}") for number in range(count)]


@pytest.fixture(scope="module")
def long_stream() -> str:
    return f"long{uuid4().hex}-1"


@pytest.fixture
async def long(store: EventStore, long_stream: str) -> str:
    """A stream that takes a while to read; written once."""
    if not await store.read(long_stream):
        await store.append(long_stream, new_events(MANY), expected=NO_STREAM)
    return long_stream


@pytest.fixture
async def own_store(own_server: EventStoreProcess) -> AsyncIterator[EventStoreDB]:
    async with esdb.connect(own_server.uri) as connected:
        yield connected


async def _steps(count: int) -> None:
    """Let everybody else go on, `count` times."""
    for _ in range(count):
        await asyncio.sleep(0)


class TestReads:
    async def test_a_cancelled_read_is_cancelled_and_never_a_part(self, store: EventStore, long: str) -> None:
        cancelled = 0
        for steps in range(0, 320, 40):
            reading = asyncio.create_task(store.read(long))
            await _steps(steps)
            reading.cancel()
            try:
                assert len(await reading) == MANY
            except asyncio.CancelledError:
                cancelled += 1
        assert cancelled

    async def test_a_read_that_is_out_of_time_says_so_and_is_never_a_part(self, store: EventStore, long: str) -> None:
        timed_out = 0
        for milliseconds in range(20):
            try:
                async with asyncio.timeout(milliseconds / 1000):
                    events = await store.read(long)
                assert len(events) == MANY
            except TimeoutError:
                timed_out += 1
        assert timed_out

    async def test_a_read_of_a_server_that_does_not_answer_is_out_of_time(
        self, own_server: EventStoreProcess, stream: str
    ) -> None:
        async with esdb.connect(own_server.uri, HASTY) as store:
            await store.append(stream, new_events(1), expected=NO_STREAM)
            with frozen(own_server.pid), pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await store.read(stream)
            assert len(await store.read(stream)) == 1

    async def test_reconnecting_beside_a_read_does_not_shorten_it(self, store: EventStoreDB, long: str) -> None:
        """As happens when another call on the same connection fails."""
        for steps in range(0, 320, 40):
            reading = asyncio.create_task(store.read(long))
            await _steps(steps)
            await store._client.reconnect()
            assert len(await reading) == MANY

    async def test_a_read_that_is_broken_off_each_time_is_no_answer(
        self, store: EventStoreDB, long: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read_stream = store._client.read_stream

        async def broken_off(*arguments: Any, **options: Any) -> Any:
            response = await read_stream(*arguments, **options)
            await response.stop()
            return response

        monkeypatch.setattr(store._client, "read_stream", broken_off)
        with pytest.raises(StoreUnavailable, match="broke off"):
            await store.read(long)

    async def test_without_a_server_a_read_fails_and_with_it_succeeds_again(
        self, own_server: EventStoreProcess, stream: str
    ) -> None:
        async with esdb.connect(own_server.uri, HASTY) as store:
            await store.append(stream, new_events(1), expected=NO_STREAM)
            own_server.kill()
            with pytest.raises(StoreUnavailable):
                await store.read(stream)
            with pytest.raises(StoreUnavailable):
                await store.check()
            await asyncio.to_thread(own_server.start)
            assert len(await _patiently(store, stream)) == 1


class TestSubscriptions:
    @pytest.fixture(params=["follow", "consume"])
    def subscribe(self, request: pytest.FixtureRequest) -> str:
        name: str = request.param
        return name

    async def test_a_cancelled_subscription_is_cancelled_and_not_at_its_end(
        self, store: EventStore, stream: str, subscribe: str
    ) -> None:
        await store.append(stream, new_events(1), expected=NO_STREAM)
        begun = asyncio.Event()
        ended = False

        async def listen() -> None:
            nonlocal ended
            async with aclosing(_subscription(store, stream, subscribe)) as events:
                async for _ in events:
                    begun.set()
            ended = True

        listening = asyncio.create_task(listen())
        await begun.wait()
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        assert listening.cancelled()
        assert not ended

    async def test_a_subscription_cancelled_while_it_begins_is_cancelled(
        self, store: EventStore, stream: str, subscribe: str
    ) -> None:
        for attempt in range(80):
            listening = asyncio.create_task(anext(_subscription(store, stream, subscribe)))
            await (_steps(attempt) if attempt % 2 else asyncio.sleep(attempt / 4000))
            listening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await listening

    async def test_an_append_that_fails_ends_no_subscription_in_silence(
        self, own_server: EventStoreProcess, stream: str, subscribe: str
    ) -> None:
        async with esdb.connect(own_server.uri, HASTY) as store:
            await store.append(stream, new_events(1), expected=NO_STREAM)
            async with aclosing(_subscription(store, stream, subscribe)) as events:
                await anext(events)
                own_server.kill()
                with pytest.raises(StoreUnavailable):
                    await store.append(stream, new_events(1), expected=0)
                with pytest.raises((SubscriptionLost, StoreUnavailable)):
                    await anext(events)

    async def test_a_failure_of_the_shared_connection_leaves_subscriptions_alone(
        self, store: EventStoreDB, stream: str, subscribe: str
    ) -> None:
        await store.append(stream, new_events(1), expected=NO_STREAM)
        async with aclosing(_subscription(store, stream, subscribe)) as events:
            await anext(events)
            following = asyncio.ensure_future(anext(events))
            await store._client.reconnect()
            await store.append(stream, new_events(1), expected=0)
            assert await following

    async def test_a_server_that_went_silent_is_noticed(
        self, own_server: EventStoreProcess, stream: str, subscribe: str
    ) -> None:
        """The connection stands and nothing comes: only a ping without an answer can tell."""
        async with esdb.connect(own_server.uri, Timing(ping=0.2, pong=0.2)) as store:
            await store.append(stream, new_events(1), expected=NO_STREAM)
            async with aclosing(_subscription(store, stream, subscribe)) as events:
                await anext(events)
                with frozen(own_server.pid):
                    async with asyncio.timeout(20):
                        with pytest.raises((SubscriptionLost, StoreUnavailable)):
                            await anext(events)


class TestAppends:
    async def test_over_a_restart_an_append_happens_once(
        self, own_server: EventStoreProcess, own_store: EventStoreDB, stream: str
    ) -> None:
        written = new_events(40)
        appended = 0

        async def append_all() -> None:
            nonlocal appended
            for event in written:
                await own_store.append(stream, [event], expected=appended - 1)
                appended += 1

        appending = asyncio.create_task(append_all())
        await eventually(_when(lambda: appended >= 10), what="ten appends")
        own_server.kill()
        await asyncio.to_thread(own_server.start)
        await appending
        assert [event.id for event in await own_store.read(stream)] == [event.id for event in written]

    async def test_an_append_begun_without_a_server_happens_once_there_is_one(
        self, own_server: EventStoreProcess, own_store: EventStoreDB, stream: str
    ) -> None:
        await own_store.check()
        own_server.kill()
        written = new_events(3)
        appending = asyncio.create_task(own_store.append(stream, written, expected=NO_STREAM))
        await asyncio.to_thread(own_server.start)
        await appending
        assert [event.id for event in await own_store.read(stream)] == [event.id for event in written]

    async def test_an_append_without_an_answer_may_be_repeated(
        self, own_server: EventStoreProcess, stream: str
    ) -> None:
        """What the server is sent while it is frozen, it does when it goes on: nobody has heard of it then."""
        written = new_events(2)
        async with esdb.connect(own_server.uri, Timing(call=0.3, append=0.3)) as store:
            with frozen(own_server.pid), pytest.raises(StoreUnavailable):
                await store.append(stream, written, expected=NO_STREAM)
            await _patiently_append(store, stream, written)
            assert [event.id for event in await store.read(stream)] == [event.id for event in written]

    async def test_an_append_whose_connection_is_closed_is_repeated_and_nobody_is_cancelled(
        self, own_server: EventStoreProcess, own_store: EventStoreDB, stream: str
    ) -> None:
        await own_store.check()
        written = new_events(1)
        with frozen(own_server.pid):
            appending = asyncio.create_task(own_store.append(stream, written, expected=NO_STREAM))
            await _steps(20)
            await own_store._client._connection._grpc_channel.close(grace=None)
        await appending
        assert [event.id for event in await own_store.read(stream)] == [event.id for event in written]

    async def test_a_cancelled_append_is_carried_out_all_the_same(self, store: EventStore, stream: str) -> None:
        """It was on its way: whoever cancels cannot take it back, so it had better be whole."""
        appending = asyncio.create_task(store.append(stream, new_events(3), expected=NO_STREAM))
        await _steps(3)
        appending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await appending

        async def written() -> list[RecordedEvent]:
            return await store.read(stream)

        async def found() -> bool:
            return bool(await written())

        await eventually(found, what="the append")
        assert len(await written()) == 3

    async def test_closing_waits_for_appends_under_way(self, server: EventStoreProcess, stream: str) -> None:
        async with esdb.connect(server.uri) as store:
            appending = asyncio.create_task(store.append(stream, new_events(1), expected=NO_STREAM))
            await _steps(3)
        await appending


class TestConnections:
    async def test_pings_and_pauses_are_set_by_the_names_grpc_knows(self) -> None:
        timing = Timing(ping=7, pong=3, reconnect=2)
        async with esdb.connect(f"esdb://{NOBODY}?tls=false", timing) as store:
            options = dict(store._client.grpc_options)
        assert options["grpc.keepalive_time_ms"] == 7000
        assert options["grpc.keepalive_timeout_ms"] == 3000
        assert options["grpc.http2.ping_timeout_ms"] == 3000
        assert options["grpc.http2.max_pings_without_data"] == 0
        assert options["grpc.max_reconnect_backoff_ms"] == 2000

    async def test_a_cluster_of_which_no_node_answers_is_unavailable(self, store: EventStore) -> None:
        nobody = f"esdb://{NOBODY},{NOBODY}?tls=false&MaxDiscoverAttempts=1"
        with pytest.raises(StoreUnavailable):
            async with esdb.connect(nobody):
                pass
        away = EventStoreDB(nobody, store._client, Timing())  # type: ignore[attr-defined]
        for subscribe in ("follow", "consume"):
            with pytest.raises(StoreUnavailable):
                await anext(_subscription(away, "thing-1", subscribe))


def _subscription(store: EventStore, stream: str, name: str) -> AsyncGenerator[Any, None]:
    if name == "follow":
        return store.follow(stream, after=None)
    return store.consume(stream, group="g", at_once=10)


def _when(condition: Any) -> Any:
    async def found() -> bool:
        return bool(condition())

    return found


async def _patiently(store: EventStore, stream: str) -> list[RecordedEvent]:
    async def found() -> list[RecordedEvent] | None:
        try:
            return await store.read(stream)
        except StoreUnavailable:
            return None

    return await eventually(found, what="an answer")


async def _patiently_append(store: EventStore, stream: str, events: list[NewEvent]) -> None:
    async def found() -> bool:
        try:
            await store.append(stream, events, expected=NO_STREAM)
        except StoreUnavailable:
            return False
        return True

    await eventually(found, what="the append")
