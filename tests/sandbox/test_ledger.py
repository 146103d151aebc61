"""Callers that share a commit do not share their mistakes."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.laptop.sandbox.books import Books
from app.laptop.sandbox.charges import Charge, ChargeStatus
from app.laptop.sandbox.ledger import open_ledger

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def charge(charge_id: str) -> Charge:
    return Charge(charge_id, "pay_1", "key", 100, "EUR", ChargeStatus.AUTHORIZED, NOW)


async def test_what_is_returned_is_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    async with open_ledger(path, lambda: NOW) as ledger:
        await ledger.transact(lambda books: books.save(charge("ch_1")))
        # Another connection sees what is committed only.
        reader = sqlite3.connect(path)
        assert reader.execute("SELECT id FROM charges").fetchall() == [("ch_1",)]
        reader.close()


async def test_the_next_process_finds_everything(tmp_path: Path) -> None:
    def hold(books: Books) -> None:
        books.save(charge("ch_1"))
        books.move("authorize", charge("ch_1"), 100, "key")

    async with open_ledger(tmp_path / "ledger.sqlite3", lambda: NOW) as ledger:
        await ledger.transact(hold)
        movements = await ledger.transact(lambda books: books.movements())
    async with open_ledger(tmp_path / "ledger.sqlite3", lambda: NOW) as ledger:
        assert await ledger.transact(lambda books: books.charge("ch_1")) == charge("ch_1")
        assert await ledger.transact(lambda books: books.movements()) == movements


async def test_one_who_fails_leaves_nothing_and_harms_nobody(tmp_path: Path) -> None:
    def fails(books: Books) -> None:
        books.save(charge("ch_failed"))
        raise LookupError("halfway")

    async with open_ledger(tmp_path / "ledger.sqlite3", lambda: NOW) as ledger:
        outcomes = await asyncio.gather(
            ledger.transact(lambda books: books.save(charge("ch_before"))),
            ledger.transact(fails),
            ledger.transact(lambda books: books.save(charge("ch_after"))),
            return_exceptions=True,
        )
        kept = await ledger.transact(lambda books: books.charges_of("pay_1"))
    assert [type(outcome) for outcome in outcomes] == [type(None), LookupError, type(None)]
    assert [each.id for each in kept] == ["ch_before", "ch_after"]


async def test_one_who_goes_away_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async with open_ledger(tmp_path / "ledger.sqlite3", lambda: NOW) as ledger:
        leaving = asyncio.create_task(ledger.transact(lambda books: books.save(charge("ch_1"))))
        await asyncio.sleep(0)
        leaving.cancel()
        assert await ledger.transact(lambda books: books.charges_of("pay_1")) == [charge("ch_1")]
        with pytest.raises(asyncio.CancelledError):
            await leaving
