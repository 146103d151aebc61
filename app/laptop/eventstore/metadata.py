"""What a stream's metadata says about which of its events are visible."""

import json
from dataclasses import dataclass
from typing import Final

from .events import END_OF_STREAM

DELETED: Final = b'{"$tb":9223372036854775807}'
"""The metadata that deletes a stream softly, to the byte as the real server writes it."""

EMITTED: Final = b'{"$acl":{"$r":"$all","$mr":"$all"}}'
"""The metadata of a stream that a system projection writes: everybody may read it."""


@dataclass(frozen=True, slots=True)
class Retention:
    """The part of a stream's metadata that hides events."""

    truncate_before: int = 0
    """The first revision that is visible."""
    max_count: int | None = None
    max_age: int | None = None
    """Seconds."""


def parse(data: bytes) -> dict[str, object]:
    """Return the metadata as a dictionary; broken metadata counts as none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def retention(data: bytes) -> Retention:
    """Read the retention out of metadata; a value that is not a positive number counts as absent."""
    value = parse(data)
    return Retention(
        truncate_before=_positive(value.get("$tb")) or 0,
        max_count=_positive(value.get("$maxCount")),
        max_age=_positive(value.get("$maxAge")),
    )


def undeleted(data: bytes, first_visible: int) -> bytes:
    """Return the metadata of a stream that comes back after a soft delete: as it was, but with ``$tb``."""
    return json.dumps(parse(data) | {"$tb": first_visible}, separators=(",", ":"), ensure_ascii=False).encode()


def _positive(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= END_OF_STREAM:
        return None
    return value
