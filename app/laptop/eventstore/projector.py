"""Keeps the system projections going: those that come late on purpose, or have to catch up."""

import asyncio
from contextlib import suppress

from . import names
from .errors import ServerStopping
from .projection_commands import Project, ReadProgress, SwitchProjection
from .storage.projections import Progress
from .store import Store
from .system_projections import SystemProjection


class Projector:
    """Without a lag there is work only after a projection was stopped for a while; with one, after every append."""

    def __init__(self, store: Store, lag_ms: int) -> None:
        self._store = store
        self._lag_ms = lag_ms
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Catch up and, with a lag, go on following."""
        await self._catch_up()
        if self._lag_ms:
            self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following

    async def switch(self, projection: SystemProjection, *, running: bool) -> None:
        """Start or stop a projection; one that is started has caught up when this returns."""
        await self._store.execute(SwitchProjection(projection, running))
        await self._catch_up()

    async def progress(self, projection: SystemProjection) -> Progress:
        """Return where a projection stands."""
        return await self._store.execute(ReadProgress(projection))

    async def _catch_up(self) -> None:
        for projection in SystemProjection:
            while await self._store.execute(Project(projection, self._lag_ms)):
                pass

    async def _follow(self) -> None:
        with self._store.notices.watch(names.ALL) as notice, suppress(ServerStopping):
            while not notice.stopping:
                notice.clear()
                await self._catch_up()
                await notice.wait()
                await asyncio.sleep(self._lag_ms / 1000)
