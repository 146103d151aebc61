"""Slow readers, busy writers, limits: what is bounded, and what happens at the bound."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from esdbclient import AsyncEventStoreDBClient, CaughtUp, NewEvent, StreamState
from esdbclient.protos.Grpc import streams_pb2

from tests.support.eventstore_process import EventStoreProcess

from . import wire
from .events import ids, new_events, take

MIB = 1024 * 1024


async def test_a_subscriber_that_does_not_read_costs_no_memory(
    own_server: EventStoreProcess, own_client: AsyncEventStoreDBClient
) -> None:
    """The server reads on from the file when the subscriber does; it keeps nothing for it."""
    size, count = 500_000, 120
    process = psutil.Process(own_server.pid)
    async with wire.channel(own_server.address) as channel:
        calls = [await _follow(channel, "big-1") for _ in range(4)]
        await _append_big(own_client, size, 10)
        before = process.memory_info().rss
        await _append_big(own_client, size, count - 10)
        grown = process.memory_info().rss - before
        first = await asyncio.gather(*(_take_events(call, count) for call in calls))
        for call in calls:
            call.cancel()
    assert grown < 60 * MIB  # four times 60 MB wait to be read; what grows is the cache of the file
    assert first == [list(range(count))] * 4


async def test_who_falls_behind_catches_up_and_is_told_so_again(client: AsyncEventStoreDBClient, stream: str) -> None:
    async with await client.subscribe_to_stream(stream, include_caught_up=True) as subscription:
        assert isinstance(await anext(subscription), CaughtUp)
        written = new_events(400)
        await client.append_to_stream(stream, current_version=StreamState.ANY, events=written)
        items: list[Any] = await take(subscription, 401)
    assert ids(items[:400]) == ids(written)
    assert isinstance(items[400], CaughtUp)


async def test_many_writers_to_one_stream_all_get_a_place_of_their_own(
    client: AsyncEventStoreDBClient, stream: str
) -> None:
    written = new_events(200)
    positions = await asyncio.gather(
        *(client.append_to_stream(stream, current_version=StreamState.ANY, events=[event]) for event in written)
    )
    stored = await client.get_stream(stream)
    assert sorted(ids(stored)) == sorted(ids(written))
    assert [event.stream_position for event in stored] == list(range(200))
    assert sorted(positions) == [event.commit_position for event in stored]


async def test_of_many_who_want_to_be_first_one_is(client: AsyncEventStoreDBClient, stream: str) -> None:
    attempts = [
        client.append_to_stream(stream, current_version=StreamState.NO_STREAM, events=new_events(1)) for _ in range(50)
    ]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert len([result for result in results if isinstance(result, int)]) == 1
    assert len(await client.get_stream(stream)) == 1


async def test_limits_of_appends_and_events_can_be_set(tmp_path: Path) -> None:
    limits = ("--max-append-size", "1000", "--max-append-event-size", "600")
    async with EventStoreProcess(tmp_path, *limits) as server, wire.channel(server.address) as channel:
        options = streams_pb2.AppendReq.Options(stream_identifier=wire.identifier("a-1"), any=wire.EMPTY)
        kind = streams_pb2.AppendReq.ProposedMessage
        await wire.append(channel, options, [wire.proposal(kind, bytes(400))] * 2)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await wire.append(channel, options, [wire.proposal(kind, bytes(700))])
        failed = wire.failure(caught.value)
        assert failed.trailers["exception"] == "maximum-append-event-size-exceeded"
        assert failed.trailers["proposed-append-event-size"] == "716"
        assert failed.trailers["maximum-append-event-size"] == "600"
        with pytest.raises(grpc.aio.AioRpcError, match="Maximum Append Size of 1000 Exceeded"):
            await wire.append(channel, options, [wire.proposal(kind, bytes(400))] * 3)


async def _append_big(client: AsyncEventStoreDBClient, size: int, count: int) -> None:
    for _ in range(count):
        event = NewEvent("Big", bytes(size), content_type="application/octet-stream")
        await client.append_to_stream("big-1", current_version=StreamState.ANY, events=[event])


async def _follow(channel: grpc.aio.Channel, stream: str) -> Any:
    """Subscribe, and read nothing but the confirmation."""
    start: Any = channel.unary_stream(
        f"{wire.SERVICE}Read", streams_pb2.ReadReq.SerializeToString, streams_pb2.ReadResp.FromString
    )
    options = wire.ReadOptions(
        stream=wire.ReadOptions.StreamOptions(stream_identifier=wire.identifier(stream), start=wire.EMPTY),
        subscription=wire.ReadOptions.SubscriptionOptions(),
        no_filter=wire.EMPTY,
        uuid_option=wire.STRING_IDS,
    )
    call = start(streams_pb2.ReadReq(options=options))
    assert (await call.read()).WhichOneof("content") == "confirmation"
    return call


async def _take_events(call: Any, count: int) -> list[int]:
    revisions: list[int] = []
    while len(revisions) < count:
        answer = await call.read()
        if answer.WhichOneof("content") == "event":
            revisions.append(answer.event.event.stream_revision)
    return revisions
