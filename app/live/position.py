"""Drop, deliver or fill: what an update means to a watcher who has everything up to a version. Pure."""

from enum import Enum, auto
from typing import Protocol


class Numbered(Protocol):
    """An update with its version, or its place in a feed, and that of the one before it."""

    @property
    def previous(self) -> int | None:
        """None for the first there is."""
        ...

    @property
    def version(self) -> int:
        """What a watcher has when it has this one."""
        ...


class Verdict(Enum):
    """What to do with an update."""

    DROP = auto()
    """The watcher has it."""
    DELIVER = auto()
    """It follows directly on what the watcher has."""
    FILL = auto()
    """Something before it is missing."""


def judge(have: int | None, update: Numbered) -> Verdict:
    """`have` is the watcher's version: None when it has nothing yet and takes the present state as its first value.

    A version is a revision, and revisions of invisible events lie between visible ones, so `have` may be any number
    from `update.previous` to below `update.version`.
    """
    if have is None:
        return Verdict.DELIVER
    if update.version <= have:
        return Verdict.DROP
    before = -1 if update.previous is None else update.previous
    return Verdict.DELIVER if before <= have else Verdict.FILL
