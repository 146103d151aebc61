"""The sandbox's memory in SQLite: charges, money movements, the answer each idempotency key got, and the papers of the
other simulated providers.

Everything here runs inside one transaction that `app.laptop.sandbox.ledger` begins and commits.
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from app.laptop.sandbox.answers import Answer
from app.laptop.sandbox.charges import Charge

OperationName = Literal["authorize", "capture", "void", "refund"]

_CHARGE = TypeAdapter(Charge)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS charges (id TEXT PRIMARY KEY, reference TEXT NOT NULL, document BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS charges_by_reference ON charges (reference);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, operation TEXT NOT NULL, fingerprint TEXT NOT NULL, charge TEXT,
    status INTEGER NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS tries (key TEXT PRIMARY KEY, made INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS movements (
    position INTEGER PRIMARY KEY, operation TEXT NOT NULL, charge TEXT NOT NULL, reference TEXT NOT NULL,
    amount INTEGER NOT NULL, currency TEXT NOT NULL, key TEXT NOT NULL, at TEXT NOT NULL,
    provider TEXT NOT NULL DEFAULT 'sandbox'
) STRICT;
CREATE INDEX IF NOT EXISTS movements_by_reference ON movements (reference);
CREATE TABLE IF NOT EXISTS papers (
    provider TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (provider, kind, id)
) STRICT;
"""
_ALL_MOVEMENTS = """
SELECT operation, charge, reference, amount, currency, key, at, provider FROM movements ORDER BY position
"""
_MOVEMENTS_OF = """
SELECT operation, charge, reference, amount, currency, key, at, provider FROM movements WHERE reference = ?
ORDER BY position
"""


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that was held, taken, released or given back; `at` is ISO 8601 in UTC."""

    operation: str
    charge: str
    reference: str
    amount: int
    currency: str
    key: str
    at: str
    provider: str = "sandbox"


@dataclass(frozen=True, slots=True)
class Remembered:
    """The first answer an idempotency key got, and a digest of the request it was the answer to."""

    operation: str
    fingerprint: str
    answer: Answer


def connect(path: Path) -> sqlite3.Connection:
    """Open the ledger, made if need be. A committed transaction survives SIGKILL and a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Used from one thread at a time, which is not always the one that opened it.
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(_SCHEMA)
    columns = {row[1] for row in connection.execute("PRAGMA table_info(movements)")}
    if "provider" not in columns:  # a folder of an earlier version
        connection.execute("ALTER TABLE movements ADD COLUMN provider TEXT NOT NULL DEFAULT 'sandbox'")
    return connection


class Books:
    """Typed reading and writing of the tables."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], datetime]) -> None:
        self._connection = connection
        self._clock = clock

    def now(self) -> datetime:
        """The sandbox's time, aware and in UTC."""
        return self._clock()

    def charge(self, charge_id: str) -> Charge | None:
        """The charge with this id."""
        row = self._connection.execute("SELECT document FROM charges WHERE id = ?", (charge_id,)).fetchone()
        return _CHARGE.validate_json(row[0]) if row else None

    def charges_of(self, reference: str) -> list[Charge]:
        """Every charge made with the caller's reference, oldest first."""
        rows = self._connection.execute("SELECT document FROM charges WHERE reference = ? ORDER BY rowid", (reference,))
        return [_CHARGE.validate_json(document) for (document,) in rows]

    def save(self, charge: Charge) -> None:
        """Write a new or changed charge."""
        self._connection.execute(
            "INSERT INTO charges VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET document = excluded.document",
            (charge.id, charge.reference, _CHARGE.dump_json(charge)),
        )

    def remembered(self, key: str) -> Remembered | None:
        """What the idempotency key was answered first."""
        row = self._connection.execute(
            "SELECT operation, fingerprint, status, body, charge FROM answers WHERE key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        operation, fingerprint, status, body, charge = row
        return Remembered(operation, fingerprint, Answer.restored(status, body, charge))

    def remember(self, key: str, operation: OperationName, fingerprint: str, answer: Answer) -> None:
        """Keep the first answer of an idempotency key."""
        self._connection.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (key, operation, fingerprint, answer.charge, answer.status, answer.body_text()),
        )

    def count_try(self, key: str) -> int:
        """How often the key has been tried, this time included."""
        row = self._connection.execute(
            "INSERT INTO tries VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET made = made + 1 RETURNING made", (key,)
        ).fetchone()
        return int(row[0])

    def move(self, operation: OperationName, charge: Charge, amount: int, key: str) -> None:
        """Write down that the card provider moved money."""
        at = self.now().isoformat()
        self.record(Movement(operation, charge.id, charge.reference, amount, charge.currency, key, at))

    def record(self, movement: Movement) -> None:
        """Write down that money moved; `reference` is the caller's id of the payment, not the provider's."""
        self._connection.execute(
            "INSERT INTO movements (operation, charge, reference, amount, currency, key, at, provider)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            astuple(movement),
        )

    def movements_between(self, begin: datetime, end: datetime, after: int, at_most: int) -> list[dict[str, Any]]:
        """The card provider's movements from `begin` until before `end`, those behind the position `after`.

        `id` is that of the refund, or else of the charge.
        """
        rows = self._connection.execute(
            "SELECT position, m.operation, coalesce(json_extract(a.body, '$.id'), m.charge), reference, amount,"
            " currency, at FROM movements m LEFT JOIN answers a ON a.key = m.key AND m.operation = 'refund'"
            " WHERE provider = 'sandbox' AND at >= ? AND at < ? AND position > ? ORDER BY position LIMIT ?",
            (begin.astimezone(UTC).isoformat(), end.astimezone(UTC).isoformat(), after, at_most),
        )
        names = ("position", "operation", "id", "reference", "amount", "currency", "at")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def paper(self, provider: str, kind: str, paper_id: str) -> dict[str, Any] | None:
        """A simulated provider's document of one kind, by its id."""
        row = self._connection.execute(
            "SELECT content FROM papers WHERE provider = ? AND kind = ? AND id = ?", (provider, kind, paper_id)
        ).fetchone()
        return json.loads(row[0]) if row else None

    def papers(self, provider: str, kind: str, mentioning: object = "") -> list[dict[str, Any]]:
        """All documents of one kind, oldest first; with a number or code as `mentioning`, those that have it."""
        rows = self._connection.execute(
            "SELECT content FROM papers WHERE provider = ?1 AND kind = ?2 AND (?3 = '' OR instr(content, ?3))"
            " ORDER BY rowid",
            (provider, kind, str(mentioning)),
        )
        return [json.loads(content) for (content,) in rows]

    def count(self, provider: str, kind: str) -> int:
        """How many documents of one kind there are."""
        row = self._connection.execute(
            "SELECT count(*) FROM papers WHERE provider = ? AND kind = ?", (provider, kind)
        ).fetchone()
        return int(row[0])

    def file(self, provider: str, kind: str, paper_id: str, content: Mapping[str, Any]) -> None:
        """Keep a document, in place of the one with the same id."""
        self._connection.execute(
            "INSERT INTO papers VALUES (?, ?, ?, ?)"
            " ON CONFLICT (provider, kind, id) DO UPDATE SET content = excluded.content",
            (provider, kind, paper_id, json.dumps(content)),
        )

    def movements(self, reference: str | None = None) -> list[dict[str, str | int]]:
        """All money movements, or those of one reference, oldest first."""
        if reference is None:
            rows = self._connection.execute(_ALL_MOVEMENTS)
        else:
            rows = self._connection.execute(_MOVEMENTS_OF, (reference,))
        return [asdict(Movement(*row)) for row in rows]
