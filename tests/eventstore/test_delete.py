"""Soft deletes, tombstones, and metadata that hides events."""

import pytest
from esdbclient import AsyncEventStoreDBClient, StreamState
from esdbclient.exceptions import NotFound, StreamIsDeleted, WrongCurrentVersion

from .events import ids, new_events


async def test_a_deleted_stream_is_not_found_until_it_is_written_again(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(3))
    await client.delete_stream(stream, current_version=2)
    with pytest.raises(NotFound):
        await client.get_stream(stream)
    again = new_events(1)
    await client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=again)
    assert [event.stream_position for event in await client.get_stream(stream)] == [3]
    assert ids(await client.get_stream(stream)) == ids(again)


async def test_metadata_survives_deletion_and_gains_the_first_visible_revision(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(2))
    await client.delete_stream(stream, current_version=StreamState.ANY)
    await client.append_to_stream(stream, current_version=1, events=new_events(1))
    metadata, _ = await client.get_stream_metadata(stream)
    assert metadata == {"$tb": 2}


async def test_a_stream_that_never_was_cannot_be_deleted(client: AsyncEventStoreDBClient, stream: str) -> None:
    with pytest.raises(NotFound):
        await client.delete_stream(stream, current_version=StreamState.ANY)


async def test_a_wrong_version_is_refused_by_delete_and_tombstone(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(2))
    with pytest.raises(WrongCurrentVersion, match="Expected version: 0, Actual version: 1"):
        await client.delete_stream(stream, current_version=0)
    with pytest.raises(WrongCurrentVersion, match="Expected version: 5, Actual version: 1"):
        await client.tombstone_stream(stream, current_version=5)


async def test_a_tombstone_is_for_good(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(1))
    await client.tombstone_stream(stream, current_version=0)
    with pytest.raises(StreamIsDeleted):
        await client.get_stream(stream)
    with pytest.raises(StreamIsDeleted):
        await client.delete_stream(stream, current_version=StreamState.ANY)
    with pytest.raises(StreamIsDeleted):
        await client.tombstone_stream(stream, current_version=StreamState.ANY)


async def test_deleted_events_stay_in_all(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = new_events(2)
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=written)
    await client.tombstone_stream(stream, current_version=StreamState.ANY)
    events = await client.read_all(filter_include=(f"^{stream}$",), filter_by_stream_name=True)
    found = [event async for event in events]
    assert ids(found)[:2] == ids(written)
    assert found[2].type == "$streamDeleted"


async def test_max_count_shows_the_last_events_only(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.set_stream_metadata(stream, metadata={"$maxCount": 2, "mine": "kept"})
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(5))
    assert [event.stream_position for event in await client.get_stream(stream)] == [3, 4]
    assert [event.stream_position for event in await client.get_stream(stream, backwards=True)] == [4, 3]
    assert (await client.get_stream_metadata(stream))[0] == {"$maxCount": 2, "mine": "kept"}


async def test_truncate_before_hides_the_beginning(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(5))
    await client.set_stream_metadata(stream, metadata={"$tb": 3})
    assert [event.stream_position for event in await client.get_stream(stream)] == [3, 4]
