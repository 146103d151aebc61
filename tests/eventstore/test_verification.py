"""``verify``: a sound file is said to be sound, and what is wrong with another is named."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from esdbclient import AsyncEventStoreDBClient, StreamState

from app.laptop.eventstore.verification import verify
from tests.support.eventstore_process import EventStoreProcess

from .events import new_events

Harm = Callable[[Path], None]


def sql(statement: str) -> Harm:
    def harm(file: Path) -> None:
        with sqlite3.connect(file) as connection:
            connection.execute(statement)
        connection.close()

    return harm


def scribble(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.seek(3 * 4096)
        opened.write(b"\xa5" * 4096)


async def filled(server: EventStoreProcess, client: AsyncEventStoreDBClient) -> Path:
    for stream in ("order-1", "order-2"):
        await client.append_to_stream(stream, current_version=StreamState.ANY, events=new_events(20))
    await client.delete_stream("order-2", current_version=StreamState.ANY)
    await client.tombstone_stream("order-1", current_version=StreamState.ANY)
    return server.data


async def test_a_sound_file_is_sound_while_the_server_runs(
    own_server: EventStoreProcess, own_client: AsyncEventStoreDBClient
) -> None:
    report = await verify(await filled(own_server, own_client))
    assert report.faults == ()
    assert report.sound
    assert report.events > 40


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (sql("DELETE FROM events WHERE type = 'Happened' AND revision = 5"), "its last revision is 19"),
        (sql("DELETE FROM events WHERE projection = 3 AND revision > 30"), "is missing from its category"),
        (sql("UPDATE events SET target = position + 1 WHERE projection = 4"), "points at no earlier event"),
        (
            sql(
                "UPDATE events SET target = (SELECT min(target) FROM events WHERE projection = 3) WHERE projection = 3"
            ),
            "more than once",
        ),
        (sql("PRAGMA user_version = 99"), "format 99"),
        (scribble, "malformed"),
    ],
)
async def test_what_is_wrong_is_named(
    own_server: EventStoreProcess, own_client: AsyncEventStoreDBClient, harm: Harm, named: str
) -> None:
    data = await filled(own_server, own_client)
    own_server.stop()
    harm(data / "events.sqlite3")
    report = await verify(data)
    assert not report.sound
    assert any(named in fault for fault in report.faults), report.faults


async def test_an_empty_folder_is_no_event_store(tmp_path: Path) -> None:
    file = tmp_path / "events.sqlite3"
    report = await verify(tmp_path)
    assert report.faults == (f"There is no event store at {file}.",)
    assert not file.exists()
