"""What a group does with what happens to it: buffers, messages in flight, retries, parking, the checkpoint.

Pure: no clock, no I/O. Times are seconds of any clock that does not go back. What is to be sent or parked comes
out of ``dispatch`` and ``take_parked``; whoever drives the group calls them after each change.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from app.laptop.eventstore.events import ResolvedEvent

from .settings import GroupSettings
from .strategies import make_strategy


class Nack(Enum):
    """What a consumer wants done with a message it could not handle."""

    RETRY = auto()
    PARK = auto()
    SKIP = auto()
    STOP = auto()


@dataclass(slots=True, eq=False)
class Message:
    """An event on its way to some consumer."""

    event: ResolvedEvent
    before: int | None
    """The checkpoint while this is the lowest unprocessed message: the place of the event considered before it.
    None for one that comes from the parked ones and has no bearing on the checkpoint."""
    retries: int = 0

    @property
    def id(self) -> bytes:
        """By which it is acknowledged: the id of the link, if there is one."""
        return self.event.original.id

    @property
    def position(self) -> int:
        """Its place among retries."""
        return self.event.original.position


@dataclass(slots=True, eq=False)
class Consumer:
    """Someone connected to the group."""

    number: int
    buffer_size: int
    """Most messages it has unacknowledged at a time."""
    in_flight: int = 0
    total: int = 0

    @property
    def has_room(self) -> bool:
        """Whether it takes another message."""
        return self.in_flight < self.buffer_size


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message for a consumer."""

    consumer: int
    event: ResolvedEvent
    retries: int


@dataclass(frozen=True, slots=True)
class Parking:
    """A message to be parked."""

    message: Message
    reason: str


@dataclass(slots=True)
class _InFlight:
    message: Message
    consumer: Consumer
    due: float


@dataclass(slots=True)
class _Progress:
    written: int
    """The last checkpoint or, before there is one, where the group began."""
    written_at: float
    processed: int = 0
    """Messages done since."""


@dataclass(slots=True)
class Counters:
    """For those who look on."""

    total: int = 0
    since_measured: int = 0
    average_per_second: int = 0
    last_known: int | None = None
    """Place of the last event read."""

    def measure(self) -> None:
        """Take the measurement of one second."""
        self.average_per_second, self.since_measured = self.since_measured, 0


