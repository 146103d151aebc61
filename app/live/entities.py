"""Payments and orders as topics: each has a stream, which is read once for all who watch it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
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
            raise NoSuchTopic(watched.topic.id)
        if after is not None and after > past.revision:
            raise PositionAhead(after, past.revision)
        _offer_all(past.updates, (mailbox,))
        return past.updates[-1]

    def hear(self, watched: WatchedEntity, message: bytes) -> None:
        """Take in a message from the feed."""
        try:
            update = Update.decode(message)
        except ValueError:
            log.warning("message is no update", channel=watched.topic.channel)
            self._refresh_soon(watched)
            return
        if _offer_all((update,), watched.mailboxes):
            self._refresh_soon(watched)

    async def verify(self, batch: Sequence[WatchedEntity]) -> None:
        """Offer the last update of each topic."""
        pasts = await self.histories.recent([watched.topic for watched in batch])
        for watched, past in zip(batch, pasts, strict=True):
            if not past.exists or _offer_all(past.updates, watched.mailboxes):
                self._refresh_soon(watched)

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
                self.healed(sum(mailbox.have != have for mailbox, have in had))
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


def _offer_all(updates: Sequence[Update], mailboxes: Iterable[Mailbox[Update]]) -> int:
    """Offer what happened to each; how many have a hole that begins before it."""
    holes = 0
    for mailbox in mailboxes:
        # A watcher who has nothing takes the present state first, not the whole past.
        wanted = updates[-1:] if mailbox.have is None else updates
        accepted = [mailbox.offer(update) for update in wanted]
        holes += not all(accepted)
    return holes
