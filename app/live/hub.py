"""Who watches what in this process, and how everybody sees every update once and in order.

A watcher has a position: the version up to which it has everything. Whatever arrives, from the feed or from history,
is judged by that position alone (`position.judge`), so messages may be lost, doubled or late and history may be read
at any time. A hole, a new connection of the feed and a slow sweep all lead to the same step: `_refresh`, one at a time
per topic, which reads what happened and offers it to everyone.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import islice

import structlog

from app.domain.order.evolve import ImpossibleOrderHistory
from app.domain.payment.evolve import ImpossibleHistory
from app.eventstore.codec import UnreadableEvent
from app.eventstore.port import EventStoreError
from app.live.feed import Feed
from app.live.history import Histories, Past
from app.live.mailbox import Mailbox
from app.observability.metrics import GAPS_HEALED, WATCHERS
from projections.names import Topic
from projections.views import Update

_SWEEP_BATCH = 500
_RETRY_SECONDS = 0.2

log = structlog.get_logger()


class NoSuchTopic(Exception):
    """There is no such payment or order."""


class PositionAhead(Exception):
    """The watcher claims to have more than there is; `head` is the revision of the last event."""

    def __init__(self, after: int, head: int) -> None:
        super().__init__(f"position {after} is ahead of the last one, {head}")
        self.after = after
        self.head = head


@dataclass
class _Watched:
    """One topic with its watchers."""

    topic: Topic
    mailboxes: set[Mailbox] = field(default_factory=set)
    refreshing: asyncio.Task[None] | None = None
    again: bool = False


@dataclass
class Hub:
    """Made by `Hub.open`; watched with `watch`."""

    histories: Histories
    mailbox_bytes: int
    feed: Feed = field(init=False)
    gaps_healed: int = 0
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _tasks: asyncio.TaskGroup = field(default_factory=asyncio.TaskGroup)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

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
    ) -> AsyncGenerator["Hub", None]:
        """A running hub; its tasks end with the block, and its watchers had better end before.

        `mailbox_bytes`: the most to hold for a watcher who does not keep up. `sweep_seconds`: how often to look for
        updates lost without a trace. `silence_seconds`: how long Redis may be silent before it counts as lost.
        """
        hub = cls(histories, mailbox_bytes)
        hub.feed = Feed(redis_url, on_message=hub.hear, on_loss=hub.suspect_all, silence_seconds=silence_seconds)
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
        mailbox = Mailbox(after, self.mailbox_bytes)
        with self._attached(topic, mailbox) as watched:
            await self.feed.subscribe(topic.channel)
            last = await self._catch_up(watched, mailbox, after)
            if mailbox.empty and last.final:
                return
            while True:
                update = await mailbox.take()
                yield update
                if update.final and mailbox.empty:
                    return

    @contextmanager
    def _attached(self, topic: Topic, mailbox: Mailbox) -> Iterator[_Watched]:
        watched = self._watched.setdefault(topic.channel, _Watched(topic))
        watched.mailboxes.add(mailbox)
        WATCHERS.inc()
        try:
            yield watched
        finally:
            WATCHERS.dec()
            watched.mailboxes.discard(mailbox)
            # Another watcher may have come for the topic, or a new entry may have taken this one's place.
            if not watched.mailboxes and self._watched.get(topic.channel) is watched:
                del self._watched[topic.channel]
                self.feed.unsubscribe(topic.channel)

    async def _catch_up(self, watched: _Watched, mailbox: Mailbox, after: int | None) -> Update:
        """Give a new watcher what it has not; the last update known.

        Judged by where it began: what came live meanwhile may be newer than the past that is read here.
        """
        (past,) = await self.histories.recent([watched.topic])
        if not _suffices(past, after):
            past = await self.histories.whole(watched.topic)
        if not past.exists:
            raise NoSuchTopic(watched.topic.id)
        if after is not None and after > past.revision:
            raise PositionAhead(after, past.revision)
        _offer_all(past.updates, (mailbox,))
        return past.updates[-1]

    def hear(self, channel: bytes, message: bytes) -> None:
        """Take in a message from the feed."""
        watched = self._watched.get(channel.decode())
        if watched is None:
            return
        try:
            update = Update.decode(message)
        except ValueError:
            log.warning("message is no update", channel=channel.decode())
            self._refresh_soon(watched)
            return
        if _offer_all((update,), watched.mailboxes):
            self._refresh_soon(watched)

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
        for batch in _chunks(every, _SWEEP_BATCH):
            pasts = await self.histories.recent([watched.topic for watched in batch])
            for watched, past in zip(batch, pasts, strict=True):
                if not past.exists or _offer_all(past.updates, watched.mailboxes):
                    self._refresh_soon(watched)

    def _refresh_soon(self, watched: _Watched) -> None:
        if watched.refreshing is not None:
            watched.again = True
            return
        watched.refreshing = self._start(self._refresh(watched))

    async def _refresh(self, watched: _Watched) -> None:
        """Read the stream and offer all of it; again while holes are seen meanwhile or it cannot be read."""
        try:
            watched.again = True
            while watched.again and watched.mailboxes:
                watched.again = False
                try:
                    past = await self.histories.whole(watched.topic)
                except EventStoreError as fault:
                    log.warning("history unavailable", topic=watched.topic.id, fault=type(fault).__name__)
                    watched.again = True
                    await asyncio.sleep(_RETRY_SECONDS)
                    continue
                except (UnreadableEvent, ImpossibleHistory, ImpossibleOrderHistory) as fault:
                    # Its watchers know all that can be known; those of other topics must not suffer for it.
                    log.exception("history unreadable", topic=watched.topic.id, reason=str(fault))
                    return
                had = [(mailbox, mailbox.have) for mailbox in watched.mailboxes]
                _offer_all(past.updates, watched.mailboxes)
                healed = sum(mailbox.have != have for mailbox, have in had)
                self.gaps_healed += healed
                GAPS_HEALED.inc(healed)
        finally:
            watched.refreshing = None


def _suffices(past: Past, have: int | None) -> bool:
    """Whether the past, as far as it is known, takes a watcher from `have` to the present."""
    if not past.exists:
        return False
    if have is None:
        return True
    first, last = past.updates[0], past.updates[-1]
    reaches_back = past.complete or (first.previous is not None and first.previous <= have)
    return reaches_back and have <= last.version


def _offer_all(updates: Sequence[Update], mailboxes: Iterable[Mailbox]) -> int:
    """Offer what happened to each; how many have a hole that begins before it."""
    holes = 0
    for mailbox in mailboxes:
        # A watcher who has nothing takes the present state first, not the whole past.
        wanted = updates[-1:] if mailbox.have is None else updates
        accepted = [mailbox.offer(update) for update in wanted]
        holes += not all(accepted)
    return holes


def _chunks(items: Sequence[_Watched], size: int) -> Iterator[list[_Watched]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, size)):
        yield chunk
