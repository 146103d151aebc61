"""Counted reads of streams and of ``$all``."""

from uuid import uuid4

import pytest
from esdbclient import AsyncEventStoreDBClient, EventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import NotFound

from .events import ids, new_events


async def test_a_stream_is_read_both_ways_from_anywhere(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = ids(new := new_events(5))
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new)

    async def read(position: int | None, *, backwards: bool = False, limit: int = 100) -> list[str]:
        return ids(await client.get_stream(stream, stream_position=position, backwards=backwards, limit=limit))

    assert await read(None) == written
    assert await read(2) == written[2:]
    assert await read(9) == []
    assert await read(1, limit=2) == written[1:3]
    assert await read(None, backwards=True) == written[::-1]
    assert await read(2, backwards=True) == written[2::-1]
    assert await read(9, backwards=True) == written[::-1]
    assert await read(None, backwards=True, limit=2) == written[:2:-1]
    assert await read(0, limit=0) == []


async def test_a_stream_that_never_was_is_not_found(client: AsyncEventStoreDBClient, stream: str) -> None:
    with pytest.raises(NotFound):
        await client.get_stream(stream)


async def test_a_long_stream_is_read_to_its_end(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = new_events(1500)
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=written)
    assert ids(await client.get_stream(stream)) == ids(written)
    assert ids(await client.get_stream(stream, backwards=True)) == ids(written)[::-1]


async def test_all_is_inclusive_forwards_and_exclusive_backwards(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(3))
    first, second, third = await client.get_stream(stream)
    only = (f"^{stream}$",)

    async def read(position: int | None, *, backwards: bool) -> list[str]:
        events = await client.read_all(
            commit_position=position, backwards=backwards, filter_include=only, filter_by_stream_name=True
        )
        return ids([event async for event in events])

    assert await read(second.commit_position, backwards=False) == ids([second, third])
    assert await read(second.commit_position, backwards=True) == ids([first])
    assert await read(None, backwards=False) == ids([first, second, third])
    assert await read(None, backwards=True) == ids([third, second, first])


async def test_a_limit_counts_what_the_filter_lets_through(client: AsyncEventStoreDBClient, stream: str) -> None:
    for number in range(6):
        kind = f"Wanted-{stream}" if number % 2 else "Unwanted"
        await client.append_to_stream(stream, current_version=StreamState.ANY, events=[NewEvent(kind, b"{}")])
    events = await client.read_all(filter_include=(f"Wanted-{stream}",), limit=2)
    assert [event.stream_position async for event in events] == [1, 3]


async def test_the_events_of_one_append_stand_together_in_all(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = new_events(3)
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=written)
    first, *_ = await client.get_stream(stream)
    after = await client.read_all(commit_position=first.commit_position, filter_exclude=(), limit=3)
    assert ids([event async for event in after]) == ids(written)


async def test_the_first_event_of_all_is_the_systems(client: AsyncEventStoreDBClient) -> None:
    events = [event async for event in await client.read_all(filter_exclude=(), limit=1)]
    assert events[0].type.startswith("$")
    assert (events[0].commit_position or 0) > 0


async def test_the_commit_position_is_that_of_the_newest_user_event(
    own_client: AsyncEventStoreDBClient,
) -> None:
    assert await own_client.get_commit_position() == 0
    position = await own_client.append_to_stream("a-1", current_version=StreamState.ANY, events=new_events(2))
    assert await own_client.get_commit_position() == position


def test_the_synchronous_client_reads_what_it_wrote(sync_client: EventStoreDBClient, stream: str) -> None:
    written = new_events(3)
    sync_client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=written)
    assert ids(sync_client.get_stream(stream)) == ids(written)
    assert sync_client.get_current_version(stream) == 2
    assert sync_client.get_current_version(uuid4().hex) is StreamState.NO_STREAM
