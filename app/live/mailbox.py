"""What one watcher still has to be told, bounded in bytes.

Nothing is skipped. What there is no room for of the past is left where it is until there is; but a mailbox that is full
of news can only end: with the position to resume from.
"""

import asyncio
from collections.abc import Sequence
from typing import Generic

from app.eventstore.port import NO_STREAM
from app.live.position import Verdict, judge
from app.live.waiting import Everything, Item, Waiting
from projections.merchant_feed import FeedEntry


class SlowConsumer(Exception):
    """The watcher does not keep up; `position` is the last version it was given, None if there was none.

    In a feed it is a place, and once it is on its way to a client a cursor.
    """

    def __init__(self, position: int | str | None) -> None:
        super().__init__("the reader is too slow for its budget; resume after its last position")
        self.position = position


class Mailbox(Generic[Item]):
    """The updates between the hub, which offers, and one watcher, who takes."""

    def __init__(self, after: int | None, budget: int, waiting: Waiting[Item] | None = None) -> None:
        """`after`: the version the watcher has; `budget`: the most bytes to hold for it."""
        self.have = after
        self._taken = after
        self._budget = budget
        self._waiting: Waiting[Item] = Everything() if waiting is None else waiting
        self.behind = False
        """Whether there is more to be read of the past, once what is here has been taken."""
        self._news = asyncio.Event()
        self._overflowed = False

    def offer(self, update: Item) -> bool:
        """Accept an update if it follows, or may be left to the past; False when one before it is missing."""
        if self._overflowed or self.behind:
            # Either nothing more will be given, or it will be found when the past is read.
            return True
        verdict = judge(self.have, update)
        if verdict is Verdict.DELIVER:
            self._put(update)
            # A single update larger than the budget still has to get through.
            self._overflowed = self._waiting.bytes > self._budget and len(self._waiting) > 1
        return verdict is not Verdict.FILL

    def fill(self, updates: Sequence[Item]) -> bool:
        """Accept what follows of the past, as much as there is room for; False when one before it is missing.

        A long past says nothing of its reader, who is not sent away for it.
        """
        for update in updates:
            verdict = judge(self.have, update)
            if verdict is Verdict.FILL:
                return False
            if verdict is Verdict.DROP:
                continue
            if self._waiting and self._waiting.bytes + update.size > self._budget:
                self.behind = True
                self._news.set()
                return True
            self._put(update)
        return True

    def before_reading(self) -> None:
        """What is heard of from now on may not be in what is read."""
        self.behind = False

    async def ready(self) -> None:
        """Return when there is something to take, or when the past has to be read."""
        while self.exhausted:
            self._news.clear()
            await self._news.wait()

    def _put(self, update: Item) -> None:
        self.have = update.version
        self._waiting.put(update)
        self._news.set()

    async def take(self) -> Item:
        """The next update, in order. Raises `SlowConsumer` when the budget was exceeded."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        if self._overflowed:
            raise SlowConsumer(self._taken)
        update = self._waiting.pop()
        self._taken = update.version
        return update

    @property
    def empty(self) -> bool:
        """Whether the watcher has been given everything offered."""
        return not self._waiting

    @property
    def exhausted(self) -> bool:
        """Whether it has been given everything there is, as far as is known."""
        return self.empty and not self.behind


class FeedMailbox(Mailbox[FeedEntry]):
    """A mailbox that a long past goes through page by page, at the pace of its reader.

    While it is `behind`, what follows is to be read from the feed once all that is here has been taken, and what
    comes live is not taken in: it stands in the feed too. It is so from the start and after every hole.
    """

    def __init__(self, budget: int, waiting: Waiting[FeedEntry]) -> None:
        super().__init__(NO_STREAM, budget, waiting)
        self.behind = True
        self.missed = False
        """Whether it is behind because something did not come, and not from the start."""
        self._heard = NO_STREAM

    @property
    def place(self) -> int:
        """The place up to which it has everything."""
        return NO_STREAM if self.have is None else self.have

    def begin(self, place: int) -> None:
        """Take the watcher to have everything up to `place`."""
        self.have = self._taken = place

    def offer(self, update: FeedEntry) -> bool:
        """Accept an entry if it follows, or may be left to the feed; False when one before it is missing."""
        if self.behind:
            self._heard = max(self._heard, update.place)
        return super().offer(update)

    def fall_behind(self, upto: int) -> None:
        """There is more in the feed than has come, up to a place."""
        self.behind = self.missed = True
        self._heard = max(self._heard, upto)
        self._news.set()

    def before_reading(self) -> None:
        """What is heard of from now on may not be in what is read."""
        self._heard = NO_STREAM

    def refill(self, entries: Sequence[FeedEntry], *, last: bool) -> None:
        """Accept what the feed has after `place`; `last`: it had no more."""
        for entry in entries:
            self._put(entry)
        # With little room left, what comes next is better left to the feed.
        little_room = self._waiting.bytes > self._budget / 2
        self.behind = not last or self._heard > self.place or little_room
        self.missed = False
