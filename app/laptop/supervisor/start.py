"""How a process comes to be: by its command, unless somebody knows a shorter way."""

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from app.laptop import lifeline

Command: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Descriptors:
    """The descriptors that a process begins with; its input is empty."""

    output: int
    errors: int
    lifeline: int
    kept: tuple[int, ...] = ()
    """Further ones to keep open, such as a lock that must not be free while the process lives."""


class Running(Protocol):
    """A process that has been started, as `subprocess.Popen` has it; the leader of a session of its own."""

    pid: int
    returncode: int | None
    """Negative is the number of a signal; None until somebody has waited for it."""

    def wait(self) -> int:
        """Blocks until it has ended; its return code."""

    def terminate(self) -> None:
        """SIGTERM, unless it has ended."""


Start: TypeAlias = Callable[[Command, Mapping[str, str], Descriptors], Running]
"""Starts a command with all of its environment and its descriptors, of which it keeps copies."""


def executed(command: Command, environment: Mapping[str, str], descriptors: Descriptors) -> Running:
    """Start a command as the system does. Raises `OSError` when there is no such program."""
    return subprocess.Popen(  # noqa: S603 - the commands are written by this program
        command,
        env={**environment, lifeline.VARIABLE: str(descriptors.lifeline)},
        stdin=subprocess.DEVNULL,
        stdout=descriptors.output,
        stderr=descriptors.errors,
        pass_fds=(descriptors.lifeline, *descriptors.kept),
        start_new_session=True,
    )