class Group:
    """The state of one group."""

    def __init__(self, settings: GroupSettings, after: int, now: float) -> None:
        self.settings = settings
        self.counters = Counters()
        self._considered = after
        self._waiting: deque[Message] = deque()
        self._retries: list[tuple[int, int, Message]] = []
        self._in_flight: dict[bytes, _InFlight] = {}
        self._parking: dict[int, Message] = {}
        self._to_park: list[Parking] = []
        self._consumers: list[Consumer] = []
        self._strategy = make_strategy(settings.strategy)
        self._progress = _Progress(after, now)
        self._entries = 0

    @property
    def consumers(self) -> Sequence[Consumer]:
        """Who is connected, in the order they came."""
        return self._consumers

    @property
    def waiting(self) -> int:
        """Messages read and not yet sent for the first time."""
        return len(self._waiting)

    @property
    def retrying(self) -> int:
        """Messages that wait to be sent again."""
        return len(self._retries)

    @property
    def in_flight(self) -> int:
        """Messages sent and not answered."""
        return len(self._in_flight)

    @property
    def wants_more(self) -> bool:
        """Whether there is room for another batch of events. Without consumers nothing is read."""
        room = self.settings.history_buffer_size - len(self._waiting) - len(self._retries)
        return bool(self._consumers) and room >= self.settings.read_batch_size

    def connect(self, consumer: Consumer) -> None:
        """Let someone take part."""
        self._consumers.append(consumer)
        self._strategy.seat(self._consumers)

    def disconnect(self, consumer: Consumer) -> None:
        """Let someone go; what it had unanswered goes to the others at once, whatever the limit of retries."""
        self._consumers.remove(consumer)
        self._strategy.seat(self._consumers)
        for entry in [entry for entry in self._in_flight.values() if entry.consumer is consumer]:
            self._retry(self._land(entry.message.id))

    def read(self, events: Iterable[tuple[int, ResolvedEvent | None]]) -> None:
        """Take over events with their places, in order; None in place of what a filter left out."""
        for place, event in events:
            if event is not None:
                self._waiting.append(Message(event, self._considered))
                self.counters.last_known = place
            self._considered = place

    def replay(self, events: Iterable[ResolvedEvent]) -> None:
        """Take over parked messages, behind what waits."""
        self._waiting.extend(Message(event, None) for event in events)

    def dispatch(self, now: float) -> list[Delivery]:
        """Give out what can be given out: retries first, by position, then new messages in order."""
        deliveries: list[Delivery] = []
        held: list[Message] = []
        while self._retries and self._has_room():
            message = heapq.heappop(self._retries)[2]
            if not self._send(message, now, deliveries):
                held.append(message)
        for message in held:
            self._queue_retry(message)
        if not held or self._strategy.overtakes:
            self._dispatch_waiting(now, deliveries)
        return deliveries

    def ack(self, ids: Iterable[bytes]) -> None:
        """Count messages as processed. An id that is not in flight is ignored: its message will come again."""
        for message_id in ids:
            if message_id in self._in_flight:
                self._done(self._land(message_id))

    def nack(self, ids: Iterable[bytes], action: Nack, reason: str) -> None:
        """Do with messages what a consumer wants done. An id that is not in flight is ignored."""
        for message_id in ids:
            if message_id not in self._in_flight:
                continue
            message = self._land(message_id)
            if action is Nack.RETRY:
                self._retry_or_park(message, reason)
            elif action is Nack.PARK:
                self._park(message, reason)
            else:
                self._done(message)

    def tick(self, now: float) -> None:
        """Treat what was not answered in time as to be retried. To be called once a second."""
        self.counters.measure()
        for message_id in [key for key, entry in self._in_flight.items() if entry.due <= now]:
            self._retry_or_park(self._land(message_id), "message timed out")

    def take_parked(self) -> list[Parking]:
        """Return what is to be parked. It counts as unprocessed until ``parked`` says that it is safe."""
        parkings, self._to_park = self._to_park, []
        return parkings

    def parked(self, message: Message) -> None:
        """Count a message as processed, now that it is parked."""
        del self._parking[id(message)]
        self._done(message)

    def not_parked(self, message: Message) -> None:
        """Send a message again that could not be parked."""
        del self._parking[id(message)]
        self._queue_retry(message)

    def checkpoint_due(self, now: float, *, by_time: bool) -> int | None:
        """Return the checkpoint to be written now, if there is one.

        By number of processed messages it is due at once; by time only at a tick.
        """
        progress, settings = self._progress, self.settings
        due = progress.processed >= max(1, settings.max_checkpoint_count)
        if by_time and settings.checkpoint_after_ms > 0:
            waited = now - progress.written_at >= settings.checkpoint_after_ms / 1000
            due = due or (waited and progress.processed >= max(1, settings.min_checkpoint_count))
        if not due:
            return None
        place = self._lowest_unprocessed()
        return None if place == progress.written else place

    def checkpoint_written(self, place: int, now: float) -> None:
        """Learn that a checkpoint is on its way."""
        self._progress = _Progress(place, now)

    def _dispatch_waiting(self, now: float, deliveries: list[Delivery]) -> None:
        held: list[Message] = []
        while self._waiting and self._has_room():
            message = self._waiting.popleft()
            if self._send(message, now, deliveries):
                continue
            held.append(message)
            if not self._strategy.overtakes:
                break
        self._waiting.extendleft(reversed(held))

    def _has_room(self) -> bool:
        return any(consumer.has_room for consumer in self._consumers)

    def _send(self, message: Message, now: float, deliveries: list[Delivery]) -> bool:
        """Give a message to a consumer, unless it has to wait; one of the same id in flight makes it wait too."""
        index = None if message.id in self._in_flight else self._strategy.choose(message.event)
        if index is None:
            return False
        consumer = self._consumers[index]
        consumer.in_flight += 1
        consumer.total += 1
        self.counters.total += 1
        self.counters.since_measured += 1
        self._in_flight[message.id] = _InFlight(message, consumer, now + self.settings.message_timeout_ms / 1000)
        deliveries.append(Delivery(consumer.number, message.event, message.retries))
        return True

    def _land(self, message_id: bytes) -> Message:
        entry = self._in_flight.pop(message_id)
        entry.consumer.in_flight -= 1
        return entry.message

    def _done(self, message: Message) -> None:
        if message.before is not None:
            self._progress.processed += 1

    def _retry_or_park(self, message: Message, reason: str) -> None:
        if message.retries < self.settings.max_retry_count:
            self._retry(message)
        else:
            self._park(message, reason)

    def _retry(self, message: Message) -> None:
        message.retries += 1
        self._queue_retry(message)

    def _queue_retry(self, message: Message) -> None:
        self._entries += 1
        heapq.heappush(self._retries, (message.position, self._entries, message))

    def _park(self, message: Message, reason: str) -> None:
        self._parking[id(message)] = message
        self._to_park.append(Parking(message, reason))

    def _lowest_unprocessed(self) -> int:
        """Return the place just before the lowest message that is not processed; everything up to it is done."""
        unprocessed = [entry.message for entry in self._in_flight.values()]
        unprocessed += [message for _, _, message in self._retries]
        unprocessed += self._parking.values()
        first_waiting = next((message for message in self._waiting if message.before is not None), None)
        if first_waiting is not None:
            unprocessed.append(first_waiting)
        return min((message.before for message in unprocessed if message.before is not None), default=self._considered)
