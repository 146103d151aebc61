"""Faults that cannot be brought about over the wire: a full disk, a writer overwhelmed, a damaged file."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from app.laptop.eventstore.commands import Append
from app.laptop.eventstore.errors import CorruptFile, ServerStopping, ServerTooBusy
from app.laptop.eventstore.events import ANY, NO_STREAM, NewEvent
from app.laptop.eventstore.projector import Projector
from app.laptop.eventstore.storage import writer
from app.laptop.eventstore.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path, "full")
    await Projector(opened, lag_ms=0).start()
    yield opened
    await opened.close()


def append(stream: str, expected: int = ANY, size: int = 10) -> Append:
    return Append(stream, expected, [NewEvent(uuid4().bytes, "Happened", bytes(size))])


async def test_a_full_disk_refuses_writes_and_forgets_nothing_and_nothing_too_much(store: Store) -> None:
    await store.execute(append("order-1", NO_STREAM))
    limit = await _limit_pages(store, 10)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await store.execute(append("order-1", 0, size=1_000_000))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        await store.execute(append("order-2", NO_STREAM, size=1_000_000))
    await _limit_pages(store, limit)
    assert (await store.execute(append("order-1", 0))).revision == 1
    assert (await store.execute(append("order-2", NO_STREAM))).revision == 0
    page = await store.read_stream("$ce-order", 0, 10, resolve=True)
    assert [event.event and (event.event.stream, event.event.revision) for event in page.events] == [
        ("order-1", 0),
        ("order-1", 1),
        ("order-2", 0),
    ]
    positions = [event.original.position for event in page.events]
    assert positions == sorted(set(positions))


async def test_more_than_memory_allows_is_refused_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_BYTES_WAITING", 1000)
    waiting = [asyncio.ensure_future(store.execute(append("order-1", size=600))) for _ in range(10)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    refused = [result for result in results if isinstance(result, ServerTooBusy)]
    assert 0 < len(refused) < 10
    assert (await store.execute(append("order-1"))).revision == 10 - len(refused)


async def test_a_cancelled_append_is_written_all_the_same(store: Store) -> None:
    """Nobody can tell a client that left before its answer from one that left after; no write is half undone."""
    cancelled = asyncio.ensure_future(store.execute(append("order-1", NO_STREAM)))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert (await store.execute(append("order-1"))).revision == 1


async def test_what_was_queued_is_finished_before_the_end_and_nothing_begins_after(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, "full")
    queued = [asyncio.ensure_future(store.execute(append("order-1"))) for _ in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert [place.revision for place in await asyncio.gather(*queued)] == list(range(20))
    with pytest.raises(ServerStopping):
        await store.execute(append("order-1"))


async def test_a_damaged_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    store = await Store.open(tmp_path, "full")
    for _ in range(5):
        await store.execute(append("order-1", size=20_000))
    await store.close()
    file = tmp_path / "events.sqlite3"
    content = bytearray(file.read_bytes())
    content[100:] = b"\xa5" * (len(content) - 100)
    file.write_bytes(content)
    with pytest.raises(CorruptFile, match="Restore it from a backup"):
        await Store.open(tmp_path, "full")


async def test_many_heads_are_forgotten_and_found_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store._writer._transaction._heads, "_limit", 5)
    for _ in range(3):
        for number in range(20):
            await store.execute(append(f"order-{number}"))
    page = await store.read_stream("$ce-order", 0, 100)
    assert [event.original.revision for event in page.events] == list(range(60))
    assert (await store.execute(append("order-7", 2))).revision == 3


async def _limit_pages(store: Store, more: int) -> int:
    """Allow the file so many pages more; return what it was allowed before."""
    connection = store._writer._transaction._connection
    (before,) = connection.execute("PRAGMA max_page_count").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + more}")
    return int(before)


async def test_whoever_reads_a_long_log_a_little_at_a_time_keeps_nobody_waiting(store: Store) -> None:
    for _ in range(50):
        await store.execute(append("order-1"))

    async def read_through() -> int:
        pages, position = 0, 0
        while (page := await store.read_all(position, 1)).considered:
            pages, position = pages + 1, page.considered[-1][0] + 1
        return pages

    reading, turns = asyncio.ensure_future(read_through()), 0
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= reading.result() > 50
