"""A closed loop: so many stories at a time, the next when one has ended."""

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field

import httpx

from benchmarks.mixed.floor import Floor, Stage
from benchmarks.mixed.kills import Progress
from benchmarks.mixed.merchant import Refused
from benchmarks.mixed.plan import Scene


@dataclass
class Crowd:
    """Plays scenes; `broken` are the stories that could not be played, and why."""

    floor: Floor
    progress: Progress
    broken: list[str] = field(default_factory=list)

    async def play(self, scenes: Iterator[Scene], at_once: int) -> None:
        """Return when every story has ended, those too that waited for a deadline."""
        async with asyncio.TaskGroup() as later, asyncio.TaskGroup() as places:
            for _ in range(at_once):
                places.create_task(self._place(scenes, later))

    async def _place(self, scenes: Iterator[Scene], later: asyncio.TaskGroup) -> None:
        for scene in scenes:
            stage = Stage(self.floor, scene.name, scene.way, scene.chance)
            rest = await self._guarded(scene, scene.story(stage))
            await self.progress.step()
            if rest is not None:
                later.create_task(self._guarded(scene, rest))

    async def _guarded(self, scene: Scene, story: Awaitable[Awaitable[None] | None]) -> Awaitable[None] | None:
        try:
            return await story
        except* (Refused, httpx.HTTPError) as faults:
            self.broken += [f"{scene.name} by {scene.way.provider}: {fault!r}" for fault in faults.exceptions]
        return None
