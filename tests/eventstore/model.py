"""What an event store has to do, in as few lines as possible: lists in memory, and the rules of the protocol."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

ANY, NO_STREAM, EXISTS = "any", "no stream", "exists"
Expected = int | str


class Refusal(Enum):
    """Why a write is refused."""

    WRONG_VERSION = "wrong version"
    DELETED = "deleted"
    NOT_FOUND = "not found"


@dataclass
class ModelStream:
    """One stream."""

    ids: list[str] = field(default_factory=list)
    truncate_before: int = 0
    max_count: int | None = None
    has_metadata: bool = False
    softly_deleted: bool = False
    tombstoned: bool = False

    @property
    def last(self) -> int:
        return len(self.ids) - 1

    def visible(self) -> list[tuple[int, str]] | None:
        """Return revisions with ids; None for a stream that is not to be found."""
        if self.softly_deleted or not self.ids:
            return None
        first = self.truncate_before
        if self.max_count is not None:
            first = max(first, len(self.ids) - self.max_count)
        return list(enumerate(self.ids))[first:]


@dataclass
class Model:
    """All streams, and the order in which everything was committed."""

    streams: dict[str, ModelStream] = field(default_factory=dict)
    committed: list[tuple[str, int, str]] = field(default_factory=list)
    """Stream, revision and id: one id may be in a stream more than once."""

    def stream(self, name: str) -> ModelStream:
        return self.streams.setdefault(name, ModelStream())

    def append(self, name: str, expected: Expected, ids: Sequence[str]) -> Refusal | None:
        """Append, or find that it was done before, or say why not."""
        stream = self.stream(name)
        verdict = self._judge(stream, expected, ids)
        if verdict is not None:
            return None if verdict == "repeat" else Refusal(verdict)
        if stream.softly_deleted:
            stream.softly_deleted = False
            stream.truncate_before = len(stream.ids)
        self.committed.extend((name, revision, event_id) for revision, event_id in enumerate(ids, len(stream.ids)))
        stream.ids.extend(ids)
        return None

    def delete(self, name: str, expected: Expected) -> Refusal | None:
        """Delete softly, or say why not."""
        stream = self.stream(name)
        if stream.tombstoned or (expected == EXISTS and stream.softly_deleted):
            return Refusal.DELETED
        if stream.last < 0 and not stream.has_metadata:
            return Refusal.NOT_FOUND
        if not self._fits(stream, expected):
            return Refusal.WRONG_VERSION if stream.last >= 0 else Refusal.NOT_FOUND
        stream.softly_deleted, stream.has_metadata, stream.max_count = True, True, None
        return None

    def tombstone(self, name: str, expected: Expected) -> Refusal | None:
        """End a stream for good, or say why not."""
        stream = self.stream(name)
        if stream.tombstoned or (expected == EXISTS and stream.softly_deleted):
            return Refusal.DELETED
        if not self._fits(stream, expected):
            return Refusal.WRONG_VERSION if stream.last >= 0 else Refusal.NOT_FOUND
        stream.tombstoned = True
        return None

    def set_metadata(self, name: str, max_count: int | None, truncate_before: int) -> None:
        """Replace a stream's metadata; a softly deleted stream comes back by it."""
        stream = self.stream(name)
        stream.has_metadata = True
        stream.max_count = max_count
        stream.truncate_before = len(stream.ids) if stream.softly_deleted else truncate_before
        stream.softly_deleted = False

    def _judge(self, stream: ModelStream, expected: Expected, ids: Sequence[str]) -> str | None:
        if stream.tombstoned or (expected == EXISTS and stream.softly_deleted):
            return "deleted"
        if expected == EXISTS and not stream.ids and not stream.has_metadata:
            return "wrong version"
        if expected in (ANY, EXISTS):
            known = [event_id in stream.ids for event_id in ids]
            if not known[0]:
                return None
            return "repeat" if all(known) else "wrong version"
        place = -1 if expected == NO_STREAM else int(expected)
        if place >= stream.last:
            return None if place == stream.last else "wrong version"
        there = stream.ids[place + 1 : place + 1 + len(ids)]
        if there == list(ids):
            return "repeat"
        reborn = stream.softly_deleted and expected == NO_STREAM and there[0] != ids[0]
        return None if reborn else "wrong version"

    def _fits(self, stream: ModelStream, expected: Expected) -> bool:
        if expected == ANY:
            return True
        if expected == EXISTS:
            return stream.last >= 0 or stream.has_metadata
        return (-1 if expected == NO_STREAM else expected) == stream.last
