"""Payments and orders as topics: each has a stream, which is read once for all who watch it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

import structlog

from app.domain.order.evolve import ImpossibleOrderHistory
from app.domain.payment.evolve import ImpossibleHistory
from app.eventstore.codec import UnreadableEvent
from app.eventstore.port import EventStoreError
from app.live.history import Histories, Past
from app.live.mailbox import Mailbox
from app.live.refusals import NoSuchTopic, PositionAhead
from app.live.watched import Watched
from projections.names import Topic
from projections.views import Update

_RETRY_SECONDS = 0.2

WatchedEntity = Watched[Topic, Mailbox[Update]]

log = structlog.get_logger()


@dataclass(frozen=True)
class Entities:
    """How watchers of payments and orders come to have everything.

    A hole, a new connection of the feed and a slow sweep all lead to the same step: `_refresh`, one at a time per
    topic, which reads what happened and offers it to everyone.
    """

    histories: Histories
    start: Callable[[Coroutine[None, None, None]], asyncio.Task[None]]
    """Runs a task as long as the hub runs."""
    healed: Callable[[int], None]
    """Counts holes filled."""

    async def catch_up(self, watched: WatchedEntity, mailbox: Mailbox[Update], after: int | None) -> Update:
        """Give a new watcher what it has not; the last update known.

        Judged by where it began: what came live meanwhile may be newer than the past that is read here.
        """
        (past,) = await self.histories.recent([watched.topic])
        if not _suffices(past, after):
            past = await self.histories.whole(watched.topic)
        if not past.exists:
            raise NoSuchTopic(watched.topic.kind, watched.topic.id)
        if after is not None and after > past.revision:
            raise PositionAhead(after, past.revision)
        _fill(past.updates, mailbox)
        return past.updates[-1]

    async def go_on(self, topic: Topic, mailbox: Mailbox[Update]) -> None:
        """Give a watcher, who has taken all it was given, more of a past for which there was no room."""
        while True:
            mailbox.before_reading()
            try:
                past = await self.histories.whole(topic)
            except EventStoreError as fault:
                await _later(topic, fault)
            else:
                _fill(past.updates, mailbox)
                return

    def hear(self, watched: WatchedEntity, message: bytes) -> None:
        """Take in a message from the feed."""
        try:
            update = Update.decode(message)
        except ValueError:
            log.warning("message is no update", channel=watched.topic.channel)
            self._refresh_soon(watched)
            return
        accepted = [mailbox.offer(update) for mailbox in watched.mailboxes]
        if not all(accepted):
            self._refresh_soon(watched)

    async def verify(self, batch: Sequence[WatchedEntity]) -> None:
        """Offer the last update of each topic."""
        pasts = await self.histories.recent([watched.topic for watched in batch])
        for watched, past in zip(batch, pasts, strict=True):
            if not past.exists or not self._heal(watched, past.updates):
                self._refresh_soon(watched)

    def _heal(self, watched: WatchedEntity, updates: Sequence[Update]) -> bool:
        """Give the watchers what they have not; whether that was all they were missing."""
        had = [(mailbox, mailbox.have) for mailbox in watched.mailboxes]
        filled = [_fill(updates, mailbox) for mailbox, _ in had]
        self.healed(sum(mailbox.have != have for mailbox, have in had))
        return all(filled)

    def _refresh_soon(self, watched: WatchedEntity) -> None:
        if watched.refreshing is not None:
            watched.again = True
            return
        watched.refreshing = self.start(self._refresh(watched))

    async def _refresh(self, watched: WatchedEntity) -> None:
        """Read the stream and offer all of it; again while holes are seen meanwhile or it cannot be read."""
        try:
            watched.again = True
            while watched.again and watched.mailboxes:
                watched.again = False
                try:
                    past = await self.histories.whole(watched.topic)
                except EventStoreError as fault:
                    watched.again = True
                    await _later(watched.topic, fault)
                    continue
                except (UnreadableEvent, ImpossibleHistory, ImpossibleOrderHistory) as fault:
                    # Its watchers know all that can be known; those of other topics must not suffer for it.
                    log.exception("history unreadable", topic=watched.topic.id, reason=str(fault))
                    return
                self._heal(watched, past.updates)
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


def _fill(updates: Sequence[Update], mailbox: Mailbox[Update]) -> bool:
    # A watcher who has nothing takes the present state first, not the whole past.
    return mailbox.fill(updates[-1:] if mailbox.have is None else updates)


async def _later(topic: Topic, fault: EventStoreError) -> None:
    log.warning("history unavailable", topic=topic.id, fault=type(fault).__name__)
    await asyncio.sleep(_RETRY_SECONDS)
