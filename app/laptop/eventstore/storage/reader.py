"""Reads, a page at a time, each page on whatever thread is free. No transaction outlives a page."""

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from app.laptop.eventstore import names
from app.laptop.eventstore.events import END_OF_STREAM, TICKS_PER_SECOND, RecordedEvent, ResolvedEvent
from app.laptop.eventstore.filters import EventFilter

from .rows import SELECT_RESOLVED, SELECT_UNRESOLVED, Hiding, Row, resolved, unresolved

_BYTES_PER_PAGE: Final = 2 * 1024 * 1024


class Presence(Enum):
    """What a name stands for."""

    ABSENT = auto()
    """Never written to, or softly deleted."""
    PRESENT = auto()
    TOMBSTONED = auto()


@dataclass(frozen=True, slots=True)
class StreamState:
    """Where a stream stands for a reader, at the time of reading."""

    presence: Presence
    number: int = 0
    first_visible: int = 0
    last_revision: int = -1
    oldest_visible: int = 0
    """Creation time in ticks before which events are expired."""


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Some consecutive visible events of a stream."""

    events: list[ResolvedEvent]
    next_revision: int
    """Where the next page begins."""
    is_end: bool
    """Whether there was nothing more in this direction when the page was read."""
    state: StreamState


@dataclass(frozen=True, slots=True)
class AllPage:
    """Some consecutive events of ``$all``; None in place of those a filter left out."""

    considered: list[tuple[int, ResolvedEvent | None]]
    """Positions with events."""
    is_end: bool


class Reader:
    """Reads on one connection; one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, salt: bytes) -> None:
        self._connection = connection
        self._salt = salt

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def stream_state(self, name: str) -> StreamState:
        """Return where a stream stands now."""
        if names.is_metadata_stream(name) and self._is_tombstoned(names.described_stream(name)):
            return StreamState(Presence.TOMBSTONED)
        row = self._connection.execute(
            "SELECT number, truncate_before, max_count, max_age, tombstone,"
            " (SELECT max(revision) FROM events WHERE stream = s.number AND revision < ?)"
            " FROM streams AS s WHERE name = ?",
            (END_OF_STREAM, name),
        ).fetchone()
        if row is None:
            return StreamState(Presence.ABSENT)
        number, truncate_before, max_count, max_age, tombstone, last = row
        last = -1 if last is None else last
        if tombstone is not None:
            return StreamState(Presence.TOMBSTONED, number, last_revision=last)
        if last < 0 or truncate_before == END_OF_STREAM:
            return StreamState(Presence.ABSENT, number, last_revision=last)
        if names.is_metadata_stream(name):
            max_count = 1
        first_visible = max(truncate_before, 0 if max_count is None else last - max_count + 1)
        return StreamState(Presence.PRESENT, number, first_visible, last, _oldest_visible(max_age))

    def read_stream(self, name: str, first: int, limit: int, *, backwards: bool, resolve: bool) -> StreamPage:
        """Read up to ``limit`` visible events from revision ``first``, itself included."""
        state = self.stream_state(name)
        if state.presence is not Presence.PRESENT:
            return StreamPage([], first, is_end=True, state=state)
        if backwards:
            condition, order, first = "e.revision <= ? AND e.revision >= ?", "DESC", min(first, state.last_revision)
            bound = state.first_visible
        else:
            condition, order, first = "e.revision >= ? AND e.revision < ?", "ASC", max(first, state.first_visible)
            bound = END_OF_STREAM
        cursor = self._connection.execute(
            f"{SELECT_RESOLVED if resolve else SELECT_UNRESOLVED}"
            f"WHERE e.stream = ? AND {condition} AND e.created >= ? ORDER BY e.revision {order} LIMIT ?",
            (state.number, first, bound, state.oldest_visible, limit),
        )
        events, exhausted = self._collect(cursor, limit, resolve=resolve)
        next_revision = first
        if events:
            next_revision = events[-1].original.revision + (-1 if backwards else 1)
        return StreamPage(events, next_revision, exhausted, state)

    def read_tombstoned(self, name: str, first: int, limit: int) -> list[RecordedEvent]:
        """Return events of a tombstoned stream from a revision on, whatever hides them, its tombstone last."""
        rows = self._connection.execute(
            f"{SELECT_UNRESOLVED}WHERE e.stream = ? AND e.revision >= ? ORDER BY e.revision LIMIT ?",
            (self.stream_state(name).number, first, limit),
        ).fetchall()
        return [unresolved(row, self._salt) for row in rows]

    def read_all(
        self, position: int, limit: int, *, backwards: bool, resolve: bool, wanted: EventFilter | None
    ) -> AllPage:
        """Consider up to ``limit`` events: from ``position`` on, or backwards from before it."""
        condition = "e.position < ? ORDER BY e.position DESC" if backwards else "e.position >= ? ORDER BY e.position"
        cursor = self._connection.execute(
            f"{SELECT_RESOLVED if resolve else SELECT_UNRESOLVED}WHERE {condition} LIMIT ?", (position, limit)
        )
        events, exhausted = self._collect(cursor, limit, resolve=resolve)
        considered = [
            (event.original.position, event if _is_wanted(event.original, wanted) else None) for event in events
        ]
        return AllPage(considered, exhausted)

    def _collect(self, cursor: sqlite3.Cursor, limit: int, *, resolve: bool) -> tuple[list[ResolvedEvent], bool]:
        """Make events of rows until there is enough, by number or by size; tell whether the rows ran out."""
        events: list[ResolvedEvent] = []
        size = 0
        with closing(cursor):  # An open cursor is an open transaction, and the log would grow behind it.
            for row in cursor:
                event = self._resolve(row) if resolve else ResolvedEvent(unresolved(row, self._salt))
                events.append(event)
                size += event.size
                if size >= _BYTES_PER_PAGE:
                    return events, False
        return events, len(events) < limit

    def _resolve(self, row: Row) -> ResolvedEvent:
        event, target, hiding = resolved(row, self._salt)
        if event.type != names.LINK_TYPE:
            return ResolvedEvent(event)
        if target is not None and hiding is not None:
            return ResolvedEvent(target if self._is_visible(target, hiding) else None, event)
        address = names.parse_link(event.data)
        if address is None:
            return ResolvedEvent(event)
        return ResolvedEvent(self._find(*address), event)

    def _find(self, revision: int, stream: str) -> RecordedEvent | None:
        """Return one event if it is visible."""
        if revision >= END_OF_STREAM:
            return None
        page = self.read_stream(stream, revision, 1, backwards=False, resolve=False)
        found = page.events[0].event if page.events else None
        return found if found is not None and found.revision == revision else None

    def _is_visible(self, target: RecordedEvent, hiding: Hiding) -> bool:
        if hiding.tombstone is not None or target.revision < hiding.truncate_before:
            return False
        if target.created < _oldest_visible(hiding.max_age):
            return False
        if hiding.max_count is None and not names.is_metadata_stream(target.stream):
            return True
        state = self.stream_state(target.stream)
        return state.presence is Presence.PRESENT and target.revision >= state.first_visible

    def _is_tombstoned(self, name: str) -> bool:
        row = self._connection.execute("SELECT tombstone FROM streams WHERE name = ?", (name,)).fetchone()
        return row is not None and row[0] is not None


def _oldest_visible(max_age: int | None) -> int:
    return 0 if max_age is None else time.time_ns() // 100 - max_age * TICKS_PER_SECOND


def _is_wanted(event: RecordedEvent, wanted: EventFilter | None) -> bool:
    if names.is_hidden_from_all(event.stream):
        return False
    return wanted is None or wanted.wants(event.stream, event.type)
