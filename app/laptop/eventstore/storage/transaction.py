"""What a command may ask and change while the writer decides it.

Rows are gathered and written in a few statements at the end: each statement gives up the interpreter's lock and
has to win it back from a busy event loop, so a statement per row would cost far more than the row.
"""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import uuid4

from app.laptop.eventstore import metadata as stream_metadata
from app.laptop.eventstore import names
from app.laptop.eventstore.events import END_OF_STREAM, Appended, NewEvent
from app.laptop.eventstore.system_projections import Source, SystemProjection, destinations

from .heads import Head, Heads
from .projections import ProjectionTable
from .rows import EventRow, link_metadata

_GAP: Final = 64
"""Positions grow by this much and the payload, like the offsets of a log; nobody may count on ``+ 1``."""

_ROWS_PER_INSERT: Final = (64, 16, 4, 1)
_INSERT_EVENT: Final = "INSERT INTO events VALUES "
# To the length of what it replaces, so that it is written over it, in its place: a row that grew shorter would make
# SQLite move its neighbours, and whole copies of them could stay behind in the page.
_BLANK: Final = (
    "UPDATE events SET"
    " data = CASE WHEN is_json THEN CAST(printf('%-*s', length(data), '{}') AS BLOB) ELSE zeroblob(length(data)) END,"
    " metadata = CASE WHEN length(metadata) > 1 THEN CAST(printf('%-*s', length(metadata), '{}') AS BLOB)"
    " ELSE metadata END"
    " WHERE stream = ? AND target IS NULL"
)
_INSERT_STREAM: Final = (
    "INSERT OR REPLACE INTO streams (number, name, truncate_before, max_count, max_age, tombstone) VALUES "
)


