"""Wakes those who wait for something new.

A notice is a hint and nothing more: whoever gets one reads on from the last position it has seen. So notices may
be merged, come too often or come for something already read, and still nothing is missed or seen twice.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Notices:
    """Who waits for which stream. Used on the event loop only."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._stopping = False

    @contextmanager
    def watch(self, stream: str) -> Iterator["Notice"]:
        """Register for notice of a stream, or of ``$all``. Register first, read then."""
        changed = asyncio.Event()
        if self._stopping:
            changed.set()
        watchers = self._waiting.setdefault(stream, set())
        watchers.add(changed)
        try:
            yield Notice(self, changed)
        finally:
            watchers.discard(changed)
            if not watchers and self._waiting.get(stream) is watchers:
                del self._waiting[stream]

    @property
    def stopping(self) -> bool:
        """Whether the server is shutting down, and nobody should wait any longer."""
        return self._stopping

    def announce(self, streams: Iterable[str]) -> None:
        """Wake everyone who waits for one of these streams."""
        if not self._waiting:
            return
        for stream in streams:
            for changed in self._waiting.get(stream, ()):
                changed.set()

    def stop(self) -> None:
        """Wake everyone for the last time."""
        self._stopping = True
        for watchers in self._waiting.values():
            for changed in watchers:
                changed.set()


class Notice:
    """One watcher's side of a registration."""

    def __init__(self, notices: Notices, changed: asyncio.Event) -> None:
        self._notices = notices
        self._changed = changed

    @property
    def stopping(self) -> bool:
        """Whether the server is shutting down."""
        return self._notices.stopping

    def clear(self) -> None:
        """Forget earlier notices; whatever is committed from now on gives a new one. Clear first, read then."""
        if not self._notices.stopping:
            self._changed.clear()

    async def wait(self) -> None:
        """Wait for something new, or for the end of the server."""
        await self._changed.wait()
