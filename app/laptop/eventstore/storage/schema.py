"""The tables, and how a connection to them is opened."""

import os
import sqlite3
from pathlib import Path
from typing import Final, Literal

from app.laptop.eventstore.errors import CorruptFile, FolderUnusable

Durability = Literal["full", "relaxed"]
"""``full``: an acknowledged append survives a power cut. ``relaxed``: it survives the end of the process, however
that comes, but a power cut may take the last ones; the file stays sound."""

Keeping = Durability | Literal["nothing"]
"""``nothing``: the file is not meant to be opened again."""

_SYNCHRONOUS: Final[dict[Keeping, str]] = {"full": "FULL", "relaxed": "NORMAL", "nothing": "OFF"}

FILE_NAME: Final = "events.sqlite3"

_APPLICATION_ID: Final = 0x70674553
_FORMAT: Final = 1

_PAGES_BETWEEN_CHECKPOINTS: Final = 4_000
_CACHE_KIB: Final = 32_768

# A link that a system projection writes keeps only the position of its target: its id, type, data and metadata
# follow from that (``rows``). That makes links a fraction of the size, and keeps them out of the index of ids.
_TABLES: Final = """
CREATE TABLE streams (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    truncate_before INTEGER NOT NULL DEFAULT 0,
    max_count INTEGER,
    max_age INTEGER,
    tombstone INTEGER
) ;
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL REFERENCES streams (number),
    revision INTEGER NOT NULL,
    created INTEGER NOT NULL,
    target INTEGER REFERENCES events (position),
    projection INTEGER,
    is_json INTEGER NOT NULL,
    id BLOB,
    type TEXT,
    data BLOB,
    metadata BLOB
) ;
CREATE UNIQUE INDEX events_by_revision ON events (stream, revision) ;
CREATE INDEX events_by_id ON events (stream, id) WHERE id IS NOT NULL ;
CREATE TABLE projections (
    number INTEGER PRIMARY KEY,
    running INTEGER NOT NULL,
    position INTEGER
) ;
CREATE TABLE identity (salt BLOB NOT NULL) ;
"""


def connect(file: Path, *, writable: bool, keeping: Keeping = "full") -> sqlite3.Connection:
    """Open a connection for one thread. Raises CorruptFile or FolderUnusable."""
    try:
        connection = sqlite3.connect(file, isolation_level=None, cached_statements=256, check_same_thread=False)
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB if writable else _CACHE_KIB // 4}")
        if writable:
            _prepare_for_writing(connection, file, keeping)
        else:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.DatabaseError as error:
        raise as_start_error(file, error) from error
    return connection


def as_start_error(file: Path, error: sqlite3.DatabaseError) -> CorruptFile | FolderUnusable:
    """Say in the user's terms why the file cannot be opened."""
    if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
        return FolderUnusable(file.parent, str(error))
    return CorruptFile(file, str(error))


def check_mark(connection: sqlite3.Connection, file: Path) -> None:
    """Raise CorruptFile unless the database was made by this server, in a format it reads."""
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if mark != _APPLICATION_ID:
        raise CorruptFile(file, "it is a database of something else")
    if version != _FORMAT:
        raise CorruptFile(file, f"it has format {version}, and this server reads format {_FORMAT}")


def _prepare_for_writing(connection: sqlite3.Connection, file: Path, keeping: Keeping) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables:
        check_mark(connection, file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[keeping]}")
    # What is deleted or written over is gone from the file, and not only from the tables.
    connection.execute("PRAGMA secure_delete = ON")
    # Where fsync does not reach the disk itself (macOS), this makes it; elsewhere it changes nothing.
    connection.execute("PRAGMA fullfsync = ON")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_BETWEEN_CHECKPOINTS}")
    if not tables:
        _create(connection)


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in _TABLES.split(" ;\n"):
        if statement.strip():
            connection.execute(statement)
    connection.execute("INSERT INTO identity (salt) VALUES (?)", (os.urandom(6),))
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_FORMAT}")
    connection.execute("COMMIT")
