"""The port on EventStoreDB; the only module that knows esdbclient.

What the library does that callers must not meet:

- An asynchronous iterator swallows cancellation and a lost connection alike and just ends. A read that is cancelled
  half-way would return the events so far as if they were all. So reads run shielded, with a deadline of their own, and
  a subscription that ends is told apart from one that was cancelled.
- One failed call makes a client reconnect, which ends every other stream on it without a word. So each subscription
  has a client of its own, and a read asks its call how it ended before it takes what came for everything.
- The same reconnecting can cancel a call under way, and with it whoever awaits it. That is no cancellation of ours.
- The connection string's keep-alive interval sets a channel option that does not exist; a channel that is silent stops
  pinging after two; and a ping that gRPC sent for its own ends takes the place of the one that keeps alive, with a
  minute to be answered. So the right options are set here.
- A channel that was refused for long comes back ever more slowly, up to two minutes. So the pause has a limit.
- An append given a generator is sent empty when the library repeats it. So appends take lists.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import esdbclient
import grpc
import stamina
from esdbclient import exceptions as faults
from esdbclient.common import AbstractAsyncPersistentSubscription

from app.eventstore.port import (
    NO_STREAM,
    Delivery,
    EventStoreError,
    NewEvent,
    RecordedEvent,
    StoreUnavailable,
    StreamErased,
    SubscriptionLost,
    WrongRevision,
)

T = TypeVar("T")

_GROUP_MESSAGE_SECONDS = 60.0
_GROUP_RETRIES = 10
_ACK_BATCH_SECONDS = 60.0
_READ_TRIES = 3
_LEAST_WAIT = 0.05
"""Seconds, before a call is made for the second time."""
_NO_ANSWER = (
    faults.GrpcError,
    faults.DeadlineExceeded,
    faults.DiscoveryFailed,
    faults.CancelledByClient,
    faults.NodeIsNotLeader,
)


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient the client is, in seconds."""

    call: float = 5.0
    """For one call."""
    append: float = 15.0
    """For an append with all its repetitions."""
    ping: float = 10.0
    """Between pings on a connection that is silent."""
    pong: float = 5.0
    """For the answer to a ping; then the connection counts as lost."""
    reconnect: float = 1.0
    """At most, between tries to connect."""


