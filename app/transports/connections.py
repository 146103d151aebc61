"""Every long-lived connection of this process, and how they are ended together.

On a deploy they are not handed back all at once: each gets its own moment within a window, so that the clients, who
resume from their positions, arrive at the other nodes one after the other.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from app.observability.metrics import CONNECTIONS
from app.transports.ends import End
from app.transports.places import Places

_LAST_WORDS_SECONDS = 1.0

Ending = Callable[[End], None]
"""Ends one connection soon; may be called more than once."""


@dataclass
class Connections:
    """`most`: how many may be open at a time; `lifetime_seconds`: how long one lives at most, give or take a fifth."""

    most: int
    lifetime_seconds: float
    places: Places = field(default_factory=Places)
    """How many of them each caller may hold."""
    draining: bool = False
    _open: set[Ending] = field(default_factory=set)
    _all_gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def refusal(self) -> End | None:
        """Why no further connection is taken now; None when one is."""
        if self.draining:
            return End.DRAIN
        return End.CONNECTION_LIMIT if len(self._open) >= self.most else None

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def opened(self, end: Ending) -> Iterator[None]:
        """A connection is open for as long as the block; `end` is called when it has lived long enough or must go."""
        self._open.add(end)
        self._all_gone.clear()
        CONNECTIONS.inc()
        lifetime = self.lifetime_seconds * random.uniform(0.8, 1.2)  # noqa: S311 — jitter, not a secret
        loop = asyncio.get_running_loop()
        timer = loop.call_later(lifetime, end, End.LIFETIME_REACHED)
        if self.draining:
            # It was let in before the drain, and came after the others were told.
            loop.call_soon(end, End.DRAIN)
        try:
            yield
        finally:
            timer.cancel()
            CONNECTIONS.dec()
            self._open.discard(end)
            if not self._open:
                self._all_gone.set()

    async def drain(self, seconds: float) -> None:
        """Take no more connections and end the open ones, spread over `seconds`; return when they have been told."""
        self.draining = True
        leaving = list(self._open)
        if not leaving:
            return
        random.shuffle(leaving)
        for number, end in enumerate(leaving):
            if number:
                await asyncio.sleep(seconds / len(leaving))
            end(End.DRAIN)
        # What follows closes whatever is left without another word: the last of them, too, is to be told first.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                await self._all_gone.wait()
