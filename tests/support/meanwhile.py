"""Something else happens while a processor writes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.eventstore.port import NewEvent


@dataclass
class Meanwhile:
    """The store; something else happens just before, or just after, the n-th append that comes by."""

    store: Any
    happens: Callable[[], Awaitable[object]]
    at: int
    when: Literal["before", "after"]
    passed: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    @property
    def happened(self) -> bool:
        return self.passed > self.at

    async def append(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        number, self.passed = self.passed, self.passed + 1
        if number == self.at and self.when == "before":
            await self.happens()
        await self.store.append(stream, events, expected=expected)
        if number == self.at and self.when == "after":
            await self.happens()
