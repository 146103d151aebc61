"""Running one process: a start, an event loop, until SIGINT or SIGTERM, then an orderly end."""

import asyncio
import gc
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def begin_start() -> None:
    """Look for no garbage until `end_start`: of the modules that are imported, all stays."""
    gc.disable()


def end_start() -> None:
    """Look for garbage from now on, and never again among what the start has made."""
    gc.freeze()
    gc.enable()


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end, when the start is over; its errors are the caller's."""
    end_start()
    return asyncio.run(work)


def run_until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until it ends or the process is asked to; its errors are the caller's."""
    end_start()
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
