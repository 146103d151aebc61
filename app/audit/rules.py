"""The rules of a protocol, registered by the functions that check them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from app.audit.model import Level, Protocol
from app.audit.target import Target

Check = Callable[[Target], Awaitable[str]]
"""Returns what was seen; raises `NotMet`, `NotOffered` or `NotExamined`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence of a protocol, and how to find out whether a server keeps it."""

    protocol: Protocol
    id: str
    level: Level
    title: str
    check: Check


@dataclass(frozen=True, slots=True)
class Suite:
    """All rules of one protocol, in the order in which they are registered."""

    protocol: Protocol
    prefix: str
    rules: list[Rule] = field(default_factory=list)

    def must(self, name: str, title: str) -> Callable[[Check], Check]:
        """Register a check of what a server has to do."""
        return self.rule(Level.MUST, name, title)

    def should(self, name: str, title: str) -> Callable[[Check], Check]:
        """Register a check of what a server had better do."""
        return self.rule(Level.SHOULD, name, title)

    def may(self, name: str, title: str) -> Callable[[Check], Check]:
        """Register a check of what a server can do."""
        return self.rule(Level.MAY, name, title)

    def rule(self, level: Level, name: str, title: str) -> Callable[[Check], Check]:
        """Register a check under the id `prefix-name`."""

        def register(check: Check) -> Check:
            self.rules.append(Rule(self.protocol, f"{self.prefix}-{name}", level, title, check))
            return check

        return register
