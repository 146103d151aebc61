"""Events as they come in, as they are kept, and as they go out."""

from dataclasses import dataclass
from typing import Final, NamedTuple

ANY: Final = -2
NO_STREAM: Final = -1
STREAM_EXISTS: Final = -4
"""The expectations that are no revision, by the numbers the protocol's texts use for them."""

END_OF_STREAM: Final = 2**63 - 1
"""The revision of a tombstone; as ``$tb`` it hides every event a stream has or had."""

MAX_POSITION: Final = 2**63 - 1

TICKS_PER_SECOND: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event someone wants written."""

    id: bytes
    """16 bytes."""
    type: str
    data: bytes
    metadata: bytes = b""
    is_json: bool = False

    @property
    def size(self) -> int:
        """Bytes this event counts against the limits of an append."""
        return len(self.data) + len(self.metadata) + 2 * len(self.type)


class RecordedEvent(NamedTuple):
    """An event as it stands in the log. A named tuple: it is made for every row of every read."""

    position: int
    stream: str
    revision: int
    created: int
    """100-ns ticks since the Unix epoch."""
    id: bytes
    type: str
    data: bytes
    metadata: bytes
    is_json: bool


class ResolvedEvent(NamedTuple):
    """What a reader gets: an event, or a link with the event it points at, or a link that points nowhere."""

    event: RecordedEvent | None
    link: RecordedEvent | None = None

    @property
    def original(self) -> RecordedEvent:
        """The event that was read: the link, if there is one. Its id is what consumers acknowledge."""
        original = self.link or self.event
        if original is None:
            raise ValueError("neither an event nor a link")
        return original

    @property
    def size(self) -> int:
        """Bytes of payload, by which pages are kept small."""
        return sum(len(part.data) + len(part.metadata) for part in self if part is not None)


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a stream stands after an append, or stood after the first time the same append was made."""

    revision: int
    """-1 for an append of nothing to a stream without events."""
    position: int
