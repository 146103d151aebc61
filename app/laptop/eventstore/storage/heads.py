"""Where each stream stands, remembered by the writer so that a hot stream costs no query."""

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from app.laptop.eventstore.events import END_OF_STREAM
from app.laptop.eventstore.metadata import Retention

_NAMES_PER_QUERY: Final = 500

_SELECT: Final = (
    "SELECT name, number, (SELECT max(revision) FROM events WHERE stream = s.number AND revision < ?),"
    " truncate_before, max_count, max_age, tombstone FROM streams AS s WHERE name IN ({})"
)


@dataclass(slots=True)
class Head:
    """Where one stream stands, with what the transaction at hand has added."""

    name: str
    number: int | None = None
    """None while the stream has no row."""
    last_revision: int = -1
    truncate_before: int = 0
    max_count: int | None = None
    max_age: int | None = None
    tombstone: int | None = None
    """Position of the tombstone."""

    @property
    def softly_deleted(self) -> bool:
        """Whether every event the stream has or had is hidden."""
        return self.truncate_before == END_OF_STREAM

    def retain(self, retention: Retention) -> None:
        """Take over what new metadata says."""
        self.truncate_before = retention.truncate_before
        self.max_count = retention.max_count
        self.max_age = retention.max_age


class Heads:
    """A bounded memory of heads. Only the writer's thread uses it; between transactions it agrees with the file."""

    def __init__(self, connection: sqlite3.Connection, limit: int = 20_000) -> None:
        self._connection = connection
        self._limit = limit
        self._known: dict[str, Head] = {}

    def get(self, name: str) -> Head:
        """Return the head of a stream, from the file if it is not remembered."""
        head = self._known.get(name)
        if head is None:
            self.load([name])
            head = self._known[name]
        return head

    def load(self, names: Iterable[str]) -> None:
        """Remember the heads of these streams, with as few queries as there can be."""
        missing = [name for name in dict.fromkeys(names) if name not in self._known]
        for start in range(0, len(missing), _NAMES_PER_QUERY):
            self._query(missing[start : start + _NAMES_PER_QUERY])

    def forget(self) -> None:
        """Forget everything: the transaction that changed the heads was rolled back."""
        self._known.clear()

    def trim(self) -> None:
        """Forget what has been remembered longest. Not inside a transaction: heads hold what is not yet written."""
        surplus = len(self._known) - self._limit
        if surplus > 0:
            for name in list(self._known)[: surplus + self._limit // 4]:
                del self._known[name]

    def _query(self, names: Collection[str]) -> None:
        for name in names:
            self._known[name] = Head(name)
        marks = ",".join("?" * len(names))
        for row in self._connection.execute(_SELECT.format(marks), (END_OF_STREAM, *names)):
            name, number, last_revision, *rest = row
            self._known[name] = Head(name, number, -1 if last_revision is None else last_revision, *rest)
