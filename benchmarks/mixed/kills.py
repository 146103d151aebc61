"""Processes that are killed in the middle of everything; the supervisor starts them again."""

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from random import Random

from tests.support.stack import Stack

PROCESSES = ("processor", "projection", "notifier", "gateway")
_LOOK_SECONDS = 0.05
_ENDED = re.compile(r"^paygate +\| (\w+) .*; it is started again", re.MULTILINE)


@dataclass
class Progress:
    """How many stories have ended."""

    stories: int = 0
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def step(self) -> None:
        """One more has."""
        async with self._changed:
            self.stories += 1
            self._changed.notify_all()

    async def reaches(self, stories: int) -> None:
        """Wait for so many."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.stories >= stories)


@dataclass
class Kills:
    """Each process is killed `each` times, by SIGKILL, spread over the whole run."""

    stack: Stack
    done: Counter[str] = field(default_factory=Counter)

    async def spread(self, each: int, total: int, ended: Progress, chance: Random) -> None:
        """Kill whenever the next part of `total` stories has ended."""
        victims = [process for process in PROCESSES for _ in range(each)]
        chance.shuffle(victims)
        for number, victim in enumerate(victims, start=1):
            await ended.reaches(total * number // (len(victims) + 1))
            await self._kill(victim)

    def crashes(self) -> Counter[str]:
        """How often a process ended that was not killed here."""
        return Counter(_ENDED.findall(self.stack.log())) - self.done

    async def _kill(self, process: str) -> None:
        while True:
            try:
                self.stack.kill(process)
            except ProcessLookupError:
                # It is just being started again.
                await asyncio.sleep(_LOOK_SECONDS)
            else:
                self.done[process] += 1
                return
