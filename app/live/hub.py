"""Who watches what in this process, and how everybody sees every update once and in order.

A watcher has a position: up to there it has everything. Whatever arrives, from the feed or from history, is judged by
that position alone (`position.judge`), so messages may be lost, doubled or late and history may be read at any time.
There are two kinds of topics, each with a history of its own: `entities` and `merchants`.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from app.live.entities import Entities
from app.live.feed import Dial, Feed, dial
from app.live.feed_history import CursorExpired
from app.live.history import Histories
from app.live.mailbox import Mailbox
from app.live.merchants import Delivery, Merchants
from app.live.refusals import NoSuchTopic, PositionAhead
from app.live.watched import AnyTopic, Box, Kind, Watched
from app.observability.metrics import GAPS_HEALED, WATCHERS
from projections.merchant_feed import FeedEntry
from projections.names import MerchantTopic, Topic
from projections.views import Update

__all__ = ["CursorExpired", "Delivery", "Hub", "NoSuchTopic", "PositionAhead"]

_SWEEP_BATCH = 500


@dataclass
class Hub:
    """Made by `Hub.open`; watched with `watch` and `watch_merchant`."""

    histories: Histories
    mailbox_bytes: int
    feed: Feed = field(init=False)
    gaps_healed: int = 0
    _watched: dict[str, Watched[Any, Any]] = field(default_factory=dict)
    _tasks: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._entities = Entities(self.histories, self._start, self._count_healed)
        self._merchants = Merchants(self.histories.feeds, self.mailbox_bytes, self._count_healed)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        redis_url: str,
        histories: Histories,
        *,
        mailbox_bytes: int = 256 * 1024,
        sweep_seconds: float = 15.0,
        silence_seconds: float = 4.0,
        dial: Dial = dial,
    ) -> AsyncGenerator["Hub", None]:
        """A running hub; its tasks end with the block, and its watchers had better end before.

        `mailbox_bytes`: the most to hold for a watcher who does not keep up. `sweep_seconds`: how often to look for
        updates lost without a trace. `silence_seconds`: how long Redis may be silent before it counts as lost. `dial`:
        how Redis is reached.
        """
        hub = cls(histories, mailbox_bytes)
        hub.feed = Feed(redis_url, hub.hear, hub.suspect_all, silence_seconds, dial)
        async with hub._tasks:
            hub._start(hub.feed.run())
            hub._start(hub._sweep(sweep_seconds))
            try:
                yield hub
            finally:
                for task in hub._running:
                    task.cancel()

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def watch(self, topic: Topic, after: int | None = None) -> AsyncGenerator[Update, None]:
        """Every update of a topic above version `after`, until the final one that is the last there is.

        Without `after` the present state comes first. Raises `NoSuchTopic`, `PositionAhead`, `SlowConsumer` and, when
        the past cannot be read, `StoreUnavailable`.
        """
        mailbox = Mailbox[Update](after, self.mailbox_bytes)
        with self._attached(self._entities, topic, mailbox) as watched:
            await self.feed.subscribe(topic.channel)
            last = await self._entities.catch_up(watched, mailbox, after)
            ended = last.final
            while not (ended and mailbox.exhausted):
                await mailbox.ready()
                if mailbox.empty:
                    await self._entities.go_on(topic, mailbox)
                    continue
                update = await mailbox.take()
                yield update
                ended = update.final

    async def watch_merchant(
        self, merchant_id: str, after: int | None = None, delivery: Delivery = Delivery.ALL
    ) -> AsyncGenerator[FeedEntry, None]:
        """Every update of a merchant's payments above place `after`, for ever; without it, from now on.

        Raises `PositionAhead`, `CursorExpired`, `SlowConsumer` and, when it cannot begin, `RedisError` or
        `StoreUnavailable`.
        """
        topic, mailbox = MerchantTopic(merchant_id), self._merchants.mailbox(delivery)
        with self._attached(self._merchants, topic, mailbox):
            await self.feed.subscribe(topic.channel)
            await self._merchants.begin(topic, mailbox, after)
            while True:
                await mailbox.ready()
                if mailbox.empty:
                    await self._merchants.refill(topic, mailbox)
                else:
                    yield await mailbox.take()

    @contextmanager
    def _attached(self, kind: Kind, topic: AnyTopic, mailbox: Box) -> Iterator[Watched[AnyTopic, Box]]:
        watched: Watched[AnyTopic, Box] = self._watched.setdefault(topic.channel, Watched(topic, kind))
        watched.mailboxes[mailbox] = None
        WATCHERS.inc()
        try:
            yield watched
        finally:
            WATCHERS.dec()
            watched.mailboxes.pop(mailbox)
            # Another watcher may have come for the topic, or a new entry may have taken this one's place.
            if not watched.mailboxes and self._watched.get(topic.channel) is watched:
                del self._watched[topic.channel]
                self.feed.unsubscribe(topic.channel)

    def hear(self, channel: bytes, message: bytes) -> None:
        """Take in a message from the feed."""
        watched = self._watched.get(channel.decode())
        if watched is not None:
            watched.kind.hear(watched, message)

    def suspect_all(self) -> None:
        """Messages may have been lost: look at every topic again."""
        self._start(self._verify())

    async def _sweep(self, seconds: float) -> None:
        """Look at every topic now and then: the loss of a last message leaves no hole to see."""
        while True:
            await asyncio.sleep(seconds)
            await self._verify()

    async def _verify(self) -> None:
        every = list(self._watched.values())
        for kind in (self._entities, self._merchants):
            for batch in _chunks((watched for watched in every if watched.kind is kind), _SWEEP_BATCH):
                await kind.verify(batch)

    def _count_healed(self, gaps: int) -> None:
        self.gaps_healed += gaps
        GAPS_HEALED.inc(gaps)


def _chunks(items: Iterable[Watched[Any, Any]], size: int) -> Iterator[list[Watched[Any, Any]]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
