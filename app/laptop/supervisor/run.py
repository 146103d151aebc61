"""One run of a child, from its start to its last word, as a block."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.laptop.supervisor.child import Child
from app.laptop.supervisor.console import Console
from app.laptop.supervisor.process import Process
from app.laptop.supervisor.roster import Roster

_LAST_WORDS_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Stage:
    """What the processes of one supervisor have in common."""

    console: Console
    roster: Roster
    lifeline: int
    """The descriptor that closes with the supervisor."""
    inherited: tuple[int, ...] = ()
    """Further descriptors for each process to keep open, such as a lock that must not be free while one lives."""


@contextlib.asynccontextmanager
async def running(child: Child, stage: Stage) -> AsyncIterator[Process]:
    """The child's process, running within the block; after it, it and all that it started are gone."""

    def show(line: str) -> None:
        if not child.is_chatter(line):
            stage.console.line(child.name, line)

    process = Process(child, stage.lifeline, stage.inherited)
    with stage.roster.listed(child, process):
        async with asyncio.TaskGroup() as group:
            words = group.create_task(process.pass_on(show))
            try:
                yield process
            finally:
                try:
                    await process.stop(stage.roster.grace_for(child))
                    await asyncio.wait([words], timeout=_LAST_WORDS_SECONDS)
                finally:
                    words.cancel()
