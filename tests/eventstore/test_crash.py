"""Writers at full speed, the server killed at random moments: what was acknowledged is there, in order, once."""

import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState
from esdbclient.exceptions import EventStoreDBClientException, NotFound

from app.laptop import ports
from app.laptop.eventstore.verification import verify
from tests.support.eventstore_process import EventStoreProcess

from .events import ids, new_events

ROUNDS_PER_TEST = 10
WRITERS = 12


@dataclass
class Written:
    """What one writer knows of its stream when the server dies under it."""

    stream: str
    acknowledged: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    """The append that got no answer: it may be there, but then whole."""


@pytest.mark.parametrize("seed", range(10))
async def test_nothing_acknowledged_is_lost_by_a_kill(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be guessed
    acknowledged = 0
    server = await _started(tmp_path)
    try:
        for number in range(ROUNDS_PER_TEST):
            written = await _write_until_killed(server, f"crash{number}", chance)
            server = await _started(tmp_path)
            await _check(server, f"crash{number}", written)
            acknowledged += sum(len(each.acknowledged) for each in written)
    finally:
        await asyncio.to_thread(server.stop)
    assert (await verify(tmp_path)).faults == ()
    assert acknowledged > 0


def test_no_server_has_the_port_of_one_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even by chance, or its client is told that nobody is there, as the one of the dead server was."""
    monkeypatch.setattr(ports, "_CHOICE", range(20_000, 20_200))
    servers = [EventStoreProcess(tmp_path) for _ in range(50)]
    assert len({server.port for server in servers}) == len(servers)


async def _started(folder: Path) -> EventStoreProcess:
    server = EventStoreProcess(folder)
    await asyncio.to_thread(server.start)
    return server


async def _write_until_killed(server: EventStoreProcess, category: str, chance: random.Random) -> list[Written]:
    client = AsyncEventStoreDBClient(server.uri)
    await client.connect()
    written = [Written(f"{category}-{number}") for number in range(WRITERS)]
    writers = [
        asyncio.create_task(_write(client, each, random.Random(chance.random())))  # noqa: S311 - as above
        for each in written
    ]
    await asyncio.sleep(chance.uniform(0.0, 0.12))  # not to wait for anything: the moment of the fault
    await asyncio.to_thread(server.kill)
    for writer in writers:
        writer.cancel()  # or each would try again and again to reach what is gone
    await asyncio.gather(*writers, return_exceptions=True)
    await client.close()
    return written


async def _write(client: AsyncEventStoreDBClient, written: Written, chance: random.Random) -> None:
    """Append one to three events at a time until the server is gone."""
    revision: int | StreamState = StreamState.NO_STREAM
    while True:
        events: list[NewEvent] = new_events(chance.randint(1, 3))
        written.unanswered = ids(events)
        try:
            await client.append_to_stream(written.stream, current_version=revision, events=events)
        except EventStoreDBClientException:
            return
        written.acknowledged += written.unanswered
        written.unanswered = []
        revision = len(written.acknowledged) - 1


async def _check(server: EventStoreProcess, category: str, written: list[Written]) -> None:
    client = AsyncEventStoreDBClient(server.uri)
    await client.connect()
    stored = {each.stream: await _ids_of(client, each.stream) for each in written}
    for each in written:
        assert stored[each.stream] in (each.acknowledged, each.acknowledged + each.unanswered)
    in_all = await client.read_all(filter_include=(f"{category}-.*",), filter_by_stream_name=True)
    in_commit_order = ids([event async for event in in_all])
    assert sorted(in_commit_order) == sorted(event_id for events in stored.values() for event_id in events)
    assert await _ids_of(client, f"$ce-{category}") == in_commit_order
    await client.close()


async def _ids_of(client: AsyncEventStoreDBClient, stream: str) -> list[str]:
    try:
        return ids(await client.get_stream(stream, resolve_links=True))
    except NotFound:
        return []
