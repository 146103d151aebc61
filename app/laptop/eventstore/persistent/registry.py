"""All groups: made, changed, deleted, found again after a restart."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from uuid import uuid4

from app.laptop.eventstore import names
from app.laptop.eventstore.commands import Append, Delete
from app.laptop.eventstore.errors import (
    EventStoreError,
    GroupExists,
    GroupFailed,
    GroupNotFound,
    InvalidArgument,
    ServerStopping,
    StreamDeleted,
    WrongExpectedVersion,
)
from app.laptop.eventstore.events import ANY, END_OF_STREAM, NewEvent
from app.laptop.eventstore.store import Store

from .runner import Client, Connection, GroupRunner, dropped, load_checkpoint
from .settings import START_AT_END, GroupConfiguration, GroupKey, GroupSettings

_FORMAT: Final = "2"


class PersistentSubscriptions:
    """The groups of one store. Changes to them are made one after the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups: dict[GroupKey, GroupRunner] = {}
        self._sources: set[str] = set()
        """Streams that have, or once had, a group."""
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Start all groups there are, from their checkpoints."""
        async with self._changing:
            await self._start()

    async def stop(self) -> None:
        """Stop all groups; their consumers are told to connect again."""
        async with self._changing:
            await self._stop(ServerStopping())

    async def restart(self) -> None:
        """Stop all groups and start them again from their checkpoints, as after a restart of the server."""
        async with self._changing:
            await self._stop(ServerStopping())
            await self._start()

    async def create(self, key: GroupKey, settings: GroupSettings) -> None:
        """Make a group. Raises GroupExists or GroupFailed."""
        async with self._changing:
            if key in self._groups:
                raise GroupExists(key.stream, key.group)
            await self._check(key, settings)
            configuration = GroupConfiguration(key, settings, await self._begin_after(key, settings))
            await self._keep([*self._configurations(), configuration])
            await self._run(configuration)

    async def update(self, key: GroupKey, settings: GroupSettings) -> None:
        """Change a group's settings, but not its filter; its consumers are dropped.

        Raises GroupNotFound or GroupFailed.
        """
        async with self._changing:
            runner = self.get(key)
            settings = replace(settings, filter=runner.configuration.settings.filter)
            await self._check(key, settings)
            configuration = GroupConfiguration(key, settings, await self._begin_after(key, settings))
            others = [other for other in self._configurations() if other.key != key]
            await self._keep([*others, configuration])
            await runner.stop(dropped(key))
            await self._run(configuration)

    async def delete(self, key: GroupKey) -> None:
        """Delete a group with its checkpoint and its parked messages. Raises GroupNotFound."""
        async with self._changing:
            runner = self.get(key)
            await self._keep([other for other in self._configurations() if other.key != key])
            del self._groups[key]
            await runner.stop(dropped(key))
            for stream in (
                names.checkpoint_stream(key.stream, key.group),
                names.parked_stream(key.stream, key.group),
            ):
                await self._delete_stream(stream)

    def connect(self, key: GroupKey, buffer_size: int, client: Client) -> Connection:
        """Connect a consumer. Raises GroupNotFound or GroupFull."""
        return self.get(key).connect(buffer_size, client)

    def get(self, key: GroupKey) -> GroupRunner:
        """Return a group. Raises GroupNotFound."""
        runner = self._groups.get(key)
        if runner is None:
            raise GroupNotFound(key.stream, key.group)
        return runner

    def every(self) -> list[GroupRunner]:
        """Return all groups, ordered by source."""
        return [self._groups[key] for key in sorted(self._groups, key=lambda key: (key.stream, key.group))]

    def of_stream(self, stream: str) -> list[GroupRunner]:
        """Return the groups of one source. Raises GroupNotFound if it never had one."""
        if stream not in self._sources:
            raise GroupNotFound(stream, "")
        return [runner for runner in self.every() if runner.key.stream == stream]

    async def _start(self) -> None:
        for configuration in await self._load():
            await self._run(configuration)

    async def _stop(self, reason: EventStoreError) -> None:
        runners, self._groups = list(self._groups.values()), {}
        await asyncio.gather(*(runner.stop(reason) for runner in runners))

    async def _run(self, configuration: GroupConfiguration) -> None:
        checkpoint = await load_checkpoint(self._store, configuration.key)
        runner = GroupRunner(self._store, configuration, checkpoint)
        self._groups[configuration.key] = runner
        self._sources.add(configuration.key.stream)
        await runner.start()

    async def _check(self, key: GroupKey, settings: GroupSettings) -> None:
        fault = settings.fault()
        if not key.group:
            fault = "The group's name is empty."
        if key.reads_all and settings.start_from > self._store.last_position:
            fault = f"Start position {settings.start_from} is beyond the end of the log."
        if fault is not None:
            raise GroupFailed(key.stream, key.group, fault)
        if settings.filter is not None:
            try:
                settings.filter.compiled()
            except InvalidArgument as error:
                raise GroupFailed(key.stream, key.group, str(error)) from error

    async def _begin_after(self, key: GroupKey, settings: GroupSettings) -> int:
        if settings.start_from != START_AT_END:
            return settings.start_from - 1
        if key.reads_all:
            return self._store.last_position
        page = await self._store.read_stream(key.stream, 0, 0)
        return page.state.last_revision

    def _configurations(self) -> list[GroupConfiguration]:
        return [runner.configuration for runner in self.every()]

    async def _load(self) -> list[GroupConfiguration]:
        page = await self._store.read_stream(names.GROUPS_STREAM, END_OF_STREAM, 1, backwards=True)
        if not page.events:
            return []
        value = json.loads(page.events[0].original.data)
        return [GroupConfiguration.from_json(entry) for entry in value["Entries"]]

    async def _keep(self, configurations: Iterable[GroupConfiguration]) -> None:
        value = {"Version": _FORMAT, "Entries": [configuration.to_json() for configuration in configurations]}
        event = NewEvent(uuid4().bytes, names.GROUPS_TYPE, json.dumps(value).encode(), is_json=True)
        await self._store.execute(Append(names.GROUPS_STREAM, ANY, [event]))

    async def _delete_stream(self, stream: str) -> None:
        page = await self._store.read_stream(stream, 0, 0)
        if page.state.last_revision < 0:
            return
        try:
            await self._store.execute(Delete(stream, ANY))
        except (StreamDeleted, WrongExpectedVersion):
            return  # someone else was quicker, and it is gone
