"""Persistent subscriptions: delivery, acks and nacks, retries, parking, checkpoints."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from esdbclient import AsyncEventStoreDBClient, NewEvent, RecordedEvent, StreamState
from esdbclient.common import AbstractAsyncPersistentSubscription as Subscription
from esdbclient.exceptions import (
    AlreadyExists,
    EventStoreDBClientException,
    MaximumSubscriptionsReached,
    NotFound,
)

from tests.support.eventstore_process import EventStoreProcess

from . import wire
from .events import ids, new_events, take

GROUP = "workers"


async def make_group(client: AsyncEventStoreDBClient, stream: str, count: int, **settings: Any) -> list[str]:
    """Write ``count`` events, make a group that begins before them; return the events' ids."""
    written = new_events(count)
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=written)
    await client.create_subscription_to_stream(GROUP, stream, **settings)
    return ids(written)


@asynccontextmanager
async def consumer(client: AsyncEventStoreDBClient, stream: str, **options: Any) -> AsyncIterator[Subscription]:
    """Connect to the group for as long as the body runs."""
    subscription = await client.read_subscription_to_stream(
        GROUP, stream, max_ack_batch_size=1, max_ack_delay=0.01, **options
    )
    try:
        yield subscription
    finally:
        await subscription.stop()


async def test_a_group_gets_the_past_and_then_what_is_appended(client: AsyncEventStoreDBClient, stream: str) -> None:
    past = await make_group(client, stream, 3)
    async with consumer(client, stream) as subscription:
        assert ids(await _take_and_ack(subscription, 3)) == past
        new = new_events(2)
        await client.append_to_stream(stream, current_version=StreamState.ANY, events=new)
        assert ids(await _take_and_ack(subscription, 2)) == ids(new)


