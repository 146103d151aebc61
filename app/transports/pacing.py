"""Results as they come, and a sign of life when none comes for a while."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

T = TypeVar("T")


class Paced(Generic[T]):
    """The results of a stream, which can be stopped from outside between two of them."""

    def __init__(self, results: AsyncGenerator[T, None], *, heartbeat_seconds: float) -> None:
        self._results = results
        self._seconds = heartbeat_seconds
        self._coming: asyncio.Task[T] | None = None
        self.stopped = False

    def stop(self) -> None:
        """End soon, after the result that is being given."""
        self.stopped = True
        if self._coming is not None:
            self._coming.cancel()

    async def values(self) -> AsyncGenerator[T | None, None]:
        """The results in order, and None whenever there was none for a while. Closes the stream in the end."""
        try:
            while not self.stopped:
                self._coming = self._coming or asyncio.ensure_future(anext(self._results))
                await asyncio.wait({self._coming}, timeout=self._seconds)
                if not self._coming.done():
                    yield None
                    continue
                arrived, self._coming = self._coming, None
                if arrived.cancelled():
                    return
                try:
                    result = arrived.result()
                except StopAsyncIteration:
                    return
                yield result
        finally:
            if self._coming is not None:
                self._coming.cancel()
                await asyncio.gather(self._coming, return_exceptions=True)
            await self._results.aclose()
