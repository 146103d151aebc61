"""Events to write, and what of an event the tests compare."""

from collections.abc import AsyncIterable, Iterable
from typing import TypeVar

from esdbclient import NewEvent, RecordedEvent

Item = TypeVar("Item")


def new_events(count: int, event_type: str = "Happened") -> list[NewEvent]:
    """Return events that differ in their data and ids."""
    return [NewEvent(event_type, b'{"n":%d}' % number) for number in range(count)]


def ids(events: Iterable[NewEvent] | Iterable[RecordedEvent]) -> list[str]:
    """Return the ids, by which the tests tell events apart."""
    return [str(event.id) for event in events]


async def take(items: AsyncIterable[Item], count: int) -> list[Item]:
    """Return the next ``count`` of what comes."""
    taken: list[Item] = []
    async for item in items:
        taken.append(item)
        if len(taken) == count:
            break
    return taken
