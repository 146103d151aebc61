"""Send what is due of one delivery stream until nothing is due any more. Anyone may pump any stream at any time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import structlog

from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.model import (
    Address,
    DeliveryCommand,
    DeliveryState,
    GiveUpAll,
    NothingOwed,
    OwedMessage,
    RecordFailure,
    RecordMade,
)
from app.domain.delivery.next_action import Attempt, next_action
from app.eventstore.codec import Cause
from app.eventstore.port import EventStore
from app.eventstore.transact import DELIVERIES, History, load, transact
from app.notifier.port import Channel, Gone, NotSent, Off, Ready, Removed, Sent
from app.notifier.subjects import message_of
from app.observability.metrics import DELIVERIES_TRIED
from app.redisio import RedisError

log = structlog.get_logger()

Target = TypeVar("Target")
DeliveryHistory = History[DeliveryEvent, DeliveryState]


class Health(Protocol):
    """How targets have been doing."""

    async def failing_since(self, target_id: str) -> datetime | None:
        """When the target first failed after its last success; None when it does not fail. Raises `RedisError`."""
        ...


@dataclass(frozen=True)
class DeliveryPump(Generic[Target]):
    """What it takes to bring the deliveries of one channel forward; `jitter` answers random numbers from 0 to 1."""

    store: EventStore
    channel: Channel[Target]
    health: Health
    clock: Callable[[], datetime]
    jitter: Callable[[], float]

    async def run(self, delivery_id: str, cause: Cause) -> bool:
        """Send what is due of one stream, in order; whether anything was written.

        Whoever stops between a message's being sent and its being recorded is followed by somebody who sends it again,
        under the same id. Raises `StoreUnavailable`, `WrongRevision`, `UnreadableEvent` and `NothingToTell`.
        """
        history = await load(self.store, DELIVERIES, delivery_id)
        begun_at = history.revision
        while True:
            before = history.revision
            history = await self._step(delivery_id, history, cause)
            if history.revision == before:
                return history.revision != begun_at

    async def _step(self, delivery_id: str, history: DeliveryHistory, cause: Cause) -> DeliveryHistory:
        state = history.state
        if isinstance(state, NothingOwed) or state.next is None or state.address.channel != self.channel.name:
            return history
        match await self.channel.directory.find(state.address):
            case Removed(reason):
                return await self._write(delivery_id, history, GiveUpAll(reason, self.clock()), cause)
            case Off():
                return history
            case Ready(target, resumed_at):
                action = next_action(state, self.clock(), resumed_at)
                if not isinstance(action, Attempt):
                    return history
                command = await self._attempt(state.address, action.message, target, resumed_at)
                return await self._write(delivery_id, history, command, cause)

    async def _attempt(
        self, address: Address, owed: OwedMessage, target: Target, resumed_at: datetime | None
    ) -> DeliveryCommand:
        message = await message_of(self.store, address, owed)
        outcome = await self.channel.sender.send(message, target)
        number, now = owed.attempts + 1, self.clock()
        DELIVERIES_TRIED.labels(self.channel.name, type(outcome).__name__).inc()
        log.info("tried to deliver", message=owed.message_id, attempt=number, outcome=type(outcome).__name__)
        match outcome:
            case Sent(detail):
                return RecordMade(owed.version, number, detail, now)
            case Gone(reason):
                # First of all, so that nobody calls it meanwhile. What it is owed stays owed.
                await self.channel.directory.switch_off(address, reason, now)
                return self._failure(owed, NotSent(reason), now)
            case NotSent():
                await self._switch_off_when_dead(address, resumed_at, now)
                return self._failure(owed, outcome, now)

    def _failure(self, owed: OwedMessage, outcome: NotSent, now: datetime) -> RecordFailure:
        number = owed.attempts + 1
        again_at = self.channel.policy.next_attempt(number, now, outcome.retry_after, self.jitter())
        return RecordFailure(owed.version, number, outcome.reason, again_at, now)

    async def _switch_off_when_dead(self, address: Address, resumed_at: datetime | None, now: datetime) -> None:
        try:
            since = await self.health.failing_since(address.target_id)
        except RedisError as fault:
            log.warning("health unknown", target=address.target_id, fault=type(fault).__name__)
            return
        if since is None:
            return
        patience = self.channel.policy.switch_off_after
        if now - max(since, resumed_at or since) >= patience:
            reason = f"has taken nothing for {patience.total_seconds() / 86400:g} days"
            await self.channel.directory.switch_off(address, reason, now)

    async def _write(
        self, delivery_id: str, history: DeliveryHistory, command: DeliveryCommand, cause: Cause
    ) -> DeliveryHistory:
        outcome = await transact(self.store, DELIVERIES, delivery_id, command, cause, known=history)
        return outcome.history
