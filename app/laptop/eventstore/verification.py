"""Checks a database from outside: is the file sound, and does what it holds agree with itself?"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import names
from .errors import CorruptFile, StartError
from .events import END_OF_STREAM
from .storage import schema
from .storage.projections import ProjectionTable
from .system_projections import SystemProjection

_FAULTS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What was found."""

    file: Path
    events: int
    streams: int
    faults: tuple[str, ...]
    """Sentences; empty when all is well. At most some of each kind."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


async def verify(data: Path) -> Report:
    """Check the database in a folder; a server may be running on it."""
    return await asyncio.to_thread(verify_file, data / schema.FILE_NAME)


def verify_file(file: Path) -> Report:
    """Check a database file, in this thread; takes seconds per million events."""
    if not file.is_file():
        return Report(file, 0, 0, (f"There is no event store at {file}.",))
    try:
        with closing(schema.connect(file, writable=False)) as connection:
            schema.check_mark(connection, file)
            return _examine(connection, file)
    except StartError as error:
        return Report(file, 0, 0, (str(error),))
    except sqlite3.DatabaseError as error:
        return Report(file, 0, 0, (str(CorruptFile(file, str(error))),))


def _examine(connection: sqlite3.Connection, file: Path) -> Report:
    broken = [text for (text,) in connection.execute(f"PRAGMA integrity_check({_FAULTS_SHOWN})") if text != "ok"]
    if broken:
        return Report(file, 0, 0, tuple(broken))
    # One transaction for all that follows: while a server is writing, two questions would see two states.
    connection.execute("BEGIN")
    (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
    (streams,) = connection.execute("SELECT count(*) FROM streams").fetchone()
    checks: tuple[Callable[[sqlite3.Connection], Iterator[str]], ...] = (
        _revisions,
        _targets,
        _doubles,
        _categories,
    )
    faults = [fault for check in checks for fault in _some(check(connection))]
    return Report(file, events, streams, tuple(faults))


def _revisions(connection: sqlite3.Connection) -> Iterator[str]:
    """Every stream counts 0, 1, 2 … without a gap."""
    rows = connection.execute(
        "SELECT s.name, count(*), max(e.revision) FROM events AS e LEFT JOIN streams AS s ON s.number = e.stream"
        " WHERE e.revision < ? GROUP BY e.stream HAVING count(*) != max(e.revision) + 1 OR s.name IS NULL",
        (END_OF_STREAM,),
    )
    for name, count, last in rows:
        yield f"Stream {name!r} has {count} events, but its last revision is {last}."


def _targets(connection: sqlite3.Connection) -> Iterator[str]:
    """Every entry of a projection stands for an event that was written before it."""
    rows = connection.execute(
        "SELECT l.position FROM events AS l LEFT JOIN events AS t ON t.position = l.target"
        " WHERE l.target IS NOT NULL AND (t.position IS NULL OR t.position >= l.position)"
    )
    for (position,) in rows:
        yield f"The link at position {position} points at no earlier event."


def _doubles(connection: sqlite3.Connection) -> Iterator[str]:
    """No event of a stream is linked into a category twice."""
    rows = connection.execute(
        "SELECT s.name, l.target FROM events AS l JOIN streams AS s ON s.number = l.stream"
        " JOIN events AS t ON t.position = l.target"
        " WHERE l.projection = ? AND t.type != ? GROUP BY l.stream, l.target HAVING count(*) > 1",
        (SystemProjection.BY_CATEGORY.value, names.LINK_TYPE),
    )
    for name, target in rows:
        yield f"The event at position {target} stands in {name!r} more than once."


def _categories(connection: sqlite3.Connection) -> Iterator[str]:
    """Every event the category projection has seen stands in its category."""
    progress = ProjectionTable(connection)[SystemProjection.BY_CATEGORY]
    seen = END_OF_STREAM if progress.position is None else progress.position
    linked = connection.execute(
        "SELECT target FROM events WHERE projection = ? ORDER BY target", (SystemProjection.BY_CATEGORY.value,)
    )
    targets = {target for (target,) in linked}
    rows = connection.execute(
        "SELECT e.position, s.name, e.is_json, e.data FROM events AS e JOIN streams AS s ON s.number = e.stream"
        " WHERE e.target IS NULL AND e.position <= ? AND e.type NOT IN (?, ?) AND s.name NOT LIKE '$%'"
        " AND instr(s.name, '-') > 1",
        (seen, names.LINK_TYPE, names.TOMBSTONE_TYPE),
    )
    for position, name, is_json, data in rows:
        if position not in targets and (not is_json or _is_json(data)):
            yield f"The event at position {position} of stream {name!r} is missing from its category."


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _some(faults: Iterator[str]) -> Iterator[str]:
    for number, fault in enumerate(faults):
        if number == _FAULTS_SHOWN:
            yield "… and more of this kind."
            return
        yield fault
