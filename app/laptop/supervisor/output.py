"""What a process says: bytes to lines, and who listens for one."""

import asyncio
import codecs
import re
from collections import deque

_LONGEST_LINE = 16 * 1024
_KEPT_LINES = 20


class LineSplitter:
    """Turns bytes as they arrive into lines. A line without an end in sight comes in pieces, so memory has a bound."""

    def __init__(self, longest: int = _LONGEST_LINE) -> None:
        self._longest = longest
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now."""
        *lines, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
        pieces = [piece for line in lines for piece in self._pieces(line.removesuffix("\r"))]
        while len(self._rest) > self._longest:
            pieces.append(self._rest[: self._longest])
            self._rest = self._rest[self._longest :]
        return pieces

    def finish(self) -> list[str]:
        """What came after the last line end."""
        rest, self._rest = self._rest + self._decoder.decode(b"", final=True), ""
        return self._pieces(rest) if rest else []

    def _pieces(self, line: str) -> list[str]:
        return [line[start : start + self._longest] for start in range(0, max(len(line), 1), self._longest)]


class Output:
    """What one run of a process has said so far."""

    def __init__(self) -> None:
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._spoken: deque[str] = deque(maxlen=_KEPT_LINES)
        self._listeners: list[tuple[re.Pattern[str], asyncio.Event]] = []

    def spoke(self, line: str) -> None:
        """A line of standard output."""
        self.last_lines.append(line)
        self._spoken.append(line)
        for pattern, heard in self._listeners:
            if pattern.search(line):
                heard.set()

    def complained(self, line: str) -> None:
        """A line of standard error."""
        self.last_lines.append(line)

    async def says(self, pattern: str) -> None:
        """Returns once a line of standard output matches."""
        sought = re.compile(pattern)
        if any(sought.search(line) for line in self._spoken):
            return
        listener = (sought, asyncio.Event())
        self._listeners.append(listener)
        try:
            await listener[1].wait()
        finally:
            self._listeners.remove(listener)
