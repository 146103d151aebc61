"""Catch-up subscriptions: to a stream, to ``$all`` with filters, to a category."""

import asyncio

import pytest
from esdbclient import AsyncEventStoreDBClient, Checkpoint, NewEvent, RecordedEvent, StreamState
from esdbclient.events import CaughtUp
from esdbclient.exceptions import StreamIsDeleted

from .events import ids, new_events, take


async def test_the_past_comes_first_and_then_what_is_appended(client: AsyncEventStoreDBClient, stream: str) -> None:
    past, present = new_events(40), new_events(3)
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=past)
    async with await client.subscribe_to_stream(stream) as subscription:
        assert ids(await take(subscription, 40)) == ids(past)
        await client.append_to_stream(stream, current_version=StreamState.ANY, events=present)
        assert ids(await take(subscription, 3)) == ids(present)


async def test_a_subscription_begins_after_the_revision_it_names(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = new_events(5)
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=written)
    async with await client.subscribe_to_stream(stream, stream_position=1) as subscription:
        assert ids(await take(subscription, 3)) == ids(written[2:])


async def test_from_the_end_nothing_is_missed_after_the_confirmation(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(5))
    async with await client.subscribe_to_stream(stream, from_end=True) as subscription:
        new = new_events(2)
        await client.append_to_stream(stream, current_version=StreamState.ANY, events=new)
        assert ids(await take(subscription, 2)) == ids(new)


async def test_a_stream_not_written_yet_can_be_followed(client: AsyncEventStoreDBClient, stream: str) -> None:
    async with await client.subscribe_to_stream(stream) as subscription:
        new = new_events(2)
        await client.append_to_stream(stream, current_version=StreamState.ANY, events=new)
        assert ids(await take(subscription, 2)) == ids(new)


async def test_no_gap_and_no_duplicate_while_others_write(client: AsyncEventStoreDBClient, stream: str) -> None:
    """Subscribers that begin at different moments all see the same events, once and in order."""
    writer = asyncio.create_task(_append_one_by_one(client, stream, 150))
    subscriptions = []
    for start in range(8):
        await _reached(client, stream, start * 15)
        subscriptions.append(await client.subscribe_to_stream(stream))
    seen = await asyncio.gather(*(take(subscription, 150) for subscription in subscriptions))
    await writer
    expected = ids(await client.get_stream(stream))
    assert all(ids(events) == expected for events in seen)
    for subscription in subscriptions:
        await subscription.stop()


async def test_a_category_is_followed_across_its_streams(client: AsyncEventStoreDBClient, stream: str) -> None:
    category = stream.partition("-")[0]
    async with await client.subscribe_to_stream(f"$ce-{category}", resolve_links=True) as subscription:
        for name in (f"{category}-1", f"{category}-2-b", f"{category}-1"):
            await client.append_to_stream(name, current_version=StreamState.ANY, events=new_events(1))
        events = await take(subscription, 3)
    assert [(event.stream_name, event.stream_position) for event in events] == [
        (f"{category}-1", 0),
        (f"{category}-2-b", 0),
        (f"{category}-1", 1),
    ]
    assert [event.link.stream_position if event.link else None for event in events] == [0, 1, 2]


async def test_a_filter_lets_through_what_it_names(client: AsyncEventStoreDBClient, stream: str) -> None:
    wanted = f"Wanted-{stream}"
    async with await client.subscribe_to_all(from_end=True, filter_include=(wanted,)) as subscription:
        for kind in ("Other", wanted, "Other", wanted):
            await client.append_to_stream(stream, current_version=StreamState.ANY, events=[NewEvent(kind, b"{}")])
        assert [event.stream_position for event in await take(subscription, 2)] == [1, 3]


async def test_checkpoints_come_while_nothing_matches_and_never_run_ahead(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    async with await client.subscribe_to_all(
        from_end=True,
        filter_include=(f"Never-{stream}",),
        include_checkpoints=True,
        window_size=2,
        checkpoint_interval_multiplier=3,
    ) as subscription:
        last = await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(20))
        found = await take(subscription, 3)
    assert all(isinstance(item, Checkpoint) for item in found)
    positions = [item.commit_position or 0 for item in found]
    assert positions == sorted(set(positions))
    assert positions[-1] <= last


async def test_caught_up_comes_after_the_past(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(3))
    async with await client.subscribe_to_stream(stream, include_caught_up=True) as subscription:
        items: list[RecordedEvent] = await take(subscription, 4)
    assert [isinstance(item, CaughtUp) for item in items] == [False, False, False, True]


async def test_a_tombstone_is_delivered_and_ends_the_subscription(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(1))
    async with await client.subscribe_to_stream(stream) as subscription:
        await take(subscription, 1)
        await client.tombstone_stream(stream, current_version=StreamState.ANY)
        assert [event.type for event in await take(subscription, 1)] == ["$streamDeleted"]
        with pytest.raises(StreamIsDeleted):
            await anext(subscription)
    with pytest.raises(StreamIsDeleted):
        await client.subscribe_to_stream(stream)


async def _append_one_by_one(client: AsyncEventStoreDBClient, stream: str, count: int) -> None:
    for event in new_events(count):
        await client.append_to_stream(stream, current_version=StreamState.ANY, events=[event])


async def _reached(client: AsyncEventStoreDBClient, stream: str, revision: int) -> None:
    """Wait until a stream has come as far as a revision."""
    async with await client.subscribe_to_stream(stream) as subscription:
        await take(subscription, revision + 1)
