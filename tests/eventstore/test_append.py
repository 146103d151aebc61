"""Append and BatchAppend: expectations, repeats, refusals, limits. Both calls must agree in every case."""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import TypeAlias
from uuid import uuid4

import pytest
from esdbclient import AsyncEventStoreDBClient, EventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import (
    FailedPrecondition,
    MaximumAppendSizeExceededError,
    StreamIsDeleted,
    WrongCurrentVersion,
)

from .events import ids, new_events

Expected: TypeAlias = int | StreamState
AppendOne: TypeAlias = Callable[[str, Expected, NewEvent], Awaitable[int]]


@pytest.fixture(params=["Append", "BatchAppend"])
def append_one(
    request: pytest.FixtureRequest, client: AsyncEventStoreDBClient, sync_client: EventStoreDBClient
) -> AppendOne:
    """One event by either call: the synchronous client uses Append for it, the other BatchAppend."""

    async def by_append(stream: str, expected: Expected, event: NewEvent) -> int:
        return sync_client.append_to_stream(stream, current_version=expected, events=event)

    async def by_batch_append(stream: str, expected: Expected, event: NewEvent) -> int:
        return await client.append_to_stream(stream, current_version=expected, events=event)

    return by_append if request.param == "Append" else by_batch_append


async def test_events_come_back_as_they_were_written(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = [
        NewEvent("Json", b'{"amount": 500}', metadata=b'{"who": "me"}'),
        NewEvent("Binary", bytes(range(256)), content_type="application/octet-stream"),
        NewEvent("Größe", "ünïcödé".encode(), metadata=b"\x00\xff", content_type="application/octet-stream"),
    ]
    await client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=written)
    read = await client.get_stream(stream)
    assert ids(read) == ids(written)
    for before, after in zip(written, read, strict=True):
        assert (before.type, before.data, before.metadata) == (after.type, after.data, after.metadata)
    assert [event.stream_position for event in read] == [0, 1, 2]
    assert [event.content_type for event in read] == [
        "application/json",
        "application/octet-stream",
        "application/octet-stream",
    ]


async def test_positions_rise_with_gaps_and_are_returned(client: AsyncEventStoreDBClient, stream: str) -> None:
    last = await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(3))
    positions = [event.commit_position or 0 for event in await client.get_stream(stream)]
    assert positions[-1] == last
    assert positions[0] > 0
    assert all(later - earlier > 1 for earlier, later in pairwise(positions))


async def test_each_expectation_that_holds_is_accepted(append_one: AppendOne, stream: str) -> None:
    for expected in (StreamState.NO_STREAM, 0, StreamState.ANY, StreamState.EXISTS, 3):
        await append_one(stream, expected, NewEvent("Happened", b"{}"))


@pytest.mark.parametrize("expected", [StreamState.NO_STREAM, 0, 2, 7])
async def test_an_expectation_that_does_not_hold_is_refused(
    append_one: AppendOne, client: AsyncEventStoreDBClient, stream: str, expected: Expected
) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(2))
    with pytest.raises(WrongCurrentVersion, match="last event is 1"):
        await append_one(stream, expected, NewEvent("Happened", b"{}"))
    assert len(await client.get_stream(stream)) == 2


@pytest.mark.parametrize("expected", [StreamState.EXISTS, 0])
async def test_what_needs_a_stream_is_refused_without_one(
    append_one: AppendOne, stream: str, expected: Expected
) -> None:
    with pytest.raises(WrongCurrentVersion, match="does not exist"):
        await append_one(stream, expected, NewEvent("Happened", b"{}"))


@pytest.mark.parametrize("expected", [StreamState.NO_STREAM, StreamState.ANY])
async def test_the_same_append_again_is_answered_as_the_first_time(
    append_one: AppendOne, client: AsyncEventStoreDBClient, stream: str, expected: Expected
) -> None:
    event = NewEvent("Happened", b"{}")
    first = await append_one(stream, expected, event)
    await append_one(stream, 0, NewEvent("Happened", b"{}"))
    assert await append_one(stream, expected, event) == first
    assert len(await client.get_stream(stream)) == 2


async def test_a_repeat_is_known_by_its_ids_alone(append_one: AppendOne, stream: str) -> None:
    event = NewEvent("Happened", b"{}")
    first = await append_one(stream, StreamState.NO_STREAM, event)
    other = NewEvent("Other", b"[]", id=event.id)
    assert await append_one(stream, StreamState.NO_STREAM, other) == first


async def test_part_of_an_earlier_batch_is_a_repeat(client: AsyncEventStoreDBClient, stream: str) -> None:
    events = new_events(4)
    await client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=events)
    stored = await client.get_stream(stream)
    again = await client.append_to_stream(stream, current_version=0, events=events[1:3])
    assert again == stored[2].commit_position
    again = await client.append_to_stream(stream, current_version=StreamState.ANY, events=events[1:3])
    assert again == stored[2].commit_position
    assert len(await client.get_stream(stream)) == 4


@pytest.mark.parametrize("expected", [StreamState.NO_STREAM, StreamState.ANY])
async def test_a_batch_half_known_is_refused_whole(
    client: AsyncEventStoreDBClient, stream: str, expected: Expected
) -> None:
    events = new_events(2)
    await client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=events)
    with pytest.raises(WrongCurrentVersion):
        await client.append_to_stream(stream, current_version=expected, events=[*events, *new_events(1)])
    assert len(await client.get_stream(stream)) == 2


async def test_equal_ids_are_fine_within_one_append_and_across_streams(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    event_id = uuid4()
    twins = [NewEvent("Happened", b"1", id=event_id), NewEvent("Happened", b"2", id=event_id)]
    for name in (stream, f"{stream}-other"):
        await client.append_to_stream(name, current_version=StreamState.NO_STREAM, events=twins)
        assert [event.data for event in await client.get_stream(name)] == [b"1", b"2"]


async def test_an_append_too_large_is_refused_and_nothing_is_written(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    event = NewEvent("T", bytes(1_048_576 - 2))
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=[event])
    with pytest.raises(MaximumAppendSizeExceededError, match="1048576"):
        await client.append_to_stream(stream, current_version=StreamState.ANY, events=[event, NewEvent("T", b"")])
    assert len(await client.get_stream(stream)) == 1


async def test_nothing_can_be_appended_after_a_tombstone(
    append_one: AppendOne, client: AsyncEventStoreDBClient, stream: str
) -> None:
    await client.tombstone_stream(stream, current_version=StreamState.ANY)
    for expected in (StreamState.ANY, StreamState.NO_STREAM, StreamState.EXISTS, 0):
        with pytest.raises((StreamIsDeleted, FailedPrecondition), match="is deleted"):
            await append_one(stream, expected, NewEvent("Happened", b"{}"))
