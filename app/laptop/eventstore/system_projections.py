"""The system projections: which streams an event is linked into. Pure."""

import json
from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from . import metadata, names


class SystemProjection(IntEnum):
    """The projections every database has. The numbers stand in the file: do not change them."""

    STREAMS = 1
    STREAM_BY_CATEGORY = 2
    BY_CATEGORY = 3
    BY_EVENT_TYPE = 4
    BY_CORRELATION_ID = 5

    @property
    def title(self) -> str:
        """The name clients know it by."""
        return _TITLES[self]


_TITLES: Final = {
    SystemProjection.STREAMS: "$streams",
    SystemProjection.STREAM_BY_CATEGORY: "$stream_by_category",
    SystemProjection.BY_CATEGORY: "$by_category",
    SystemProjection.BY_EVENT_TYPE: "$by_event_type",
    SystemProjection.BY_CORRELATION_ID: "$by_correlation_id",
}


class Source(NamedTuple):
    """What a projection may know about the event it looks at."""

    stream: str
    revision: int
    position: int
    id: bytes
    type: str
    data: bytes
    metadata: bytes
    is_json: bool
    created: int = 0
    """100-ns ticks since the Unix epoch; looked at only when entries are to come late."""


def destinations(source: Source, running: frozenset[SystemProjection]) -> Iterator[tuple[SystemProjection, str]]:
    """Yield the streams that get an entry for this event, each with the projection that writes it."""
    if not running or not _is_projected(source):
        return
    category = names.category(source.stream)
    first = source.revision == 0
    if first and SystemProjection.STREAMS in running:
        yield SystemProjection.STREAMS, "$streams"
    if first and category is not None and SystemProjection.STREAM_BY_CATEGORY in running:
        yield SystemProjection.STREAM_BY_CATEGORY, f"$category-{category}"
    if category is not None and SystemProjection.BY_CATEGORY in running:
        yield SystemProjection.BY_CATEGORY, f"$ce-{category}"
    if source.type != names.LINK_TYPE and SystemProjection.BY_EVENT_TYPE in running:
        yield SystemProjection.BY_EVENT_TYPE, f"$et-{source.type}"
    if SystemProjection.BY_CORRELATION_ID in running and (correlation := correlation_id(source.metadata)):
        yield SystemProjection.BY_CORRELATION_ID, f"$bc-{correlation}"


def correlation_id(metadata: bytes) -> str | None:
    """Return ``$correlationId`` from an event's metadata, if that is JSON and has one."""
    if b"$correlationId" not in metadata:
        return None
    try:
        value = json.loads(metadata)
    except (ValueError, RecursionError):
        return None
    found = value.get("$correlationId") if isinstance(value, dict) else None
    return found if isinstance(found, str) and found else None


def _is_projected(source: Source) -> bool:
    """User streams and their metadata are looked at; delete markers and broken JSON are not."""
    stream = source.stream
    if names.is_metadata_stream(stream):
        stream = names.described_stream(stream)
    if names.is_system_stream(stream) or _marks_deletion(source):
        return False
    return not source.is_json or _is_json(source.data)


def _marks_deletion(source: Source) -> bool:
    if source.type == names.METADATA_TYPE:
        return source.data == metadata.DELETED
    return source.type == names.TOMBSTONE_TYPE


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return True
