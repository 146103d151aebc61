"""Metadata: what it hides, what it does not, and what of it is ignored."""

import pytest
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import NotFound, StreamIsDeleted

from .events import ids, new_events, take


async def _revisions(client: AsyncEventStoreDBClient, stream: str) -> list[int]:
    return [event.stream_position for event in await client.get_stream(stream)]


async def test_expired_events_are_hidden_but_not_gone(client: AsyncEventStoreDBClient, stream: str) -> None:
    written = new_events(2)
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=written)
    await client.set_stream_metadata(stream, metadata={"$maxAge": 3600})
    assert await _revisions(client, stream) == [0, 1]
    await client.set_stream_metadata(stream, metadata={"$maxAge": 1})
    while await _revisions(client, stream):  # each round asks the server; the second passes there
        pass
    in_all = await client.read_all(filter_include=(stream,), filter_by_stream_name=True)
    assert ids([event async for event in in_all]) == ids(written)
    await client.append_to_stream(stream, current_version=1, events=new_events(1))
    await client.set_stream_metadata(stream, metadata={})
    assert await _revisions(client, stream) == [0, 1, 2]


async def test_the_strictest_rule_counts(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(6))
    await client.set_stream_metadata(stream, metadata={"$maxCount": 4, "$tb": 3})
    assert await _revisions(client, stream) == [3, 4, 5]
    await client.set_stream_metadata(stream, metadata={"$maxCount": 2, "$tb": 3})
    assert await _revisions(client, stream) == [4, 5]
    await client.append_to_stream(stream, current_version=5, events=new_events(1))
    assert await _revisions(client, stream) == [5, 6]


async def test_a_stream_truncated_whole_is_empty_and_not_missing(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(2))
    await client.set_stream_metadata(stream, metadata={"$tb": 2})
    assert await client.get_stream(stream) == ()


@pytest.mark.parametrize("metadata", [b"{", b"[]", b'{"$maxCount": -1, "$tb": "x", "$maxAge": 0}', b"\xff"])
async def test_broken_metadata_counts_as_none(client: AsyncEventStoreDBClient, stream: str, metadata: bytes) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(2))
    event = NewEvent("$metadata", metadata)
    await client.append_to_stream(f"$${stream}", current_version=StreamState.ANY, events=[event])
    assert await _revisions(client, stream) == [0, 1]


async def test_of_metadata_only_the_latest_is_visible(client: AsyncEventStoreDBClient, stream: str) -> None:
    for number in range(3):
        await client.set_stream_metadata(stream, metadata={"n": number}, current_version=StreamState.ANY)
    assert await _revisions(client, f"$${stream}") == [2]
    assert (await client.get_stream_metadata(stream)) == ({"n": 2}, 2)


async def test_metadata_brings_a_deleted_stream_back(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(2))
    await client.delete_stream(stream, current_version=StreamState.ANY)
    await client.set_stream_metadata(stream, metadata={"mine": 1}, current_version=StreamState.ANY)
    assert await client.get_stream(stream) == ()
    assert (await client.get_stream_metadata(stream))[0] == {"mine": 1, "$tb": 2}


async def test_a_deleted_stream_can_be_deleted_again(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(1))
    await client.delete_stream(stream, current_version=StreamState.ANY)
    await client.delete_stream(stream, current_version=0)
    with pytest.raises(StreamIsDeleted):
        await client.delete_stream(stream, current_version=StreamState.EXISTS)
    with pytest.raises(NotFound):
        await client.get_stream(stream)


async def test_a_stream_of_metadata_alone_exists_for_those_who_expect_it(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    await client.set_stream_metadata(stream, metadata={"mine": 1})
    await client.append_to_stream(stream, current_version=StreamState.EXISTS, events=new_events(1))
    assert await _revisions(client, stream) == [0]


async def test_a_tombstone_closes_the_metadata_too(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.set_stream_metadata(stream, metadata={"mine": 1})
    await client.tombstone_stream(stream, current_version=StreamState.ANY)
    with pytest.raises(StreamIsDeleted):
        await client.get_stream_metadata(stream)


async def test_a_follower_sees_a_stream_through_deletion_and_return(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(2))
    async with await client.subscribe_to_stream(stream) as subscription:
        await take(subscription, 2)
        await client.delete_stream(stream, current_version=StreamState.ANY)
        again = new_events(2)
        await client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=again)
        events = await take(subscription, 2)
    assert [event.stream_position for event in events] == [2, 3]
    assert ids(events) == ids(again)
