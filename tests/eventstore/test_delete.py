"""Soft deletes, tombstones, and metadata that hides events."""

from pathlib import Path
from typing import Literal

import pytest
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import NotFound, StreamIsDeleted, WrongCurrentVersion

from app.laptop.eventstore.verification import verify
from tests.support.eventstore_process import EventStoreProcess

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


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream"])
async def test_what_a_tombstoned_stream_said_is_in_no_file_any_more(
    own_server: EventStoreProcess,
    own_client: AsyncEventStoreDBClient,
    content_type: Literal["application/json", "application/octet-stream"],
) -> None:
    said = [f'"secret {number} {"x" * size}"'.encode() for number, size in enumerate((1, 300, 20_000))]
    secrets = [NewEvent("Told", data, metadata=b'{"secret":"metadata"}', content_type=content_type) for data in said]
    for number in range(50):
        kept = NewEvent("Kept", b'"kept %d"' % number)
        await own_client.append_to_stream(f"kept-{number}", current_version=StreamState.ANY, events=[kept])
        await own_client.append_to_stream(f"told-{number}", current_version=StreamState.ANY, events=secrets)
    assert _holds(own_server.data, b"secret")
    for number in range(50):
        await own_client.tombstone_stream(f"told-{number}", current_version=StreamState.ANY)
    everything = [event async for event in await own_client.read_all()]
    told = [event for event in everything if event.type == "Told"]
    assert ids(told) == ids(secrets) * 50
    assert not any(b"secret" in event.data + event.metadata for event in told)
    own_server.stop()
    assert not _holds(own_server.data, b"secret")
    assert _holds(own_server.data, b"kept 49")
    assert (await verify(own_server.data)).faults == ()


def _holds(folder: Path, text: bytes) -> bool:
    return any(text in file.read_bytes() for file in folder.iterdir() if file.is_file())


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
