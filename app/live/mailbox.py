"""What one watcher still has to be told, bounded in bytes.

Nothing is merged or skipped, so a full mailbox can only end: with the position to resume from.
"""

import asyncio
from collections import deque

from app.live.position import Verdict, judge
from projections.views import Update


class SlowConsumer(Exception):
    """The watcher does not keep up; `position` is the last version it was given, None if there was none."""

    def __init__(self, position: int | None) -> None:
        super().__init__("the reader is too slow for its budget; resume after its last position")
        self.position = position


class Mailbox:
    """The updates between the hub, which offers, and one watcher, who takes."""

    def __init__(self, after: int | None, budget: int) -> None:
        """`after`: the version the watcher has; `budget`: the most bytes to hold for it."""
        self.have = after
        self._taken = after
        self._budget = budget
        self._waiting: deque[Update] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self._overflowed = False

    def offer(self, update: Update) -> bool:
        """Accept an update if it follows; False when one before it is missing."""
        if self._overflowed:
            # Nothing more will be given, so nothing is missing.
            return True
        verdict = judge(self.have, update)
        if verdict is Verdict.DELIVER:
            self.have = update.version
            self._waiting.append(update)
            self._bytes += len(update.view)
            # A single update larger than the budget still has to get through.
            self._overflowed = self._bytes > self._budget and len(self._waiting) > 1
            self._news.set()
        return verdict is not Verdict.FILL

    async def take(self) -> Update:
        """The next update, in order. Raises `SlowConsumer` when the budget was exceeded."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        if self._overflowed:
            raise SlowConsumer(self._taken)
        update = self._waiting.popleft()
        self._bytes -= len(update.view)
        self._taken = update.version
        return update

    @property
    def empty(self) -> bool:
        """Whether the watcher has been given everything offered."""
        return not self._waiting
