"""Lists in Redis, newest first, page by page: sorted sets of ids by a time in Unix milliseconds."""

import base64
import binascii
from typing import cast

from redis.asyncio import Redis

_CHUNK = 100

Place = tuple[int, str]


class InvalidCursor(Exception):
    """A cursor that did not come from here."""


async def entries_after(redis: Redis, key: str, position: Place | None) -> list[Place]:
    """The next entries of the list after `position`: by time, then by id, both descending. Raises `RedisError`."""
    newest = "+inf" if position is None else position[0]
    skipped = 0
    while True:
        rows = await redis.zrange(
            key, newest, "-inf", desc=True, byscore=True, withscores=True, offset=skipped, num=_CHUNK
        )
        scored = cast("list[tuple[bytes, float]]", rows)
        entries = [(int(score), member.decode()) for member, score in scored]
        later = [entry for entry in entries if position is None or entry < position]
        if later or len(rows) < _CHUNK:
            return later
        skipped += len(rows)


def cursor_at(milliseconds: int, entry_id: str) -> str:
    """The opaque cursor after which the entry's successors in the list stand."""
    return base64.urlsafe_b64encode(f"{milliseconds}:{entry_id}".encode()).decode().rstrip("=")


def place_in(cursor: str) -> Place:
    """The place that a cursor stands for; raises `InvalidCursor`."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        milliseconds, entry_id = base64.urlsafe_b64decode(padded).decode().split(":")
        return int(milliseconds), entry_id
    except (ValueError, binascii.Error):
        raise InvalidCursor("not a cursor this server gave out") from None
