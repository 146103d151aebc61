"""Events of a subscription in batches: as many as have come, never waiting for more."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress

from app.eventstore.port import RecordedEvent

_AHEAD = 1024


class Batches:
    """What has come since the last call; reading ahead is bounded."""

    def __init__(self, queue: "asyncio.Queue[RecordedEvent | Exception]") -> None:
        self._queue = queue

    async def next(self, *, at_most: int, idle_seconds: float) -> list[RecordedEvent]:
        """The next events in order, or none when there was nothing for `idle_seconds`.

        Raises what the subscription raised.
        """
        batch: list[RecordedEvent] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(idle_seconds):
                batch.append(_event(await self._queue.get()))
        while batch and len(batch) < at_most and not self._queue.empty():
            following = self._queue.get_nowait()
            if isinstance(following, Exception):
                # The events before the fault come first; the fault with the next call.
                self._queue.put_nowait(following)
                break
            batch.append(following)
        return batch


@asynccontextmanager
async def batched(events: AsyncGenerator[RecordedEvent, None]) -> AsyncGenerator[Batches, None]:
    """Read `events` ahead while the block runs; they are closed with it."""
    queue: asyncio.Queue[RecordedEvent | Exception] = asyncio.Queue(_AHEAD)
    reader = asyncio.create_task(_read_ahead(events, queue))
    try:
        yield Batches(queue)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _read_ahead(
    events: AsyncGenerator[RecordedEvent, None], queue: "asyncio.Queue[RecordedEvent | Exception]"
) -> None:
    async with aclosing(events):
        try:
            async for event in events:
                await queue.put(event)
        except Exception as fault:  # noqa: BLE001 — handed on to whoever takes the next batch
            await queue.put(fault)


def _event(item: RecordedEvent | Exception) -> RecordedEvent:
    if isinstance(item, Exception):
        raise item
    return item