async def test_competing_consumers_share_the_messages(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = await make_group(client, stream, 10, consumer_strategy="RoundRobin")
    async with (
        consumer(client, stream, event_buffer_size=5) as first,
        consumer(client, stream, event_buffer_size=5) as second,
    ):
        one, two = ids(await take(first, 5)), ids(await take(second, 5))
    assert sorted(one + two) == sorted(written)


async def test_no_more_than_the_buffer_is_unanswered(client: AsyncEventStoreDBClient, stream: str) -> None:
    await make_group(client, stream, 5)
    async with consumer(client, stream, event_buffer_size=2) as subscription:
        first, second = await take(subscription, 2)
        info = await client.get_subscription_info(GROUP, stream)
        assert info.outstanding_messages_count == 2
        await subscription.ack(first)
        third = (await take(subscription, 1))[0]
    assert [event.stream_position for event in (first, second, third)] == [0, 1, 2]


async def test_a_retried_message_comes_again_before_new_ones(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = await make_group(client, stream, 2)
    async with consumer(client, stream, event_buffer_size=1) as subscription:
        event = (await take(subscription, 1))[0]
        assert event.retry_count == 0
        await subscription.nack(event, "retry")
        again = (await take(subscription, 1))[0]
    assert str(again.id) == written[0]
    assert again.retry_count == 1


async def test_at_the_limit_of_retries_a_message_is_parked(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = await make_group(client, stream, 2, max_retry_count=2)
    async with consumer(client, stream, event_buffer_size=1) as subscription:
        deliveries = []
        for _ in range(3):
            event = (await take(subscription, 1))[0]
            deliveries.append((str(event.id), event.retry_count))
            await subscription.nack(event, "retry")
        after = (await take(subscription, 1))[0]
    assert deliveries == [(written[0], 0), (written[0], 1), (written[0], 2)]
    assert str(after.id) == written[1]
    assert await _parked(client, stream) == [written[0]]


@pytest.mark.parametrize(("action", "parked"), [("park", True), ("skip", False), ("stop", False)])
async def test_what_is_not_to_be_retried_does_not_come_again(
    client: AsyncEventStoreDBClient, stream: str, action: Any, parked: bool
) -> None:
    written = await make_group(client, stream, 2)
    async with consumer(client, stream, event_buffer_size=1) as subscription:
        event = (await take(subscription, 1))[0]
        await subscription.nack(event, action)
        assert ids(await take(subscription, 1)) == [written[1]]
        if parked:
            assert await _parked(client, stream) == [written[0]]


async def test_an_unanswered_message_comes_again_after_its_time(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = await make_group(client, stream, 1, message_timeout=0.1)
    async with consumer(client, stream) as subscription:
        first, again = await take(subscription, 2)
    assert ids([first, again]) == [written[0]] * 2
    assert again.retry_count == 1


async def test_what_a_lost_consumer_had_goes_to_the_others_at_once(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    written = await make_group(client, stream, 4, message_timeout=60)
    async with consumer(client, stream, event_buffer_size=4) as lost:
        assert ids(await take(lost, 4)) == written
        async with consumer(client, stream, event_buffer_size=4) as other:
            await lost.stop()
            events = await take(other, 4)
    assert ids(events) == written
    assert {event.retry_count for event in events} == {1}


async def test_links_are_answered_by_their_own_ids(client: AsyncEventStoreDBClient, stream: str) -> None:
    category = stream.partition("-")[0]
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(3))
    await client.create_subscription_to_stream(GROUP, f"$ce-{category}", resolve_links=True)
    async with consumer(client, f"$ce-{category}", event_buffer_size=1) as subscription:
        events = await _take_and_ack(subscription, 3)
    assert [event.stream_position for event in events] == [0, 1, 2]
    assert {event.stream_name for event in events} == {stream}


async def test_a_group_reads_all_through_its_filter(client: AsyncEventStoreDBClient, stream: str) -> None:
    group = f"{GROUP}-{stream}"
    await client.create_subscription_to_all(
        group, from_end=True, filter_include=(f"^{stream}$",), filter_by_stream_name=True
    )
    written = new_events(3)
    await client.append_to_stream("noise", current_version=StreamState.ANY, events=new_events(3))
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=written)
    subscription = await client.read_subscription_to_all(group)
    assert ids(await take(subscription, 3)) == ids(written)
    await subscription.stop()
    await client.delete_subscription(group)


async def test_groups_are_listed_described_and_deleted(client: AsyncEventStoreDBClient, stream: str) -> None:
    await make_group(client, stream, 1, max_retry_count=3, message_timeout=5)
    with pytest.raises(AlreadyExists):
        await client.create_subscription_to_stream(GROUP, stream)
    info = await client.get_subscription_info(GROUP, stream)
    assert (info.group_name, info.event_source, info.max_retry_count, info.message_timeout) == (GROUP, stream, 3, 5)
    assert [each.group_name for each in await client.list_subscriptions_to_stream(stream)] == [GROUP]
    assert (GROUP, stream) in [(each.group_name, each.event_source) for each in await client.list_subscriptions()]
    await client.delete_subscription(GROUP, stream)
    assert await client.list_subscriptions_to_stream(stream) == []
    with pytest.raises(NotFound):
        await client.get_subscription_info(GROUP, stream)
    with pytest.raises(NotFound):
        await client.read_subscription_to_stream(GROUP, stream)


async def test_no_more_consumers_than_allowed(client: AsyncEventStoreDBClient, stream: str) -> None:
    await make_group(client, stream, 1, max_subscriber_count=1)
    async with consumer(client, stream):
        with pytest.raises(MaximumSubscriptionsReached):
            await client.read_subscription_to_stream(GROUP, stream)


async def test_after_a_restart_delivery_goes_on_from_the_checkpoint(
    own_server: EventStoreProcess, own_client: AsyncEventStoreDBClient
) -> None:
    """What was acknowledged since the last checkpoint comes again: at least once, never exactly once."""
    written = await make_group(
        own_client, "order-1", 10, min_checkpoint_count=1, max_checkpoint_count=5, checkpoint_after=60
    )
    async with consumer(own_client, "order-1", event_buffer_size=1) as subscription:
        await _take_and_ack(subscription, 7)
        await _checkpointed(own_client, "order-1")
    own_server.kill()
    own_server.start()
    async with consumer(own_client, "order-1") as subscription:
        assert ids(await take(subscription, 5)) == written[5:]


async def test_parked_messages_are_replayed_and_parked_no_more(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = await make_group(client, stream, 3)
    async with consumer(client, stream, event_buffer_size=1) as subscription:
        for _ in range(3):
            await subscription.nack((await take(subscription, 1))[0], "park")
        await _parked(client, stream, count=3)
        await client.replay_parked_events(GROUP, stream)
        again = await _take_and_ack(subscription, 3)
    assert ids(again) == written
    assert {event.retry_count for event in again} == {0}
    assert all(event.link is not None and event.link.stream_name.endswith("-parked") for event in again)
    assert (await client.get_subscription_info(GROUP, stream)).parked_message_count == 0


async def test_an_update_drops_consumers_and_keeps_the_checkpoint(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = await make_group(client, stream, 6, min_checkpoint_count=1, max_checkpoint_count=3)
    async with consumer(client, stream, event_buffer_size=1) as subscription:
        await _take_and_ack(subscription, 4)
        await _checkpointed(client, stream)
        await client.update_subscription_to_stream(GROUP, stream, max_retry_count=7)
        with pytest.raises(EventStoreDBClientException, match="was dropped"):
            await take(subscription, 100)
    info = await client.get_subscription_info(GROUP, stream)
    assert (info.max_retry_count, info.last_checkpointed_event_position) == (7, "2")
    async with consumer(client, stream) as subscription:
        assert ids(await take(subscription, 3)) == written[3:]


async def test_a_restart_of_the_subsystem_brings_back_what_has_no_checkpoint(
    own_server: EventStoreProcess, own_client: AsyncEventStoreDBClient
) -> None:
    written = await make_group(own_client, "order-1", 3)
    async with consumer(own_client, "order-1") as subscription:
        await _take_and_ack(subscription, 3)
    method = "/event_store.client.persistent_subscriptions.PersistentSubscriptions/RestartSubsystem"
    async with wire.channel(own_server.address) as channel:
        await wire.unary(channel, method, wire.EMPTY, type(wire.EMPTY))
    async with consumer(own_client, "order-1") as subscription:
        assert ids(await take(subscription, 3)) == written


@pytest.mark.parametrize("strategy", ["Pinned", "PinnedByCorrelation"])
async def test_pinned_events_of_one_stream_go_to_one_consumer(
    client: AsyncEventStoreDBClient, stream: str, strategy: Any
) -> None:
    """By stream or, where events have one, by correlation."""
    category = stream.partition("-")[0]
    source = f"$ce-{category}"
    await client.create_subscription_to_stream(GROUP, source, resolve_links=True, consumer_strategy=strategy)
    received: asyncio.Queue[tuple[str, RecordedEvent]] = asyncio.Queue()
    async with consumer(client, source) as first, consumer(client, source) as second:
        for number in range(60):
            correlation = b'{"$correlationId": "c%d"}' % (number % 7)
            event = NewEvent("Happened", b"{}", metadata=correlation)
            name = f"{category}-{number % 12}"
            await client.append_to_stream(name, current_version=StreamState.ANY, events=[event])
        collecting = [
            asyncio.create_task(_collect(subscription, name, received))
            for name, subscription in (("first", first), ("second", second))
        ]
        got = [await received.get() for _ in range(60)]
    await asyncio.gather(*collecting)
    consumers_of: dict[str, set[str]] = {}
    for who, received_event in got:
        pin = received_event.stream_name if strategy == "Pinned" else received_event.metadata.decode()
        consumers_of.setdefault(pin, set()).add(who)
    assert all(len(consumers) == 1 for consumers in consumers_of.values())
    assert len(set.union(*consumers_of.values())) == 2


async def test_new_messages_wait_for_those_a_busy_group_cannot_give_out(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    """More events than all buffers hold: none is lost, and the order is kept."""
    written = await make_group(client, stream, 300, history_buffer_size=20, read_batch_size=10)
    async with consumer(client, stream, event_buffer_size=5) as subscription:
        assert ids(await _take_and_ack(subscription, 300)) == written


async def _take_and_ack(subscription: Subscription, count: int) -> list[RecordedEvent]:
    events: list[RecordedEvent] = []
    async for event in subscription:
        await subscription.ack(event)
        events.append(event)
        if len(events) == count:
            break
    return events


async def _collect(subscription: Subscription, name: str, received: "asyncio.Queue[tuple[str, RecordedEvent]]") -> None:
    async for event in subscription:
        await subscription.ack(event)
        await received.put((name, event))


async def _parked(client: AsyncEventStoreDBClient, stream: str, count: int = 1) -> list[str]:
    """Wait until so many messages are parked; return the ids of all."""
    name = f"$persistentsubscription-{stream}::{GROUP}-parked"
    async with await client.subscribe_to_stream(name, resolve_links=True) as parked:
        await take(parked, count)
    return ids(await client.get_stream(name, resolve_links=True))


async def _checkpointed(client: AsyncEventStoreDBClient, stream: str) -> None:
    name = f"$persistentsubscription-{stream}::{GROUP}-checkpoint"
    async with await client.subscribe_to_stream(name) as checkpoints:
        await take(checkpoints, 1)
