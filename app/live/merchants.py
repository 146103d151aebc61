"""Merchants as topics: all of a merchant's payments, live and from the feed that Redis retains.

A watcher who is behind reads the feed by itself, page by page as it takes what it is given; whoever has a hole is
behind. So a long past costs no more memory than a short one, and a slow reader of it no other reader's time.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import structlog

from app.live.feed_history import FeedHistory
from app.live.mailbox import FeedMailbox
from app.live.refusals import PositionAhead
from app.live.waiting import Everything, LatestPerPayment
from app.live.watched import Watched
from app.redisio import RedisError
from projections.merchant_feed import FeedEntry
from projections.names import MerchantTopic

_RETRY_SECONDS = 0.2

WatchedMerchant = Watched[MerchantTopic, FeedMailbox]

log = structlog.get_logger()


class Delivery(Enum):
    """What becomes of updates for which the reader is too slow."""

    ALL = "ALL"
    LATEST = "LATEST"


@dataclass(frozen=True)
class Merchants:
    """How watchers of merchants come to have everything."""

    history: FeedHistory
    mailbox_bytes: int
    healed: Callable[[int], None]
    """Counts holes filled."""

    def mailbox(self, delivery: Delivery) -> FeedMailbox:
        """A mailbox for a new watcher."""
        waiting = LatestPerPayment() if delivery is Delivery.LATEST else Everything[FeedEntry]()
        return FeedMailbox(self.mailbox_bytes, waiting)

    async def begin(self, topic: MerchantTopic, mailbox: FeedMailbox, after: int | None) -> None:
        """Fix the place from which on a new watcher is told everything: `after`, or where the feed is now.

        Raises `PositionAhead`, and `RedisError` or `StoreUnavailable` when that cannot be known.
        """
        place = await self.history.end(topic)
        if after is not None and after > place:
            # Redis may have lost what the watcher has; then the projection is about to write it again.
            head = await self.history.category_end()
            if after > head:
                raise PositionAhead(after, head)
        mailbox.begin(place if after is None else after)

    async def refill(self, topic: MerchantTopic, mailbox: FeedMailbox) -> None:
        """Give a watcher the next page of the feed; nothing while Redis is away. Raises `CursorExpired`."""
        mailbox.before_reading()
        try:
            page = await self.history.page(topic, mailbox.place)
        except RedisError as fault:
            log.warning("feed unavailable", merchant=topic.id, fault=type(fault).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
            return
        if mailbox.missed and page.entries:
            self.healed(1)
        mailbox.refill(page.entries, last=page.last)

    def hear(self, watched: WatchedMerchant, message: bytes) -> None:
        """Take in a message from the feed."""
        try:
            entry = FeedEntry.decode(message)
        except ValueError:
            log.warning("message is no feed entry", channel=watched.topic.channel)
            for mailbox in watched.mailboxes:
                mailbox.fall_behind(mailbox.place)
            return
        for mailbox in watched.mailboxes:
            if not mailbox.offer(entry):
                mailbox.fall_behind(entry.place)

    async def verify(self, batch: Sequence[WatchedMerchant]) -> None:
        """Compare where watchers are with where their feeds are; who cannot know has to look."""
        ends = await self.history.ends([watched.topic for watched in batch])
        for watched, end in zip(batch, ends, strict=True):
            for mailbox in watched.mailboxes:
                if end is None or end > mailbox.place:
                    mailbox.fall_behind(mailbox.place if end is None else end)
