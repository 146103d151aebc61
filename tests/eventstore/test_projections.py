"""System projections: what stands in ``$ce-``, ``$et-`` and ``$streams``, and when."""

import json
from collections.abc import Sequence

import pytest
from esdbclient import AsyncEventStoreDBClient, EventStoreDBClient, NewEvent, RecordedEvent, StreamState
from esdbclient.exceptions import AlreadyExists, GrpcError, NotFound, OperationFailed

from tests.support.eventstore_process import EventStoreProcess

from .events import ids, new_events, take


async def test_a_category_is_what_stands_before_the_first_dash(own_client: AsyncEventStoreDBClient) -> None:
    for stream in ("order-1", "order-2-b", "order", "-1", "orders-1"):
        await own_client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(1))
    links = await own_client.get_stream("$ce-order")
    assert [event.data for event in links] == [b"0@order-1", b"0@order-2-b"]
    assert {event.type for event in links} == {"$>"}
    with pytest.raises(NotFound):
        await own_client.get_stream("$ce-")


async def test_types_and_streams_are_indexed(own_client: AsyncEventStoreDBClient) -> None:
    await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=new_events(2, "Paid"))
    await own_client.append_to_stream("order-2", current_version=StreamState.ANY, events=new_events(1, "Paid"))
    assert _data(await own_client.get_stream("$et-Paid")) == [b"0@order-1", b"1@order-1", b"0@order-2"]
    assert _data(await own_client.get_stream("$streams")) == [b"0@order-1", b"0@order-2"]
    assert _data(await own_client.get_stream("$category-order")) == [b"order-1", b"order-2"]


async def test_a_correlation_gathers_its_events(own_client: AsyncEventStoreDBClient) -> None:
    event = NewEvent("Paid", b"{}", metadata=b'{"$correlationId": "c-1"}')
    await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=[event])
    assert ids(await own_client.get_stream("$bc-c-1", resolve_links=True)) == [str(event.id)]


async def test_links_say_where_they_come_from(own_client: AsyncEventStoreDBClient) -> None:
    event = new_events(1)[0]
    await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=[event])
    source = (await own_client.get_stream("order-1"))[0]
    link = (await own_client.get_stream("$ce-order"))[0]
    metadata = json.loads(link.metadata)
    assert metadata["$c"] == metadata["$p"] == source.commit_position
    assert (metadata["$o"], metadata["$causedBy"]) == ("order-1", str(event.id))
    assert link.id != event.id
    assert (link.commit_position or 0) > (source.commit_position or 0)
    assert (await own_client.get_stream_metadata("$ce-order"))[0] == {"$acl": {"$r": "$all", "$mr": "$all"}}


async def test_broken_json_is_in_all_and_in_no_projection(own_client: AsyncEventStoreDBClient) -> None:
    broken = NewEvent("Broken", b"{", content_type="application/json")
    binary = NewEvent("Binary", b"{", content_type="application/octet-stream")
    await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=[broken, binary])
    assert ids(await own_client.get_stream("$ce-order", resolve_links=True)) == [str(binary.id)]
    assert ids([event async for event in await own_client.read_all()]) == ids([broken, binary])


async def test_links_of_users_are_followed(own_client: AsyncEventStoreDBClient) -> None:
    event = new_events(1)[0]
    await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=[event])
    link = NewEvent("$>", b"0@order-1", content_type="application/octet-stream")
    await own_client.append_to_stream("copy-1", current_version=StreamState.ANY, events=[link])
    assert ids(await own_client.get_stream("copy-1", resolve_links=True)) == [str(event.id)]
    assert _data(await own_client.get_stream("$ce-copy")) == [b"0@order-1"]
    assert len(await own_client.get_stream("$et-Happened")) == 1


async def test_links_to_what_is_gone_stay_and_point_nowhere(own_client: AsyncEventStoreDBClient) -> None:
    for stream in ("order-1", "order-2", "order-3", "order-4"):
        await own_client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(2))
    await own_client.delete_stream("order-1", current_version=StreamState.ANY)
    await own_client.tombstone_stream("order-2", current_version=StreamState.ANY)
    await own_client.set_stream_metadata("order-3", metadata={"$maxCount": 1})
    assert len(await own_client.get_stream("$ce-order")) == 8
    resolved = await own_client.get_stream("$ce-order", resolve_links=True)
    assert [(event.stream_name, event.stream_position) for event in resolved] == [
        ("order-3", 1),
        ("order-4", 0),
        ("order-4", 1),
    ]


async def test_a_stopped_projection_goes_on_where_it_was(own_client: AsyncEventStoreDBClient) -> None:
    await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=new_events(1))
    await own_client.disable_projection(name="$by_category")
    assert (await own_client.get_projection_statistics(name="$by_category")).status == "Stopped"
    await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=new_events(600))
    assert len(await own_client.get_stream("$ce-order")) == 1
    await own_client.enable_projection(name="$by_category")
    assert len(await own_client.get_stream("$ce-order")) == 601
    await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=new_events(1))
    assert len(await own_client.get_stream("$ce-order")) == 602


async def test_with_a_lag_links_come_later_but_all_of_them(
    own_server: EventStoreProcess, own_client: AsyncEventStoreDBClient
) -> None:
    """As in production: what an append is answered with is not yet in its category."""
    own_server.stop()
    with EventStoreProcess(own_server.data, "--projection-lag-ms", "300", port=own_server.port):
        written = new_events(3)
        for event in written:
            await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=[event])
        with pytest.raises(NotFound):
            await own_client.get_stream("$ce-order")
        everything = await own_client.subscribe_to_all(from_end=True, filter_include=(r"\$>",))
        async with await own_client.subscribe_to_stream("$ce-order", resolve_links=True) as subscription:
            assert ids(await take(subscription, 3)) == ids(written)
        assert {event.type for event in await take(everything, 3)} == {"$>"}
        await everything.stop()


async def test_users_projections_are_kept_and_not_run(client: AsyncEventStoreDBClient, stream: str) -> None:
    await client.create_projection(name=stream, query="fromAll()")
    with pytest.raises(AlreadyExists):
        await client.create_projection(name=stream, query="fromAll()")
    assert (await client.get_projection_statistics(name=stream)).status == "Stopped"
    with pytest.raises(GrpcError, match="no JavaScript engine"):
        await client.enable_projection(name=stream)
    await client.delete_projection(name=stream)
    with pytest.raises(NotFound):
        await client.get_projection_statistics(name=stream)


def test_system_projections_cannot_be_deleted(sync_client: EventStoreDBClient) -> None:
    with pytest.raises(OperationFailed):
        sync_client.delete_projection(name="$by_category")


def _data(events: Sequence[RecordedEvent]) -> list[bytes]:
    return [event.data for event in events]
