"""Waiting for a condition, never for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.02


async def eventually(found: Callable[[], Awaitable[T | None]], *, what: str, seconds: float = 30.0) -> T:
    """The first thing `found` finds; fails, saying `what` never came, after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        result = await found()
        if result is not None and result is not False:
            return result
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        await asyncio.sleep(_POLL_SECONDS)