class Transaction:
    """One transaction after the other on the writer's connection: many commands, one commit."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._heads = Heads(connection)
        self._events: list[EventRow] = []
        self._changed_streams: dict[str, Head] = {}
        self._pending_ids: dict[tuple[int, bytes], Appended] = {}
        self._next_stream = _next_number(connection)
        self._last_position = _last_position(connection)
        self._committed_position = self._last_position
        self.projections = ProjectionTable(connection)
        self.now = 0
        """100-ns ticks since the Unix epoch."""
        self.touched: set[str] = set()
        """Streams that have something new."""

    @property
    def last_position(self) -> int:
        """Position of the last event, those of this transaction included."""
        return self._last_position

    def begin(self, names: Iterable[str]) -> None:
        """Start; ``names`` are the streams that will be asked for, to be looked up together."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._heads.load(names)
        self.now = time.time_ns() // 100
        self.touched = set()

    def commit(self) -> None:
        """Make everything since ``begin`` durable; when this returns it may be acknowledged."""
        self._flush()
        self._connection.execute("COMMIT")
        self._committed_position = self._last_position
        self._pending_ids.clear()
        self._heads.trim()

    def roll_back(self) -> None:
        """Undo everything since ``begin``, here and in the file."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._events.clear()
        self._changed_streams.clear()
        self._pending_ids.clear()
        self._heads.forget()
        self.projections.load()
        self._last_position = self._committed_position
        self._next_stream = _next_number(self._connection)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def head(self, name: str) -> Head:
        """Return where a stream stands."""
        return self._heads.get(name)

    def has_metadata(self, name: str) -> bool:
        """Tell whether metadata was ever written for a stream."""
        return self.head(names.metadata_stream(name)).last_revision >= 0

    def metadata(self, name: str) -> bytes:
        """Return a stream's metadata as it was last written; empty when there is none."""
        head = self.head(names.metadata_stream(name))
        if head.last_revision < 0:
            return b""
        return self.event_data(head, head.last_revision) or b""

    def event_data(self, head: Head, revision: int) -> bytes | None:
        """Return the data of one event, None when there is no such event."""
        self._flush()
        row = self._connection.execute(
            "SELECT data FROM events WHERE stream = ? AND revision = ?", (head.number, revision)
        ).fetchone()
        return row[0] if row else None

    def find_id(self, head: Head, event_id: bytes) -> Appended | None:
        """Return where the event with this id stands in a stream."""
        if head.number is None:
            return None
        pending = self._pending_ids.get((head.number, event_id))
        if pending is not None:
            return pending
        row = self._connection.execute(
            "SELECT revision, position FROM events WHERE stream = ? AND id = ? LIMIT 1", (head.number, event_id)
        ).fetchone()
        return Appended(*row) if row else None

    def read_ids(self, head: Head, first: int, count: int) -> Sequence[tuple[bytes, Appended]]:
        """Return the ids and places of up to ``count`` events of a stream from revision ``first`` on."""
        self._flush()
        rows = self._connection.execute(
            "SELECT id, revision, position FROM events WHERE stream = ? AND revision >= ? AND revision < ?"
            " ORDER BY revision LIMIT ?",
            (head.number, first, END_OF_STREAM, count),
        )
        return [(row[0], Appended(row[1], row[2])) for row in rows]

    def add(self, head: Head, events: Sequence[NewEvent]) -> Appended:
        """Write events at the end of a stream, then the entries that the running projections make of them.

        The events stand next to each other in ``$all``, as one append of the real server does.
        """
        places = [self._add_row(head, event) for event in events]
        running = self.projections.inline
        if running:
            for event, place in zip(events, places, strict=True):
                self.project(_source(head.name, place, event), running)
        return places[-1]

    def add_tombstone(self, head: Head) -> Appended:
        """End a stream for good. Its events keep their places and lose what they say."""
        self._flush()
        self._connection.execute(_BLANK, (head.number,))
        event = NewEvent(uuid4().bytes, names.TOMBSTONE_TYPE, b"")
        position = self._next_position(event.size)
        self._add_event_row(head, position, END_OF_STREAM, event)
        head.tombstone = position
        self._changed_streams[head.name] = head
        return Appended(END_OF_STREAM, position)

    def change_retention(self, name: str, data: bytes) -> None:
        """Let new metadata of a stream take effect."""
        head = self.head(name)
        self._number(head)
        head.retain(stream_metadata.retention(data))
        self._changed_streams[head.name] = head

    def _add_row(self, head: Head, event: NewEvent) -> Appended:
        place = Appended(head.last_revision + 1, self._next_position(event.size))
        self._add_event_row(head, place.position, place.revision, event)
        head.last_revision = place.revision
        self._pending_ids.setdefault((self._number(head), event.id), place)
        return place

    def _add_event_row(self, head: Head, position: int, revision: int, event: NewEvent) -> None:
        self._events.append(
            EventRow(
                position,
                self._number(head),
                revision,
                self.now,
                None,
                None,
                event.is_json,
                event.id,
                event.type,
                event.data,
                event.metadata,
            )
        )
        self._touch(head)

    def project(self, source: Source, running: frozenset[SystemProjection]) -> None:
        """Write the entries that some projections make of an event."""
        for projection, destination in destinations(source, running):
            head = self.head(destination)
            if head.last_revision < 0 and not self.has_metadata(destination):
                self._allow_reading(destination)
            if projection is SystemProjection.STREAM_BY_CATEGORY:
                self._add_row(head, _stream_reference(projection, source))
            elif source.type == names.LINK_TYPE and projection is not SystemProjection.STREAMS:
                self._follow(projection, head, source)
            else:
                self._link(projection, head, source.position)

    def read_sources(self, after: int, limit: int) -> list[Source]:
        """Return the events after a position that a projection may have to look at, at most ``limit``."""
        self._flush()
        rows = self._connection.execute(
            "SELECT s.name, e.revision, e.position, e.id, e.type, e.data, e.metadata, e.is_json, e.created"
            " FROM events AS e JOIN streams AS s ON s.number = e.stream"
            " WHERE e.position > ? AND e.target IS NULL ORDER BY e.position LIMIT ?",
            (after, limit),
        ).fetchall()
        return [Source(*row) for row in rows]

    def _allow_reading(self, stream: str) -> None:
        event = NewEvent(uuid4().bytes, names.METADATA_TYPE, stream_metadata.EMITTED, is_json=True)
        self._add_row(self.head(names.metadata_stream(stream)), event)

    def _follow(self, projection: SystemProjection, head: Head, source: Source) -> None:
        """Write an entry for the event a link in a user's stream points at; none if it points nowhere."""
        address = names.parse_link(source.data)
        if address is None:
            self._link(projection, head, source.position)
            return
        revision, stream = address
        self._flush()
        row = self._connection.execute(
            "SELECT position FROM events WHERE stream = ? AND revision = ? AND target IS NULL",
            (self.head(stream).number, revision),
        ).fetchone()
        if row is not None:
            self._link(projection, head, row[0])

    def _link(self, projection: SystemProjection, head: Head, target: int) -> None:
        revision, position = head.last_revision + 1, self._next_position(0)
        stream = self._number(head)
        self._events.append(
            EventRow(position, stream, revision, self.now, target, projection, False, None, None, None, None)
        )
        self._touch(head)
        head.last_revision = revision

    def _touch(self, head: Head) -> None:
        self.touched.add(head.name)
        self.touched.add(names.ALL)

    def _number(self, head: Head) -> int:
        if head.number is None:
            head.number = self._next_stream
            self._next_stream += 1
            self._changed_streams[head.name] = head
        return head.number

    def _next_position(self, size: int) -> int:
        self._last_position += _GAP + size
        return self._last_position

    def _flush(self) -> None:
        if self._changed_streams:
            rows = [
                (head.number, head.name, head.truncate_before, head.max_count, head.max_age, head.tombstone)
                for head in self._changed_streams.values()
            ]
            self._insert(_INSERT_STREAM, rows)
            self._changed_streams.clear()
        if self._events:
            self._insert(_INSERT_EVENT, self._events)
            self._events.clear()

    def _insert(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        start = 0
        row_marks = f"({','.join('?' * len(rows[0]))})"
        for count in _ROWS_PER_INSERT:
            while len(rows) - start >= count:
                sql = statement + ",".join([row_marks] * count)
                values = [value for row in rows[start : start + count] for value in row]
                self._connection.execute(sql, values)
                start += count


def _source(stream: str, place: Appended, event: NewEvent) -> Source:
    return Source(
        stream, place.revision, place.position, event.id, event.type, event.data, event.metadata, event.is_json
    )


def _stream_reference(projection: SystemProjection, source: Source) -> NewEvent:
    metadata = link_metadata(projection, source.position, source.stream, source.id)
    return NewEvent(uuid4().bytes, names.STREAM_REFERENCE_TYPE, source.stream.encode(), metadata)


def _next_number(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(number), 0) + 1 FROM streams").fetchone()[0])


def _last_position(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()[0])