class EventStoreDB:
    """`app.eventstore.port.EventStore` on a real or embedded EventStoreDB. Open it with `connect`."""

    def __init__(self, uri: str, client: esdbclient.AsyncEventStoreDBClient, timing: Timing) -> None:
        self._uri = uri
        self._client = client
        self._timing = timing
        self._running: set[asyncio.Task[Any]] = set()

    async def append(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        """See the port. Tries again while the store is away, for `Timing.append` seconds in all."""
        batch = [
            esdbclient.NewEvent(type=event.type, data=event.data, metadata=event.metadata, id=event.id)
            for event in events
        ]
        await self._written(lambda: self._append_once(stream, batch, expected))

    async def _append_once(self, stream: str, batch: list[esdbclient.NewEvent], expected: int) -> None:
        version = esdbclient.StreamState.NO_STREAM if expected == NO_STREAM else expected
        try:
            await self._client.append_to_stream(
                stream, current_version=version, events=batch, timeout=self._timing.call
            )
        except faults.WrongCurrentVersion:
            raise WrongRevision(stream, expected) from None
        except faults.StreamIsDeleted:
            raise StreamErased(stream) from None
        except faults.EventStoreDBClientException as error:
            raise _translated(error) from error

    async def erase(self, stream: str) -> None:
        """See the port. Tries again as `append` does.

        The embedded event store blanks the data at once; a real EventStoreDB's files lose it at the next scavenge.
        """
        await self._written(lambda: self._erase_once(stream))

    async def _erase_once(self, stream: str) -> None:
        try:
            await self._client.tombstone_stream(
                stream, current_version=esdbclient.StreamState.ANY, timeout=self._timing.call
            )
        except faults.StreamIsDeleted:
            return
        except faults.EventStoreDBClientException as error:
            raise _translated(error) from error

    async def _written(self, write: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await self._repeated(write, attempts=None, within=self._timing.append, longest_wait=1.0)

    async def read(self, stream: str, *, after: int = NO_STREAM) -> list[RecordedEvent]:
        """See the port."""
        return await self._repeated(
            lambda: self._read_once(stream, stream_position=after + 1),
            attempts=_READ_TRIES,
            within=self._timing.call,
            longest_wait=0.2,
        )

    async def _repeated(
        self, call: Callable[[], Coroutine[Any, Any, T]], *, attempts: int | None, within: float, longest_wait: float
    ) -> T:
        """What `call` comes to, repeated while the store is away; `within` and `longest_wait` in seconds.

        The first try stands by itself: most calls need no other, and to get ready for one takes a tenth of their time.
        """
        begun = asyncio.get_running_loop().time()
        try:
            return await self._unbroken(call())
        except StoreUnavailable:
            left = within - (asyncio.get_running_loop().time() - begun) - _LEAST_WAIT
            if left <= 0:
                raise
        await asyncio.sleep(_LEAST_WAIT)
        retrying = stamina.retry_context(
            on=StoreUnavailable,
            attempts=attempts and attempts - 1,
            timeout=left,
            wait_initial=_LEAST_WAIT,
            wait_max=longest_wait,
        )
        async for attempt in retrying:
            with attempt:
                return await self._unbroken(call())
        raise AssertionError("a retry context ends with a value or an exception")

    async def head(self, stream: str) -> int:
        """See the port."""
        last = await self._unbroken(self._read_once(stream, backwards=True, limit=1))
        return last[0].revision if last else NO_STREAM

    async def _read_once(self, stream: str, **which: Any) -> list[RecordedEvent]:
        try:
            response = await self._client.read_stream(stream, timeout=self._timing.call, **which)
            async with response as events:
                found = [_recorded(event) async for event in events]
            ended = await response.aio_call.code()
        except (faults.NotFound, faults.StreamIsDeleted):
            return []
        except faults.EventStoreDBClientException as error:
            raise _translated(error) from error
        if ended is not grpc.StatusCode.OK:
            raise StoreUnavailable(f"the reading of {stream} broke off ({ended.name})")
        return found

    async def follow(self, stream: str, *, after: int | None) -> AsyncGenerator[RecordedEvent, None]:
        """See the port."""
        async with _connection(self._uri, self._timing) as client:
            try:
                subscription = await client.subscribe_to_stream(stream, stream_position=after, resolve_links=True)
                async with subscription:
                    async for event in subscription:
                        yield _recorded(event)
            except faults.EventStoreDBClientException as error:
                # Stopping a group's subscription by cancellation may look like a fault of its requests.
                _raise_if_cancelled()
                raise _translated(error) from error
            _raise_if_cancelled()
            raise SubscriptionLost(f"the subscription to {stream} ended")

    async def consume(self, stream: str, *, group: str, at_once: int) -> AsyncGenerator[Delivery, None]:
        """See the port. The group is made when there is none; it starts at the stream's start."""
        async with _connection(self._uri, self._timing) as client:
            try:
                await self._ensure_group(client, stream, group)
                # Each is acknowledged at once. For batches the library wakes as often as one may be due, with nothing
                # to do as well; and of a full window nothing is acknowledged, and nothing more sent, until then.
                subscription = await client.read_subscription_to_stream(
                    group, stream, event_buffer_size=at_once, max_ack_batch_size=1, max_ack_delay=_ACK_BATCH_SECONDS
                )
                async with subscription:
                    async for event in subscription:
                        yield Delivery(
                            _recorded(event),
                            ack=partial(_settle, subscription, event, None),
                            retry=partial(_settle, subscription, event, "retry"),
                            park=partial(_settle, subscription, event, "park"),
                        )
            except StopAsyncIteration:
                # It ended before it had begun, which the library reports as if it were already being iterated over.
                pass
            except faults.EventStoreDBClientException as error:
                # Stopping a group's subscription by cancellation may look like a fault of its requests.
                _raise_if_cancelled()
                raise _translated(error) from error
            _raise_if_cancelled()
            raise SubscriptionLost(f"the group {group} on {stream} ended")

    async def _ensure_group(self, client: esdbclient.AsyncEventStoreDBClient, stream: str, group: str) -> None:
        with suppress(faults.AlreadyExists):
            await client.create_subscription_to_stream(
                group,
                stream,
                resolve_links=True,
                consumer_strategy="RoundRobin",
                message_timeout=_GROUP_MESSAGE_SECONDS,
                max_retry_count=_GROUP_RETRIES,
                max_subscriber_count=100,
                timeout=self._timing.call,
            )

    async def check(self) -> None:
        """See the port."""
        try:
            await self._unbroken(self._client.get_commit_position(timeout=self._timing.call))
        except faults.EventStoreDBClientException as error:
            raise _translated(error) from error

    async def close(self) -> None:
        """Let calls under way end, at most their time-out, and close the connection."""
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._client.close()

    async def _unbroken(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` to its end even when the caller is cancelled, so that the library never sees it."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._forget)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            _raise_if_cancelled()
            raise StoreUnavailable("the connection was closed during the call") from None

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()


@asynccontextmanager
async def connect(uri: str, timing: Timing = Timing()) -> AsyncGenerator[EventStoreDB, None]:
    """The event store at `uri`. One node is connected to when it is first used; of several the leader is found first.

    Raises `StoreUnavailable` when it cannot be found.
    """
    async with _connection(uri, timing) as client:
        store = EventStoreDB(uri, client, timing)
        try:
            yield store
        finally:
            await store.close()


@asynccontextmanager
async def _connection(uri: str, timing: Timing) -> AsyncGenerator[esdbclient.AsyncEventStoreDBClient, None]:
    client = esdbclient.AsyncEventStoreDBClient(uri)
    client.grpc_options += _channel_options(timing)
    try:
        await client.connect()
    except faults.EventStoreDBClientException as error:
        raise _translated(error) from error
    try:
        yield client
    finally:
        if not client.is_closed:
            await client.close()


def _channel_options(timing: Timing) -> tuple[tuple[str, int], ...]:
    return (
        ("grpc.keepalive_time_ms", round(timing.ping * 1000)),
        ("grpc.keepalive_timeout_ms", round(timing.pong * 1000)),
        ("grpc.http2.ping_timeout_ms", round(timing.pong * 1000)),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", round(timing.reconnect * 1000)),
    )


async def _settle(
    subscription: AbstractAsyncPersistentSubscription,
    event: esdbclient.RecordedEvent,
    refusal: Literal["retry", "park"] | None,
) -> None:
    # On a subscription that has ended nothing can be said; the event comes again by itself.
    with suppress(faults.EventStoreDBClientException, faults.ProgrammingError):
        await (subscription.nack(event, refusal) if refusal else subscription.ack(event))


def _recorded(event: esdbclient.RecordedEvent) -> RecordedEvent:
    return RecordedEvent(
        id=event.id,
        stream=event.stream_name,
        revision=event.stream_position,
        type=event.type,
        data=event.data,
        metadata=event.metadata,
        link_revision=event.link.stream_position if event.link else None,
    )


def _translated(error: faults.EventStoreDBClientException) -> EventStoreError:
    if isinstance(error, _NO_ANSWER):
        return StoreUnavailable(f"the event store does not answer ({type(error).__name__})")
    return EventStoreError(f"the event store refused the call ({type(error).__name__}: {error})")


def _raise_if_cancelled() -> None:
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
