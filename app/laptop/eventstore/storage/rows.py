"""How an event is laid out in a row, and made again out of one."""

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias
from uuid import UUID

from app.laptop.eventstore import names
from app.laptop.eventstore.events import RecordedEvent
from app.laptop.eventstore.system_projections import SystemProjection

Row: TypeAlias = Sequence[Any]
"""What SQLite gives back; the columns below say what is where."""


class EventRow(NamedTuple):
    """A row of the table of events, in the order of its columns."""

    position: int
    stream: int
    revision: int
    created: int
    target: int | None
    projection: int | None
    is_json: bool
    id: bytes | None
    type: str | None
    data: bytes | None
    metadata: bytes | None


def _columns(event: str, stream: str) -> str:
    of_event = ("revision", "created", "id", "type", "data", "metadata", "is_json")
    return f"{event}.position, {stream}.name, " + ", ".join(f"{event}.{column}" for column in of_event)


_EVENT: Final = f"{_columns('e', 's')}, e.projection"
_FROM: Final = (
    " FROM events AS e JOIN streams AS s ON s.number = e.stream"
    " LEFT JOIN events AS t ON t.position = e.target LEFT JOIN streams AS ts ON ts.number = t.stream "
)

SELECT_UNRESOLVED: Final = f"SELECT {_EVENT}, t.position, ts.name, t.revision, t.id{_FROM}"
"""Events with as much of a link's target as its data is made of."""

SELECT_RESOLVED: Final = (
    f"SELECT {_EVENT}, {_columns('t', 'ts')},"
    f" t.stream, ts.truncate_before, ts.max_count, ts.max_age, ts.tombstone{_FROM}"
)
"""Events with the whole of a link's target, and what decides whether the target is still visible."""

_PROJECTION: Final = 9
_TARGET_POSITION: Final = 10
_TARGET_STREAM: Final = 11
_TARGET_REVISION: Final = 12
_UNRESOLVED_TARGET_ID: Final = 13
_RESOLVED_TARGET_ID: Final = 14
_TARGET_END: Final = 19


class Hiding(NamedTuple):
    """What a target's stream says about which of its events are visible."""

    stream: int
    truncate_before: int
    max_count: int | None
    max_age: int | None
    tombstone: int | None


def unresolved(row: Row, salt: bytes) -> RecordedEvent:
    """Make the event of a row read with SELECT_UNRESOLVED."""
    return RecordedEvent(*row[:9]) if row[4] is not None else _link(row, row[_UNRESOLVED_TARGET_ID], salt)


def resolved(row: Row, salt: bytes) -> tuple[RecordedEvent, RecordedEvent | None, Hiding | None]:
    """Make the event of a row read with SELECT_RESOLVED, with the target it has in the file, visible or not."""
    if row[4] is not None:
        return RecordedEvent(*row[:9]), None, None
    link = _link(row, row[_RESOLVED_TARGET_ID], salt)
    return link, RecordedEvent(*row[_TARGET_POSITION:_TARGET_END]), Hiding(*row[_TARGET_END:])


def link_id(position: int, projection: int, salt: bytes) -> bytes:
    """Return the id of a link written by a system projection: a custom (version 8) UUID, one per file and place."""
    return b"%b\x80%c\x80%b" % (salt, projection, position.to_bytes(7, "big"))


def link_metadata(projection: int, position: int, stream: str | None, cause: bytes) -> bytes:
    """Return the metadata of a link: by which projection, for which event, from which stream."""
    origin = f'"$o":{json.dumps(stream, ensure_ascii=False)},' if stream is not None else ""
    return (
        f'{{"$v":"{projection}:-1:1:1","$c":{position},"$p":{position},{origin}"$causedBy":"{UUID(bytes=cause)}"}}'
    ).encode()


def _link(row: Row, target_id: bytes, salt: bytes) -> RecordedEvent:
    position, stream, revision, created = row[:4]
    projection = row[_PROJECTION]
    target_position, target_stream = row[_TARGET_POSITION], row[_TARGET_STREAM]
    origin = None if projection == SystemProjection.BY_EVENT_TYPE else target_stream
    return RecordedEvent(
        position,
        stream,
        revision,
        created,
        link_id(position, projection, salt),
        names.LINK_TYPE,
        names.link_data(row[_TARGET_REVISION], target_stream),
        link_metadata(projection, target_position, origin, target_id),
        is_json=False,
    )
