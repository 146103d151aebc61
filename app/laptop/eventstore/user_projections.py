"""Projections that users define. They are JavaScript, and this server has no engine for it: it keeps and lists
them, so that tools that make them work, and says plainly that it does not run them."""

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal
from uuid import uuid4

from .commands import Append
from .errors import ProjectionConflict, ProjectionNotFound
from .events import ANY, END_OF_STREAM, NewEvent
from .store import Store

_STREAM: Final = "$projections-$all"
_TYPE: Final = "$ProjectionsUpdated"

Mode = Literal["Continuous", "OneTime", "Transient"]


@dataclass(frozen=True, slots=True)
class UserProjection:
    """One definition."""

    name: str
    query: str
    mode: Mode
    emit_enabled: bool = False
    track_emitted_streams: bool = False
    version: int = 0


class UserProjections:
    """All definitions, kept in a stream of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changing = asyncio.Lock()

    async def every(self) -> list[UserProjection]:
        """Return all, ordered by name."""
        page = await self._store.read_stream(_STREAM, END_OF_STREAM, 1, backwards=True)
        if not page.events:
            return []
        return [UserProjection(**entry) for entry in json.loads(page.events[0].original.data)]

    async def get(self, name: str) -> UserProjection:
        """Return one. Raises ProjectionNotFound."""
        for projection in await self.every():
            if projection.name == name:
                return projection
        raise ProjectionNotFound(name)

    async def create(self, projection: UserProjection) -> None:
        """Keep a new one. Raises ProjectionConflict."""
        async with self._changing:
            others = await self.every()
            if any(other.name == projection.name for other in others):
                raise ProjectionConflict
            await self._keep([*others, projection])

    async def update(self, name: str, query: str, emit_enabled: bool | None) -> None:
        """Change one. Raises ProjectionNotFound."""
        async with self._changing:
            before = await self.get(name)
            emit = before.emit_enabled if emit_enabled is None else emit_enabled
            after = replace(before, query=query, emit_enabled=emit, version=before.version + 1)
            await self._keep([*await self._others(name), after])

    async def delete(self, name: str) -> None:
        """Forget one. Raises ProjectionNotFound."""
        async with self._changing:
            await self.get(name)
            await self._keep(await self._others(name))

    async def _others(self, name: str) -> list[UserProjection]:
        return [projection for projection in await self.every() if projection.name != name]

    async def _keep(self, projections: list[UserProjection]) -> None:
        ordered = sorted(projections, key=lambda projection: projection.name)
        data = json.dumps([asdict(projection) for projection in ordered]).encode()
        await self._store.execute(Append(_STREAM, ANY, [NewEvent(uuid4().bytes, _TYPE, data, is_json=True)]))
