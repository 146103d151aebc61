"""One terminal for many processes: whole lines, each with the name of who said it."""

import itertools
import os
from collections.abc import Iterable
from typing import TextIO

_COLOURS = (36, 33, 32, 35, 34, 31)
_PLAIN = "\x1b[0m"


class Console:
    """Writes lines under aligned names; coloured if told so, which only a terminal can show."""

    def __init__(self, stream: TextIO, names: Iterable[str], *, colour: bool) -> None:
        self._stream = stream
        self._silent = False
        names = list(names)
        width = max((len(name) for name in names), default=0)
        colours = zip(names, itertools.cycle(_COLOURS), strict=False)
        self._prefixes = {
            name: f"\x1b[{number}m{name:<{width}} |{_PLAIN} " if colour else f"{name:<{width}} | "
            for name, number in colours
        }
        # A line that leaves a colour on must not colour the next one's.
        self._line_end = f"{_PLAIN}\n" if colour else "\n"

    def line(self, name: str, text: str) -> None:
        """A line that `name` said."""
        self.write(f"{self._prefixes.get(name, f'{name} | ')}{text}{self._line_end}")

    def write(self, text: str) -> None:
        """Text as it is. A reader that has gone (a closed terminal, `| head`) is no reason to stop working."""
        if self._silent:
            return
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "replace").decode(encoding))
            self._stream.flush()
        except OSError:
            self._fall_silent()

    def _fall_silent(self) -> None:
        self._silent = True
        # What is still buffered would otherwise fail once more, and loudly, when the interpreter ends.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self._stream.fileno())
        os.close(nothing)
