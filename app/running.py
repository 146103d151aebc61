"""Running one process: an event loop, until SIGINT or SIGTERM, then an orderly end."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

import uvloop


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends or the process is asked to; its errors are the caller's."""
    uvloop.run(_until_stopped(work))


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        # Asked to stop from outside, and stopped; anything else that cancels this is not ours to swallow.
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
