"""Drives one group: reads its source, hands out messages, writes what has to be kept."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Final
from uuid import uuid4

from app.laptop.eventstore import names
from app.laptop.eventstore.commands import Append
from app.laptop.eventstore.errors import EventStoreError, GroupDropped, GroupFull, ServerStopping
from app.laptop.eventstore.events import ANY, END_OF_STREAM, NewEvent, ResolvedEvent
from app.laptop.eventstore.notices import Notice
from app.laptop.eventstore.store import Store

from .group import Consumer, Delivery, Group, Nack, Parking
from .settings import GroupConfiguration, GroupKey, format_place, parse_place

_log = logging.getLogger(__name__)

_TICK: Final = 1.0
"""Seconds between looks at timeouts and checkpoints, as in the real server."""
_KEPT_CHECKPOINTS: Final = b'{"$maxCount":2}'
_PARKED_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Client:
    """Who is connected, for those who look on."""

    address: str
    name: str
    user: str


class Connection:
    """One consumer's side of a group."""

    def __init__(self, runner: "GroupRunner", consumer: Consumer, client: Client) -> None:
        self.consumer = consumer
        self.client = client
        self._runner = runner
        # As many messages as may be unanswered can be in here, and the group never gives out more.
        self._queue: asyncio.Queue[Delivery | EventStoreError] = asyncio.Queue()

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Yield messages until the group drops the consumer, which raises."""
        while True:
            item = await self._queue.get()
            if isinstance(item, EventStoreError):
                raise item
            yield item

    def ack(self, ids: Iterable[bytes]) -> None:
        """Acknowledge messages."""
        self._runner.ack(ids)

    def nack(self, ids: Iterable[bytes], action: Nack, reason: str) -> None:
        """Say what is to be done with messages that could not be handled."""
        self._runner.nack(ids, action, reason)

    def close(self) -> None:
        """Leave the group."""
        self._runner.disconnect(self)

    def put(self, item: Delivery | EventStoreError) -> None:
        """Hand over a message, or the reason why there will be no more."""
        self._queue.put_nowait(item)


class GroupRunner:
    """A group at work. Used on the event loop only."""

    def __init__(self, store: Store, configuration: GroupConfiguration, checkpoint: int | None) -> None:
        self.configuration = configuration
        self.checkpoint = checkpoint
        """The last one written, None when there is none."""
        self.parked_messages = 0
        self.is_live = False
        """Whether the end of the source was reached."""
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._after = configuration.begin_after if checkpoint is None else checkpoint
        self.group = Group(configuration.settings, self._after, self._loop.time())
        self._filter = configuration.settings.filter.compiled() if configuration.settings.filter else None
        self._connections: dict[int, Connection] = {}
        self._numbers = count(1)
        self._room = asyncio.Event()
        self._writing: set[asyncio.Task[None]] = set()
        self._work: list[asyncio.Task[None]] = []
        self._replaying = False
        self._stopped = False

    @property
    def key(self) -> GroupKey:
        """Which group this is."""
        return self.configuration.key

    @property
    def connections(self) -> list[Connection]:
        """Who is connected."""
        return list(self._connections.values())

    async def start(self) -> None:
        """Begin to work."""
        self.parked_messages = await self._count_parked()
        self._work = [asyncio.create_task(self._read()), asyncio.create_task(self._tick())]
        for task in self._work:
            task.add_done_callback(self._report)

    async def stop(self, reason: EventStoreError) -> None:
        """Drop everybody and stop; what was processed but not checkpointed will come again."""
        self._stopped = True
        for connection in self.connections:
            connection.put(reason)
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, *self._writing, return_exceptions=True)

    def connect(self, buffer_size: int, client: Client) -> Connection:
        """Let a consumer take part. Raises GroupFull."""
        limit = self.configuration.settings.max_subscriber_count
        if limit and len(self._connections) >= limit:
            raise GroupFull(self.key.stream, self.key.group)
        consumer = Consumer(next(self._numbers), buffer_size)
        connection = Connection(self, consumer, client)
        self._connections[consumer.number] = connection
        self.group.connect(consumer)
        self._pump()
        return connection

    def disconnect(self, connection: Connection) -> None:
        """Let a consumer go."""
        if self._connections.pop(connection.consumer.number, None) is not None:
            self.group.disconnect(connection.consumer)
            self._pump()

    def ack(self, ids: Iterable[bytes]) -> None:
        """Count messages as processed."""
        self.group.ack(ids)
        self._pump()

    def nack(self, ids: Iterable[bytes], action: Nack, reason: str) -> None:
        """Retry, park or skip messages."""
        self.group.nack(ids, action, reason)
        self._pump()

    async def replay_parked(self, stop_at: int | None) -> None:
        """Queue the messages parked so far again, then forget that they were parked."""
        if self._replaying:
            return
        self._replaying = True
        try:
            await self._replay_parked(END_OF_STREAM if stop_at is None else stop_at)
        finally:
            self._replaying = False

    def _pump(self) -> None:
        """Send, park and write whatever the last change made due."""
        if self._stopped:
            return  # a late answer must not write to the streams of a group that is gone
        now = self._loop.time()
        for delivery in self.group.dispatch(now):
            self._connections[delivery.consumer].put(delivery)
        for parking in self.group.take_parked():
            self._write(self._park(parking))
        self._write_checkpoint(now, by_time=False)
        if self.group.wants_more:
            self._room.set()

    async def _read(self) -> None:
        with self._store.notices.watch(self.key.stream) as notice:
            while True:
                await self._wait_for_room()
                notice.clear()
                self._after, self.is_live = await self._read_page(self._after)
                if self.is_live:
                    await _wait(notice)

    async def _wait_for_room(self) -> None:
        while not self.group.wants_more:
            self._room.clear()
            await self._room.wait()

    async def _read_page(self, after: int) -> tuple[int, bool]:
        settings = self.configuration.settings
        places: list[tuple[int, ResolvedEvent | None]]
        if self.key.reads_all:
            every = await self._store.read_all(
                after + 1, settings.read_batch_size, resolve=settings.resolve_links, wanted=self._filter
            )
            places, is_end = every.considered, every.is_end
        else:
            page = await self._store.read_stream(
                self.key.stream, after + 1, settings.read_batch_size, resolve=settings.resolve_links
            )
            places, is_end = [(event.original.revision, event) for event in page.events], page.is_end
        self.group.read(places)
        self._pump()
        return places[-1][0] if places else after, is_end

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self.group.tick(self._loop.time())
            self._pump()
            self._write_checkpoint(self._loop.time(), by_time=True)

    def _write_checkpoint(self, now: float, *, by_time: bool) -> None:
        place = self.group.checkpoint_due(now, by_time=by_time)
        if place is not None:
            self.group.checkpoint_written(place, now)
            self._write(self._append_checkpoint(place))

    async def _append_checkpoint(self, place: int) -> None:
        stream = names.checkpoint_stream(self.key.stream, self.key.group)
        if self.checkpoint is None:
            keep = NewEvent(uuid4().bytes, names.METADATA_TYPE, _KEPT_CHECKPOINTS, is_json=True)
            await self._store.execute(Append(names.metadata_stream(stream), ANY, [keep]))
        self.checkpoint = place
        data = json.dumps(format_place(self.key, place)).encode()
        event = NewEvent(uuid4().bytes, names.CHECKPOINT_TYPE, data, is_json=True)
        await self._store.execute(Append(stream, ANY, [event]))

    async def _park(self, parking: Parking) -> None:
        message = parking.message
        event = message.event.event or message.event.original
        metadata = {
            "added": datetime.now(UTC).isoformat(),
            "reason": parking.reason,
            "subscriptionEventNumber": message.event.original.revision,
        }
        link = NewEvent(
            uuid4().bytes,
            names.LINK_TYPE,
            names.link_data(event.revision, event.stream),
            json.dumps(metadata).encode(),
        )
        try:
            await self._store.execute(Append(names.parked_stream(self.key.stream, self.key.group), ANY, [link]))
        except EventStoreError:
            self.group.not_parked(message)
            raise
        self.parked_messages += 1
        self.group.parked(message)
        self._pump()

    async def _replay_parked(self, stop_at: int) -> None:
        stream = names.parked_stream(self.key.stream, self.key.group)
        first, left = 0, stop_at
        while left > 0:
            page = await self._store.read_stream(stream, first, min(left, _PARKED_PAGE), resolve=True)
            if not page.events:
                break
            self.group.replay(page.events)
            first = page.next_revision
            left -= len(page.events)
            self._pump()
        if first:
            truncate = json.dumps({"$tb": first}).encode()
            event = NewEvent(uuid4().bytes, names.METADATA_TYPE, truncate, is_json=True)
            await self._store.execute(Append(names.metadata_stream(stream), ANY, [event]))
            self.parked_messages = await self._count_parked()

    async def _count_parked(self) -> int:
        page = await self._store.read_stream(names.parked_stream(self.key.stream, self.key.group), 0, 0)
        return max(0, page.state.last_revision - page.state.first_visible + 1)

    def _write(self, writing: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(writing)
        self._writing.add(task)
        task.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        self._report(task)

    def _report(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, ServerStopping):
            _log.error("the group %s could not write: %s", self.key.title, error)


async def load_checkpoint(store: Store, key: GroupKey) -> int | None:
    """Return the last checkpoint of a group, None when it has none."""
    stream = names.checkpoint_stream(key.stream, key.group)
    page = await store.read_stream(stream, END_OF_STREAM, 1, backwards=True)
    if not page.events:
        return None
    text = None
    with suppress(ValueError):
        text = json.loads(page.events[0].original.data)
    return parse_place(text) if isinstance(text, str) else None


def dropped(key: GroupKey) -> GroupDropped:
    """Return the reason for consumers whose group was changed or deleted."""
    return GroupDropped(key.stream, key.group)


async def _wait(notice: Notice) -> None:
    await notice.wait()
    if notice.stopping:
        raise asyncio.CancelledError
