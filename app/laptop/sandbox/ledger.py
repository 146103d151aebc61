"""One writer, many callers: what waits while a commit is under way shares the next one.

A commit forces the disk, which takes longer than everything else the sandbox does; sharing it keeps the sandbox from
being what a benchmark measures. A caller continues only after the commit that holds its work.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from app.laptop.sandbox.books import Books, connect

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Books], Any]
    done: asyncio.Future[Any]

    def settle(self, outcome: Any) -> None:
        if self.done.done():  # whoever asked has gone
            return
        if isinstance(outcome, Exception):
            self.done.set_exception(outcome)
        else:
            self.done.set_result(outcome)


class Ledger:
    """The sandbox's memory; made by `open_ledger`."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._books = Books(connection, clock)
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue()

    async def transact(self, work: Callable[[Books], T]) -> T:
        """Run `work` on the books and return what it returns once that is on disk; nothing of it is when it raises."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put_nowait(_Job(work, done))
        return await done

    async def write(self, thread: ThreadPoolExecutor) -> None:
        """Carry out what `transact` is asked for, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._jobs.get()]
            while not self._jobs.empty():
                batch.append(self._jobs.get_nowait())
            outcomes = await loop.run_in_executor(thread, self._commit, [job.work for job in batch])
            for job, outcome in zip(batch, outcomes, strict=True):
                job.settle(outcome)

    def _commit(self, batch: list[Callable[[Books], Any]]) -> list[Any]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [self._attempt(work) for work in batch]
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return [error] * len(batch)
        return outcomes

    def _attempt(self, work: Callable[[Books], Any]) -> Any:
        self._connection.execute("SAVEPOINT job")
        try:
            outcome = work(self._books)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked; the others' work must not suffer
            self._connection.execute("ROLLBACK TO job")
            outcome = error
        self._connection.execute("RELEASE job")
        return outcome


@asynccontextmanager
async def open_ledger(path: Path, clock: Callable[[], datetime]) -> AsyncIterator[Ledger]:
    """The ledger in the file `path`, with its writer running."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger") as thread:
        connection = await asyncio.get_running_loop().run_in_executor(thread, connect, path)
        try:
            ledger = Ledger(connection, clock)
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(ledger.write(thread))
                try:
                    yield ledger
                finally:
                    writer.cancel()
        finally:
            # After whatever the thread still has to do.
            thread.submit(connection.close)
