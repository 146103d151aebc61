"""What an append's expectation means: write, a repeat of what is written, or a refusal. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from .events import ANY, NO_STREAM, STREAM_EXISTS, Appended


class Verdict(Enum):
    """The answers that carry nothing with them."""

    WRITE = auto()
    WRONG_VERSION = auto()
    DELETED = auto()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a stream stands before an append."""

    last_revision: int
    """-1 when it has no events."""
    softly_deleted: bool
    has_metadata: bool
    """Looked at only for the expectation that the stream exists."""


class WrittenEvents(Protocol):
    """What a stream already holds, asked for only when it decides something."""

    def by_id(self, event_id: bytes) -> Appended | None:
        """Return where the event with this id stands in the stream."""

    def by_revision(self, first: int, count: int) -> Sequence[tuple[bytes, Appended]]:
        """Return the ids and places of up to ``count`` events from revision ``first`` on."""


def judge(expected: int, ids: Sequence[bytes], standing: Standing, written: WrittenEvents) -> Verdict | Appended:
    """Decide an append to a stream that is not tombstoned; a place means it was made before.

    Ids alone are compared, not data: the same ids at the place where the writer expected them to come are the
    same append, sent again.
    """
    if expected == STREAM_EXISTS:
        if standing.softly_deleted:
            return Verdict.DELETED
        if standing.last_revision == NO_STREAM and not standing.has_metadata:
            return Verdict.WRONG_VERSION
    if expected in (ANY, STREAM_EXISTS):
        return _judge_by_ids(ids, standing, written)
    if expected == standing.last_revision:
        return Verdict.WRITE
    if expected > standing.last_revision or not ids:
        return _no_stream_after_delete(expected, standing)
    return _judge_by_place(expected, ids, standing, written)


def _judge_by_ids(ids: Sequence[bytes], standing: Standing, written: WrittenEvents) -> Verdict | Appended:
    if not ids or standing.last_revision == NO_STREAM or written.by_id(ids[0]) is None:
        return Verdict.WRITE
    places = [written.by_id(event_id) for event_id in ids]
    last = places[-1]
    return Verdict.WRONG_VERSION if last is None or None in places else last


def _judge_by_place(
    expected: int, ids: Sequence[bytes], standing: Standing, written: WrittenEvents
) -> Verdict | Appended:
    stored = written.by_revision(expected + 1, len(ids))
    if not stored or stored[0][0] != ids[0]:
        return _no_stream_after_delete(expected, standing)
    if [event_id for event_id, _ in stored] != list(ids):
        return Verdict.WRONG_VERSION
    return stored[-1][1]


def _no_stream_after_delete(expected: int, standing: Standing) -> Verdict:
    """To one who expects no stream, a softly deleted one is none."""
    gone = expected == NO_STREAM and standing.softly_deleted
    return Verdict.WRITE if gone else Verdict.WRONG_VERSION
