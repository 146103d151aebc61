"""Results as they come, and a sign of life when none comes for a while."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


async def with_heartbeats(results: AsyncGenerator[T, None], *, seconds: float) -> AsyncGenerator[T | None, None]:
    """The results in order, and None whenever there was none for `seconds`. Closes `results` in the end."""
    coming: asyncio.Task[T] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(results))
            arrived, _ = await asyncio.wait({coming}, timeout=seconds)
            if not arrived:
                yield None
                continue
            try:
                result = coming.result()
            except StopAsyncIteration:
                return
            finally:
                coming = None
            yield result
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        await results.aclose()
