"""Taking a `multipart/mixed` body apart (RFC 2046 §5.1), and noticing where it is not one."""

import json
import re
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Self

from app.audit.model import NotMet

_LINE_END = b"\r\n"
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two delimiters."""

    head: bytes
    content: bytes

    @property
    def headers(self) -> dict[str, str]:
        """By name, in lower case."""
        lines = (line.partition(":") for line in self.head.decode("latin-1").split("\r\n") if line)
        return {name.strip().lower(): value.strip() for name, _, value in lines}

    def json(self) -> Any:
        """What the content says."""
        try:
            return json.loads(self.content)
        except ValueError:
            raise NotMet(f"a part that is not JSON: {self.content[:60]!r}") from None


@dataclass(frozen=True, slots=True)
class Piece:
    """What came in at one time."""

    text: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Body:
    """A body and the pieces in which it came."""

    boundary: str
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, boundary: str, text: bytes) -> Self:
        """A body that came in one piece."""
        return cls(boundary, (Piece(text, 0.0),))

    @property
    def text(self) -> bytes:
        """All of it."""
        return b"".join(piece.text for piece in self.pieces)

    @property
    def opened(self) -> bool:
        """Whether it begins with a delimiter, before which RFC 2046 allows an end of line."""
        return self.text.removeprefix(_LINE_END).startswith(self._delimiter.removeprefix(_LINE_END))

    @property
    def closed(self) -> bool:
        """Whether it ends with the last delimiter."""
        return self.text.rstrip(_LINE_END).endswith(self._delimiter + b"--")

    def parts(self) -> Iterator[Part]:
        """What is delimited on both sides; raises `NotMet` for what has no head."""
        _, *between = (_LINE_END + self.text.removeprefix(_LINE_END)).split(self._delimiter)
        for text in between[:-1]:
            head, blank, content = text.removeprefix(_LINE_END).partition(_LINE_END * 2)
            if not blank or not text.startswith(_LINE_END):
                raise NotMet(f"what stands between two delimiters is no part: {text[:60]!r}")
            yield Part(head, content)

    def delimited_late(self) -> bool:
        """Whether the delimiter after a part came only with the part that follows it."""
        ends = list(accumulate(len(piece.text) for piece in self.pieces))

        def piece_at(position: int) -> int:
            return bisect_right(ends, position)

        delimiters = [(match.start(), match.end()) for match in re.finditer(re.escape(self._delimiter), self.text)]
        return any(piece_at(start - 1) < piece_at(end - 1) == piece_at(end) for start, end in delimiters[:-1] if start)

    @property
    def _delimiter(self) -> bytes:
        return _LINE_END + b"--" + self.boundary.encode()


def boundary_of(content_type: str) -> str:
    """The boundary that a content type names; raises `NotMet`."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise NotMet(f"the content type names no boundary: {content_type}")
    return found[1] or found[2]


async def read_body(content_type: str, texts: AsyncIterator[bytes]) -> Body:
    """The body of an answer."""
    pieces = [Piece(text, time.monotonic()) async for text in texts]
    return Body(boundary_of(content_type), tuple(pieces))
