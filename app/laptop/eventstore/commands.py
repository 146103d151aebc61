"""What can be done to streams. Each command is decided inside the writer's transaction, one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import uuid4

from . import metadata, names
from .errors import StreamDeleted, WrongExpectedVersion
from .events import ANY, STREAM_EXISTS, Appended, NewEvent
from .expectation import Standing, Verdict, judge
from .storage.heads import Head
from .storage.transaction import Transaction

Outcome_co = TypeVar("Outcome_co", covariant=True)


class Command(Protocol[Outcome_co]):
    """Something to be done to the store, whole or not at all."""

    @property
    def size(self) -> int:
        """Bytes of memory it holds while it waits."""

    def streams(self) -> Iterator[str]:
        """Yield the streams it is likely to ask for."""

    def run(self, transaction: Transaction) -> Outcome_co:
        """Do it. It must raise before its first change or not at all."""


@dataclass(frozen=True, slots=True)
class Append:
    """Write events to the end of a stream, if it stands where the writer expects it to."""

    stream: str
    expected: int
    events: Sequence[NewEvent]

    @property
    def size(self) -> int:
        """Bytes of memory it holds while it waits."""
        return sum(event.size for event in self.events)

    def streams(self) -> Iterator[str]:
        """Yield the stream and the category's, which are looked up together."""
        yield self.stream
        category = names.category(self.stream)
        if category is not None:
            yield f"$ce-{category}"

    def run(self, transaction: Transaction) -> Appended:
        """Write, or answer a repeat. Raises WrongExpectedVersion or StreamDeleted."""
        head = transaction.head(self.stream)
        if head.tombstone is not None:
            raise StreamDeleted(self.stream)
        has_metadata = self.expected == STREAM_EXISTS and transaction.has_metadata(self.stream)
        standing = Standing(head.last_revision, head.softly_deleted, has_metadata)
        ids = [event.id for event in self.events]
        verdict = judge(self.expected, ids, standing, _Written(transaction, head))
        if isinstance(verdict, Appended):
            return verdict
        if verdict is Verdict.DELETED:
            raise StreamDeleted(self.stream)
        if verdict is Verdict.WRONG_VERSION:
            raise WrongExpectedVersion(self.stream, self.expected, head.last_revision)
        return self._write(transaction, head)

    def _write(self, transaction: Transaction, head: Head) -> Appended:
        if not self.events:
            return Appended(head.last_revision, transaction.last_position)
        if head.softly_deleted:
            _undelete(transaction, self.stream, transaction.metadata(self.stream))
        place = transaction.add(head, self.events)
        if names.is_metadata_stream(self.stream):
            _apply_metadata(transaction, names.described_stream(self.stream), self.events[-1])
        return place


@dataclass(frozen=True, slots=True)
class Delete:
    """Hide all events of a stream; it may be written to again."""

    stream: str
    expected: int

    @property
    def size(self) -> int:
        """Bytes of memory it holds while it waits."""
        return len(self.stream)

    def streams(self) -> Iterator[str]:
        """Yield the stream and its metadata."""
        yield self.stream
        yield names.metadata_stream(self.stream)

    def run(self, transaction: Transaction) -> Appended:
        """Delete softly. Raises WrongExpectedVersion, also for a stream that never was, or StreamDeleted."""
        head = _expect(transaction, self.stream, self.expected)
        if head.last_revision < 0 and not transaction.has_metadata(self.stream):
            raise WrongExpectedVersion(self.stream, self.expected, head.last_revision)
        place = _write_metadata(transaction, self.stream, metadata.DELETED)
        transaction.change_retention(self.stream, metadata.DELETED)
        return place


@dataclass(frozen=True, slots=True)
class Tombstone:
    """End a stream for good, and blank the data and metadata of its events in the file."""

    stream: str
    expected: int

    @property
    def size(self) -> int:
        """Bytes of memory it holds while it waits."""
        return len(self.stream)

    def streams(self) -> Iterator[str]:
        """Yield the stream."""
        yield self.stream

    def run(self, transaction: Transaction) -> Appended:
        """Write the tombstone. Raises WrongExpectedVersion or StreamDeleted."""
        return transaction.add_tombstone(_expect(transaction, self.stream, self.expected))


class _Written:
    """The stored events of one stream, as the judgement of an expectation asks for them."""

    def __init__(self, transaction: Transaction, head: Head) -> None:
        self._transaction = transaction
        self._head = head

    def by_id(self, event_id: bytes) -> Appended | None:
        return self._transaction.find_id(self._head, event_id)

    def by_revision(self, first: int, count: int) -> Sequence[tuple[bytes, Appended]]:
        return self._transaction.read_ids(self._head, first, count)


def _expect(transaction: Transaction, stream: str, expected: int) -> Head:
    head = transaction.head(stream)
    if head.tombstone is not None or (expected == STREAM_EXISTS and head.softly_deleted):
        raise StreamDeleted(stream)
    if expected == STREAM_EXISTS:
        fits = head.last_revision >= 0 or transaction.has_metadata(stream)
    else:
        fits = expected in (ANY, head.last_revision)
    if not fits:
        raise WrongExpectedVersion(stream, expected, head.last_revision)
    return head


def _apply_metadata(transaction: Transaction, described: str, event: NewEvent) -> None:
    """Let metadata take effect; for a softly deleted stream it also brings the stream back."""
    if transaction.head(described).softly_deleted:
        _undelete(transaction, described, event.data)
    else:
        transaction.change_retention(described, event.data if event.is_json else b"")


def _undelete(transaction: Transaction, stream: str, latest: bytes) -> None:
    data = metadata.undeleted(latest, transaction.head(stream).last_revision + 1)
    _write_metadata(transaction, stream, data)
    transaction.change_retention(stream, data)


def _write_metadata(transaction: Transaction, stream: str, data: bytes) -> Appended:
    event = NewEvent(uuid4().bytes, names.METADATA_TYPE, data, is_json=True)
    return transaction.add(transaction.head(names.metadata_stream(stream)), [event])
