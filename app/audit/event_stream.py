"""Reading an event stream as a browser does (HTML Living Standard, "Server-sent events")."""

import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from app.audit.model import NotMet

_BLOCK_END = re.compile(rb"(?:\r\n|\r(?!\n)|\n){2}")
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One block of the stream, told apart from a comment by `is_comment`."""

    name: str
    data: str | None
    """None when the block has no `data:`, in which case a browser dispatches nothing."""
    id: str | None
    is_comment: bool
    at: float
    """When the piece that completed it came in, in seconds of a clock that only goes forward."""

    def result(self) -> Any:
        """The JSON in its data."""
        try:
            return json.loads(self.data or "")
        except ValueError:
            raise NotMet(f"an event {self.name} whose data is not JSON") from None


async def read_events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Event, None]:
    """The events and comments of a body as they come; raises `NotMet` when it is not UTF-8."""
    waiting = b""
    async for chunk in chunks:
        *blocks, waiting = _BLOCK_END.split(waiting + chunk)
        at = time.monotonic()
        for block in blocks:
            yield _event(_LINE_END.split(_decoded(block)), at)
    if waiting.strip():
        raise NotMet("the stream ends in the middle of an event")


def _decoded(block: bytes) -> str:
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError:
        raise NotMet("the stream is not UTF-8") from None


def _event(lines: Iterable[str], at: float) -> Event:
    name, identity, data, comments = "message", None, [], 0
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "":
                comments += 1
            case "event":
                name = value
            case "data":
                data.append(value)
            case "id":
                identity = value
    only_comments = comments > 0 and not data and identity is None and name == "message"
    return Event(name, "\n".join(data) if data else None, identity, only_comments, at)
