"""A supervisor with little Python programs as children, and a screen a test can wait on."""

import asyncio
import contextlib
import io
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from app.laptop.supervisor import Child, Console, Supervisor
from app.laptop.supervisor.child import Ready
from app.laptop.supervisor.keeper import SUPERVISOR
from app.laptop.supervisor.readiness import says

PATIENCE_SECONDS = 20.0

# By a pipe: a handler that sets an event waits for ever for whoever is just about to wait for that event.
_HEARS_OF_THE_SIGNAL = """
import os, signal
hears, tells = os.pipe()
os.set_blocking(tells, False)
signal.set_wakeup_fd(tells)
signal.signal(signal.SIGTERM, lambda *_: None)
print("ready as", os.getpid(), flush=True)
"""

SERVE = f"""{_HEARS_OF_THE_SIGNAL}
os.read(hears, 1)
print("bye", flush=True)
"""

STUBBORN = f"""{_HEARS_OF_THE_SIGNAL}
while os.read(hears, 1):
    print("I will not", flush=True)
"""


class Screen(io.StringIO):
    """What the supervisor writes; a test waits for text instead of time."""

    def __init__(self) -> None:
        super().__init__()
        self._written = asyncio.Event()

    def write(self, text: str, /) -> int:
        self._written.set()
        return super().write(text)

    async def shows(self, pattern: str, times: int = 1) -> re.Match[str]:
        """Returns the last match once there are so many."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(matches := list(re.finditer(pattern, self.getvalue(), re.MULTILINE))) < times:
                self._written.clear()
                await self._written.wait()
        return matches[-1]


class Scene:
    """Children, and the supervisor that runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.screen = Screen()
        self.children: list[Child] = []
        self.pids: Mapping[str, int] = {}
        self.seen_pids: set[int] = set()
        self.all_ready = asyncio.Event()

    def child(self, name: str, program: str = SERVE, ready: Ready | None = None, **options: Any) -> None:
        """Adds a child that runs this Python program."""
        script = self.folder / f"{name}.py"
        script.write_text(program)
        command = (sys.executable, str(script))
        self.children.append(Child(name, command, dict(os.environ), ready or says(r"\bready\b"), **options))

    def supervisor(self, **options: Any) -> Supervisor:
        console = Console(self.screen, [SUPERVISOR, *(child.name for child in self.children)], colour=False)
        return Supervisor(self.children, console, all_ready=self.all_ready.set, changed=self._changed, **options)

    @contextlib.asynccontextmanager
    async def playing(self, **options: Any) -> AsyncIterator[Supervisor]:
        """All children are ready when the block begins; the supervisor is asked to stop when it ends."""
        supervisor = self.supervisor(**options)
        async with asyncio.TaskGroup() as group:
            group.create_task(supervisor.run())
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.all_ready.wait()
            yield supervisor
            supervisor.stop()

    def lines(self, name: str) -> list[str]:
        """What one of them has said."""
        pairs = (line.split("|", 1) for line in self.screen.getvalue().splitlines())
        return [pair[1].removeprefix(" ") for pair in pairs if pair[0].strip() == name]

    def nobody_is_left(self) -> bool:
        return not any(psutil.pid_exists(pid) for pid in self.seen_pids)

    def _changed(self, pids: Mapping[str, int]) -> None:
        self.pids = pids
        self.seen_pids.update(pids.values())
