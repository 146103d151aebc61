"""The process: what it keeps, what it tells clients about itself, and why it may refuse to start."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from esdbclient import AsyncEventStoreDBClient, EventStoreDBClient, StreamState
from esdbclient.exceptions import NotFound, ServiceUnavailable

from tests.support.eventstore_process import EventStoreProcess, ServerDidNotStart, ServerEnded

from .events import ids, new_events, take


async def test_what_was_acknowledged_survives_a_kill(
    own_server: EventStoreProcess, own_client: AsyncEventStoreDBClient
) -> None:
    written = new_events(10)
    await own_client.append_to_stream("order-1", current_version=StreamState.NO_STREAM, events=written)
    own_server.kill()
    own_server.start()
    assert ids(await own_client.get_stream("order-1")) == ids(written)
    assert ids(await own_client.get_stream("$ce-order", resolve_links=True)) == ids(written)
    position = await own_client.append_to_stream("order-1", current_version=9, events=new_events(1))
    assert position > ((await own_client.get_stream("order-1"))[9].commit_position or 0)


async def test_a_repeat_is_known_after_a_kill_too(
    own_server: EventStoreProcess, own_client: AsyncEventStoreDBClient
) -> None:
    """The client that got no answer asks again, whatever it expected of the stream."""
    events = new_events(2)
    first = await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=events)
    own_server.kill()
    own_server.start()
    for expected in (StreamState.ANY, StreamState.NO_STREAM):
        again = await own_client.append_to_stream("order-1", current_version=expected, events=events)
        assert again == first
    assert ids(await own_client.get_stream("order-1")) == ids(events)


async def test_relaxed_durability_still_survives_a_kill(tmp_path: Path) -> None:
    with EventStoreProcess(tmp_path, "--durability", "relaxed") as server:
        client = AsyncEventStoreDBClient(server.uri)
        await client.connect()
        written = new_events(3)
        await client.append_to_stream("order-1", current_version=StreamState.ANY, events=written)
        server.kill()
        server.start()
        assert ids(await client.get_stream("order-1")) == ids(written)
        await client.close()


async def test_stopping_ends_subscriptions_with_unavailable(
    own_server: EventStoreProcess, own_client: AsyncEventStoreDBClient
) -> None:
    await own_client.append_to_stream("order-1", current_version=StreamState.ANY, events=new_events(1))
    subscription = await own_client.subscribe_to_stream("order-1")
    await take(subscription, 1)
    assert own_server.stop() == 0
    with pytest.raises(ServiceUnavailable):
        await anext(subscription)


async def test_in_memory_nothing_is_kept(tmp_path: Path) -> None:
    with EventStoreProcess(tmp_path / "unused", "--in-memory") as server:
        client = AsyncEventStoreDBClient(server.uri)
        await client.connect()
        await client.append_to_stream("order-1", current_version=StreamState.ANY, events=new_events(1))
        assert len(await client.get_stream("order-1")) == 1
        server.restart()
        with pytest.raises(NotFound):
            await client.get_stream("order-1")
        await client.close()
    assert not (tmp_path / "unused").exists()


def test_two_servers_never_share_a_folder(own_server: EventStoreProcess) -> None:
    with pytest.raises(ServerDidNotStart, match=f"in use by another event store .process {own_server.pid}"):
        EventStoreProcess(own_server.data).start()


def test_a_taken_port_is_said_so(own_server: EventStoreProcess, tmp_path: Path) -> None:
    with pytest.raises(ServerDidNotStart, match="the port is taken"):
        EventStoreProcess(tmp_path / "other", port=own_server.port).start()


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "events.sqlite3"
    file.write_bytes(b"this is something else, and no database at all" * 100)
    with pytest.raises(ServerDidNotStart, match="Restore it from a backup"):
        EventStoreProcess(tmp_path).start()
    assert file.read_bytes().startswith(b"this is something else")


def test_a_test_is_told_of_a_server_that_has_ended_under_it(own_server: EventStoreProcess) -> None:
    os.kill(own_server.pid, signal.SIGKILL)
    own_server._running().wait(10)
    with pytest.raises(ServerEnded, match="with status -9"):
        own_server.stop()


def test_gossip_names_one_leader_at_the_address_in_use(
    server: EventStoreProcess, sync_client: EventStoreDBClient
) -> None:
    members = sync_client.read_gossip()
    assert [(member.state, member.address, member.port) for member in members] == [
        ("NODE_STATE_LEADER", "127.0.0.1", server.port)
    ]


def test_features_are_told_in_lower_case(server: EventStoreProcess) -> None:
    answer = call(server, "/event_store.client.server_features.ServerFeatures/GetSupportedMethods")
    assert b"24.10.4" in answer
    assert b"batchappend" in answer
    assert b"event_store.client.persistent_subscriptions.persistentsubscriptions" in answer


def test_health_is_serving(server: EventStoreProcess) -> None:
    assert call(server, "/grpc.health.v1.Health/Check") == b"\x08\x01"


def test_an_unknown_call_is_unimplemented(server: EventStoreProcess) -> None:
    with pytest.raises(grpc.RpcError, match="UNIMPLEMENTED"):
        call(server, "/event_store.client.streams.Streams/Unheard")


def test_an_interrupt_ends_the_process_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.laptop.eventstore", "--data", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"listening on 127.0.0.1:")
        process.send_signal(2)
        assert process.wait(10) == 0


def call(server: EventStoreProcess, method: str, request: bytes = b"") -> bytes:
    """Make a unary call with bytes for messages."""
    with grpc.insecure_channel(server.address) as channel:
        ask = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
        return bytes(ask(request, timeout=5))
