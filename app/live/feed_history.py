"""What happened to a merchant's payments: the feed, as far as it is retained."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from app.eventstore.port import EventStore
from app.eventstore.transact import PAYMENTS
from app.live.position import Verdict, judge
from app.redisio import RedisError
from projections.merchant_feed import FeedEntry, MerchantFeeds
from projections.names import MerchantTopic

_PAGE = 64

log = structlog.get_logger()


class CursorExpired(Exception):
    """What follows the cursor is no longer retained, so there is no going on from it without a hole."""


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Entries that follow a place, the oldest first, and whether they are all there were."""

    entries: tuple[FeedEntry, ...]
    last: bool


class FeedHistory:
    """Reads feeds, and asks the event store whether a place can be."""

    def __init__(self, store: EventStore, feeds: MerchantFeeds, patience_seconds: float) -> None:
        self._store = store
        self._feeds = feeds
        self._patience_seconds = patience_seconds

    async def page(self, topic: MerchantTopic, after: int) -> FeedPage:
        """The next entries after a place. Raises `CursorExpired` and `RedisError`."""
        entries = await self._feeds.after(topic, after, at_most=_PAGE)
        if entries and judge(after, entries[0]) is Verdict.FILL:
            raise CursorExpired(f"{topic.id}: entries after {after} are gone")
        return FeedPage(tuple(entries), last=len(entries) < _PAGE)

    async def end(self, topic: MerchantTopic) -> int:
        """The place of the last entry there is. Raises `RedisError`."""
        (place,) = await self._feeds.last_places([topic])
        return place

    async def ends(self, topics: Sequence[MerchantTopic]) -> Sequence[int | None]:
        """The places of the last entries; none while Redis is away."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await self._feeds.last_places(topics)
        except (RedisError, TimeoutError) as fault:
            log.warning("feeds unavailable", fault=type(fault).__name__)
            return [None] * len(topics)

    async def category_end(self) -> int:
        """The place of the last event of any payment. Raises `StoreUnavailable`."""
        return await self._store.head(f"$ce-{PAYMENTS.category}")
