"""Filters on ``$all``: by the stream's name or the event's type, by prefix or by pattern."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from .errors import InvalidArgument


class Matcher(Protocol):
    """Tells whether a name is wanted."""

    def __call__(self, name: str, /) -> object:
        """Return something true if it is."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events of ``$all`` a reader wants."""

    on: Literal["stream", "type"]
    matches: Matcher

    def wants(self, stream: str, event_type: str) -> bool:
        """Tell whether an event of this stream and type is wanted."""
        return bool(self.matches(stream if self.on == "stream" else event_type))


def make_filter(on: Literal["stream", "type"], pattern: str, prefixes: Sequence[str]) -> EventFilter:
    """Make a filter; a pattern wins over prefixes. Raises InvalidArgument for a pattern that does not compile.

    The pattern is searched for in the name, not matched against the whole of it, as the real server does.
    """
    if not pattern:
        wanted = tuple(prefixes)
        return EventFilter(on, lambda name: name.startswith(wanted))
    try:
        return EventFilter(on, re.compile(pattern).search)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidArgument(f"The filter's pattern {pattern!r} is not valid: {error}.") from error
