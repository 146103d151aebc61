"""What is to run, and how it is told that it runs."""

import re
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from app.laptop.supervisor.output import Output
from app.laptop.supervisor.start import Command, Start, executed

Ready = Callable[[Output], Awaitable[None]]
"""Returns once the process serves. It may look outside or listen to the output; it need not watch time or exit."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. `environment` is all of its environment."""

    name: str
    command: Command
    environment: Mapping[str, str]
    ready: Ready
    start_timeout: float = 30.0
    stop_timeout: float = 2.5
    start: Start = executed
    chatter: re.Pattern[str] | None = None
    """Lines not worth showing; should the start fail, they are shown with the last lines all the same."""

    def is_chatter(self, line: str) -> bool:
        """Whether the line is not worth showing."""
        return self.chatter is not None and self.chatter.search(line) is not None


@dataclass(frozen=True, slots=True)
class Ending:
    """How one run of a child ended."""

    status: int
    """As `subprocess` has it: negative is the number of the signal that killed it."""
    ready_for: float | None
    """Seconds it served; None if it never did."""
    late: bool
    """It was stopped because it was not ready in time."""
    last_lines: Sequence[str]

    def __str__(self) -> str:
        if self.late:
            return "was not ready in time"
        if self.status < 0:
            return f"was killed by {signal.Signals(-self.status).name}"
        return f"ended with exit status {self.status}"


class ChildFailed(Exception):
    """A child could not be started at all; the message has its name, how it ended and its last lines."""

    def __init__(self, child: Child, ending: Ending) -> None:
        said = "".join(f"\n    {line}" for line in ending.last_lines)
        words = f"Its last lines:{said}" if said else "It said nothing."
        limit = f" ({child.start_timeout:g} s)" if ending.late else ""
        super().__init__(f"{child.name} did not start: it {ending}{limit}. {words}")
