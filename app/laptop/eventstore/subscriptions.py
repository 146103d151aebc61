"""Reads and catch-up subscriptions, as streams of messages that know nothing of gRPC.

The messages come in pages, as they were read: to hand each through every layer by itself costs more than to read it.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from . import names
from .errors import ServerStopping, StreamDeleted
from .events import END_OF_STREAM, ResolvedEvent
from .filters import EventFilter
from .notices import Notice
from .storage.reader import Presence, StreamPage
from .store import Store

_FIRST_PAGE: Final = 32
_PAGE: Final = 512
_LIVE_PAGE: Final = 32
"""A live subscriber with this much to read at once has fallen behind, as in the real server."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The subscription stands; whatever is committed from now on will be delivered."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything up to this position was considered."""

    position: int


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """The past is out; what follows is live."""


Message: TypeAlias = ResolvedEvent | Confirmation | Checkpoint | CaughtUp


@dataclass(frozen=True, slots=True)
class StreamRead:
    """A read of one stream, from a revision on, itself included."""

    stream: str
    first: int
    limit: int
    backwards: bool = False
    resolve: bool = False


@dataclass(frozen=True, slots=True)
class AllRead:
    """A read of ``$all``: forwards from a position on, itself included; backwards from before it."""

    position: int
    limit: int
    backwards: bool = False
    resolve: bool = False
    wanted: EventFilter | None = None


async def read_stream(store: Store, read: StreamRead) -> AsyncGenerator[StreamPage, None]:
    """Yield pages until the stream or the limit ends. The first page tells whether there is such a stream."""
    first, left, size = read.first, read.limit, _FIRST_PAGE
    while True:
        page = await store.read_stream(
            read.stream, first, min(left, size), backwards=read.backwards, resolve=read.resolve
        )
        yield page
        left -= len(page.events)
        first = page.next_revision
        size = _PAGE
        if page.is_end or left <= 0 or first < 0:
            return


async def read_all(store: Store, read: AllRead) -> AsyncGenerator[list[ResolvedEvent], None]:
    """Yield the wanted events in pages until the log or the limit ends."""
    position, left, size = read.position, read.limit, _FIRST_PAGE
    while left > 0:
        page = await store.read_all(
            position,
            size if read.wanted else min(left, size),
            backwards=read.backwards,
            resolve=read.resolve,
            wanted=read.wanted,
        )
        events = [event for _, event in page.considered if event is not None][:left]
        yield events
        if page.is_end:
            return
        left -= len(events)
        last = page.considered[-1][0]
        position = last if read.backwards else last + 1
        size = _PAGE


async def subscribe_to_stream(
    store: Store, stream: str, after: int | None, *, resolve: bool
) -> AsyncGenerator[Sequence[Message], None]:
    """Follow a stream from after a revision or, with None, from its present end. Ends only by an exception.

    Raises StreamDeleted when the stream is or gets tombstoned, ServerStopping at shutdown.
    """
    with store.notices.watch(stream) as notice:
        page = await store.read_stream(stream, 0, 0)
        if page.state.presence is Presence.TOMBSTONED:
            raise StreamDeleted(stream)
        following = (page.state.last_revision if after is None else after) + 1
        yield [Confirmation()]
        live = False
        while True:
            notice.clear()
            page = await store.read_stream(stream, following, _LIVE_PAGE if live else _PAGE, resolve=resolve)
            yield page.events
            following = page.next_revision
            if page.state.presence is Presence.TOMBSTONED:
                break
            if page.is_end and not live:
                yield [CaughtUp()]
            live = page.is_end
            if live:
                await _wait(notice)
        async for events in _rest_of_tombstoned(store, stream, following):
            yield events
        raise StreamDeleted(stream)


async def subscribe_to_all(
    store: Store,
    after: int | None,
    *,
    resolve: bool,
    wanted: EventFilter | None = None,
    checkpoint_every: int | None = None,
) -> AsyncGenerator[Sequence[Message], None]:
    """Follow ``$all`` from after a position or, with None, from its present end. Ends only by an exception.

    With ``checkpoint_every`` a checkpoint follows each so many considered events, wanted or not; its position is
    that of the last event considered, never beyond, or a client that resumes from it would lose events.
    Raises ServerStopping at shutdown.
    """
    with store.notices.watch(names.ALL) as notice:
        position = store.last_position if after is None else after
        yield [Confirmation()]
        live, unreported = False, 0
        while True:
            notice.clear()
            size = _LIVE_PAGE if live else _PAGE
            page = await store.read_all(position + 1, size, resolve=resolve, wanted=wanted)
            messages: list[Message] = []
            for position, event in page.considered:
                if event is not None:
                    messages.append(event)
                unreported += 1
                if checkpoint_every is not None and unreported >= checkpoint_every:
                    messages.append(Checkpoint(position))
                    unreported = 0
            if page.is_end and not live:
                if checkpoint_every is not None and unreported:
                    messages.append(Checkpoint(position))
                    unreported = 0
                messages.append(CaughtUp())
            yield messages
            live = page.is_end
            if live:
                await _wait(notice)


async def _wait(notice: Notice) -> None:
    if not notice.stopping:
        await notice.wait()
    if notice.stopping:
        raise ServerStopping


async def _rest_of_tombstoned(store: Store, stream: str, first: int) -> AsyncGenerator[list[ResolvedEvent], None]:
    """Yield what a live subscriber has yet to see of a stream that was ended: the last of it is the tombstone."""
    while events := await store.read_tombstoned(stream, first, _PAGE):
        yield [ResolvedEvent(event) for event in events]
        if events[-1].revision == END_OF_STREAM:
            return
        first = events[-1].revision + 1
