"""Keeps one child running: starts it, and starts it again whenever it ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.laptop.supervisor.backoff import Backoff, Crashes
from app.laptop.supervisor.child import Child, ChildFailed, Ending
from app.laptop.supervisor.process import Process
from app.laptop.supervisor.run import Stage, running

SUPERVISOR = "paygate"
"""The name the supervisor itself speaks under."""

_FIRST_ATTEMPTS = 2


class Keeper:
    """The keeper of one child."""

    def __init__(self, child: Child, stage: Stage, backoff: Backoff, sleep: Callable[[float], Awaitable[None]]) -> None:
        self.ready = asyncio.Event()
        """Set when the child is ready for the first time."""
        self._child = child
        self._stage = stage
        self._crashes = Crashes(backoff)
        self._sleep = sleep

    async def keep(self) -> None:
        """Runs until it is cancelled or the end has begun; raises `ChildFailed` if the child never becomes ready."""
        ending = await self._first_run()
        while not self._stage.roster.closing:
            delay = self._crashes.delay_after(ending.ready_for)
            when = f"in {delay:.1f} s" if delay else "now"
            self._say(f"{self._child.name} {ending}; it is started again {when}")
            await self._sleep(delay)
            if not self._stage.roster.closing:
                ending = await self._run()

    async def _first_run(self) -> Ending:
        # Once more, because a start may fail for a reason that has passed by the time somebody reads about it.
        for _attempt in range(_FIRST_ATTEMPTS):
            ending = await self._run()
            if self.ready.is_set() or self._stage.roster.closing:
                return ending
            if ending.late:
                break
        raise ChildFailed(self._child, ending)

    async def _run(self) -> Ending:
        began = time.monotonic()
        ready_for = None
        async with running(self._child, self._stage) as process:
            ready = await self._becomes_ready(process)
            late = not ready and not process.exited.is_set()
            if ready:
                became_ready = time.monotonic()
                self._say(f"{self._child.name} is ready after {became_ready - began:.1f} s")
                self.ready.set()
                await process.exited.wait()
                ready_for = time.monotonic() - became_ready
        return Ending(process.status, ready_for, late, tuple(process.output.last_lines))

    async def _becomes_ready(self, process: Process) -> bool:
        """False if it ends before, or takes too long."""
        try:
            async with asyncio.timeout(self._child.start_timeout), asyncio.TaskGroup() as group:
                ready = group.create_task(_done(self._child.ready(process.output)))
                ended = group.create_task(process.exited.wait())
                # The first to come ends the wait for the other.
                ready.add_done_callback(lambda _: ended.cancel())
                ended.add_done_callback(lambda _: ready.cancel())
        except TimeoutError:
            return False
        return not ready.cancelled()

    def _say(self, text: str) -> None:
        self._stage.console.line(SUPERVISOR, text)


async def _done(ready: Awaitable[None]) -> None:
    await ready
