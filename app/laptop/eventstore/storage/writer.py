"""The one thread that writes: it takes all commands that wait, decides them one after the other, commits once.

One fsync then serves many appends. Nothing is acknowledged, and no position is shown to anyone, before the commit.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final

from app.laptop.eventstore.commands import Command
from app.laptop.eventstore.errors import EventStoreError, ServerStopping, ServerTooBusy

from .transaction import Transaction

_log = logging.getLogger(__name__)

_COMMANDS_PER_COMMIT: Final = 512
_BYTES_PER_COMMIT: Final = 16 * 1024 * 1024
_MANY_WRITERS: Final = 3
_GATHERING: Final = 0.001
"""Seconds. Where the last commit had many appends, more are on their way, and waiting for them this long spares
more commits than it costs time. A single writer never waits."""
_BYTES_WAITING: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit has changed, told to the event loop after it."""

    streams: set[str]
    last_position: int


@dataclass(slots=True)
class _Job:
    command: Command[Any]
    size: int
    answer: asyncio.Future[Any]
    outcome: Any = None
    fault: BaseException | None = None


class Writer:
    """Runs commands on a thread of its own and answers on the event loop."""

    def __init__(self, transaction: Transaction, announce: Callable[[Committed], None]) -> None:
        self._transaction = transaction
        self._bytes_waiting = 0
        self._announce = announce
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        self._company = 0
        self._thread = threading.Thread(target=self._work, name="eventstore-writer", daemon=True)

    def start(self) -> None:
        """Begin to take commands."""
        self._thread.start()

    def submit(self, command: Command[Any]) -> asyncio.Future[Any]:
        """Queue a command; the future ends after its commit, or with what it raised.

        Cancelling the future does not stop the command. Raises ServerStopping, or ServerTooBusy when too much is
        waiting.
        """
        if self._stopping:
            raise ServerStopping
        if self._bytes_waiting > _BYTES_WAITING:
            raise ServerTooBusy
        job = _Job(command, command.size, self._loop.create_future())
        self._bytes_waiting += job.size
        self._queue.put(job)
        return job.answer

    async def stop(self) -> None:
        """Finish what was queued, close the file. Later commands are refused."""
        if not self._stopping:
            self._stopping = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        while True:
            jobs, last = self._take()
            self._company = len(jobs)
            if jobs:
                committed = self._run(jobs)
                self._loop.call_soon_threadsafe(self._answer, jobs, committed)
            if last:
                break
        self._transaction.close()

    def _take(self) -> tuple[list[_Job], bool]:
        """Wait for a command, then take all that wait with it, up to a limit."""
        jobs: list[_Job] = []
        size = 0
        job = self._queue.get()
        if self._company >= _MANY_WRITERS:
            time.sleep(_GATHERING)
        while job is not None:
            jobs.append(job)
            size += job.size
            if len(jobs) >= _COMMANDS_PER_COMMIT or size >= _BYTES_PER_COMMIT:
                return jobs, False
            try:
                job = self._queue.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _run(self, jobs: list[_Job]) -> Committed | None:
        transaction = self._transaction
        try:
            transaction.begin(name for job in jobs for name in job.command.streams())
            for job in jobs:
                _decide(job, transaction)
            transaction.commit()
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            _log.exception("the event store could not write; nothing of this commit was kept")
            transaction.roll_back()
            for job in jobs:
                job.fault = error
            return None
        return Committed(transaction.touched, transaction.last_position)

    def _answer(self, jobs: list[_Job], committed: Committed | None) -> None:
        for job in jobs:
            self._bytes_waiting -= job.size
            if job.answer.done():
                continue  # cancelled: nobody waits for it any more
            if job.fault is None:
                job.answer.set_result(job.outcome)
            else:
                job.answer.set_exception(job.fault)
        if committed is not None:
            self._announce(committed)


def _decide(job: _Job, transaction: Transaction) -> None:
    try:
        job.outcome = job.command.run(transaction)
    except EventStoreError as refusal:
        job.fault = refusal
