"""The store as the rest of the server sees it: commands and pages, awaited, never blocking the event loop for long."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from .commands import Append, Command
from .errors import CorruptFile, WrongExpectedVersion
from .events import NO_STREAM, NewEvent, RecordedEvent
from .filters import EventFilter
from .names import FIRST_STREAM, METADATA_TYPE
from .notices import Notices
from .storage import schema
from .storage.reader import AllPage, Reader, StreamPage
from .storage.schema import Keeping
from .storage.transaction import Transaction
from .storage.writer import Committed, Writer

Outcome = TypeVar("Outcome")

_READER_THREADS: Final = 2
_READ_AT_ONCE: Final = 32
"""Events. To read so few takes less time than to hand the reading to a thread and to be woken by its end."""
_FIRST_EVENT_ID: Final = bytes.fromhex("00000000000040008000000000000001")


class Store:
    """An open database. Make it with ``Store.open``, inside the event loop that will use it."""

    def __init__(self, file: Path, transaction: Transaction, salt: bytes) -> None:
        self.notices = Notices()
        self.last_position = transaction.last_position
        """Position of the last committed event."""
        self._file = file
        self._salt = salt
        self._writer = Writer(transaction, self._announce)
        self._local = threading.local()
        self._readers: list[Reader] = []
        self._threads = ThreadPoolExecutor(_READER_THREADS, "eventstore-reader")

    @classmethod
    async def open(cls, folder: Path, keeping: Keeping) -> "Store":
        """Open the database in a folder, or make it. Raises a StartError."""
        file = folder / schema.FILE_NAME
        transaction, salt = await asyncio.to_thread(_open, file, keeping)
        store = cls(file, transaction, salt)
        store._writer.start()
        first = NewEvent(_FIRST_EVENT_ID, METADATA_TYPE, b"{}", is_json=True)
        with suppress(WrongExpectedVersion):
            await store.execute(Append(FIRST_STREAM, NO_STREAM, [first]))
        return store

    async def execute(self, command: Command[Outcome]) -> Outcome:
        """Run a command; return when what it did is durable.

        Cancelling this cancels the answer, never the command: it may have been written by then, or may yet be.
        Raises what the command raises, ServerStopping, or ServerTooBusy when too much is waiting.
        """
        answer: asyncio.Future[Outcome] = self._writer.submit(command)
        return await answer

    async def read_stream(
        self, name: str, first: int, limit: int, *, backwards: bool = False, resolve: bool = False
    ) -> StreamPage:
        """Read a page of a stream."""
        return await self._read(
            limit, lambda reader: reader.read_stream(name, first, limit, backwards=backwards, resolve=resolve)
        )

    async def read_all(
        self,
        position: int,
        limit: int,
        *,
        backwards: bool = False,
        resolve: bool = False,
        wanted: EventFilter | None = None,
    ) -> AllPage:
        """Read a page of ``$all``."""
        return await self._read(
            limit, lambda reader: reader.read_all(position, limit, backwards=backwards, resolve=resolve, wanted=wanted)
        )

    async def read_tombstoned(self, name: str, first: int, limit: int) -> list[RecordedEvent]:
        """Read the rest of a tombstoned stream, its tombstone included."""
        return await self._read(limit, lambda reader: reader.read_tombstoned(name, first, limit))

    async def close(self) -> None:
        """Wake everyone who waits, finish what was queued, close the file."""
        self.notices.stop()
        await asyncio.to_thread(self._threads.shutdown)
        for reader in self._readers:
            reader.close()
        await self._writer.stop()

    async def _read(self, limit: int, read: Callable[[Reader], Outcome]) -> Outcome:
        if limit <= _READ_AT_ONCE:
            # Whoever goes through a whole log like that lets everybody else have a turn between pages.
            await asyncio.sleep(0)
            return read(self._reader())
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: read(self._reader()))

    def _reader(self) -> Reader:
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = Reader(schema.connect(self._file, writable=False), self._salt)
            self._local.reader = reader
            self._readers.append(reader)
        return reader

    def _announce(self, committed: Committed) -> None:
        self.last_position = committed.last_position
        self.notices.announce(committed.streams)


def _open(file: Path, keeping: Keeping) -> tuple[Transaction, bytes]:
    connection = schema.connect(file, writable=True, keeping=keeping)
    try:
        salt: bytes = connection.execute("SELECT salt FROM identity").fetchone()[0]
        return Transaction(connection), salt
    except (sqlite3.DatabaseError, TypeError) as error:
        connection.close()
        raise CorruptFile(file, str(error)) from error
