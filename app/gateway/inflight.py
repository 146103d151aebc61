"""What has begun runs to its end, whatever becomes of the connection it came by."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class InFlight:
    """Commands under way. Close it, after the last one has come, to wait for all of them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which goes on when the caller is cancelled."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Seen here in case the caller has gone; if not, the caller sees it too.
            task.exception()

    async def close(self) -> None:
        """Wait until nothing is under way; every command has a time-out of its own."""
        while self._tasks:
            await asyncio.wait(self._tasks)
