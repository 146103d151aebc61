"""Send what is due of one delivery stream until nothing is due any more. Anyone may pump any stream at any time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Generic, Protocol, TypeVar

import structlog

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
from app.notifier.deliveries import DeliveryHistory, DeliveryStreams
from app.notifier.port import Channel, Gone, NotSent, Off, Ready, Removed, Sent
from app.notifier.subjects import Subjects
from app.observability.metrics import DELIVERIES_TRIED, TARGETS_SWITCHED_OFF
from app.redisio import RedisError

_MOMENT = timedelta(milliseconds=100)
"""For so long what was just written, or read, needs no reading: an answer may take as long to come."""

log = structlog.get_logger()

Target = TypeVar("Target")


class Health(Protocol):
    """How targets have been doing."""

    async def failing_since(self, target_id: str, now: datetime) -> datetime | None:
        """Since when the target has been failing all the while; None when it has not. Raises `RedisError`."""
        ...


class Claims(Protocol):
    """Who of several makes an attempt."""

    async def take(self, address: Address, message: OwedMessage) -> bool:
        """Whether the attempt that is next is ours to make."""
        ...


class Progress(Enum):
    """What came of pumping a delivery stream."""

    MOVED = "something was written"
    STILL = "nothing is due"
    OFF = "its target is not to be called at present"


@dataclass(frozen=True)
class DeliveryPump(Generic[Target]):
    """What it takes to bring the deliveries of one channel forward; `jitter` answers random numbers from 0 to 1."""

    subjects: Subjects
    deliveries: DeliveryStreams
    channel: Channel[Target]
    health: Health
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    claims: Claims | None = None

    async def run(self, delivery_id: str, cause: Cause) -> Progress:
        """Send what is due of one stream, in order, until nothing is.

        Whoever stops between a message's being sent and its being recorded is followed by somebody who sends it again,
        under the same id. Raises `StoreUnavailable`, `WrongRevision`, `UnreadableEvent` and `NothingToTell`.
        """
        history = await self._begin(delivery_id)
        progress = Progress.STILL
        while True:
            state = history.state
            if isinstance(state, NothingOwed) or state.next is None or state.address.channel != self.channel.name:
                return progress
            command = await self._next(state.address, state)
            if isinstance(command, Progress):
                return command if progress is Progress.STILL else progress
            history = await self.deliveries.carry_out(delivery_id, command, cause)
            progress = Progress.MOVED

    async def _begin(self, delivery_id: str) -> DeliveryHistory:
        known = self.deliveries.just_known(delivery_id, _MOMENT)
        # That nothing is due is said by the store alone: somebody may have asked for a message again.
        if known is not None and isinstance(next_action(known.state, self.clock()), Attempt):
            return known
        return await self.deliveries.load(delivery_id)

    async def _next(self, address: Address, state: DeliveryState) -> DeliveryCommand | Progress:
        """What to write down after doing what is due, or why nothing is done."""
        match await self.channel.directory.find(address):
            case Removed(reason):
                return GiveUpAll(reason, self.clock())
            case Off():
                return Progress.OFF
            case Ready(target, resumed_at):
                action = next_action(state, self.clock(), resumed_at)
                if not isinstance(action, Attempt):
                    return Progress.STILL
                if self.claims is not None and not await self.claims.take(address, action.message):
                    return Progress.STILL
                return await self._attempt(address, action.message, target, resumed_at)

    async def _attempt(
        self, address: Address, owed: OwedMessage, target: Target, resumed_at: datetime | None
    ) -> DeliveryCommand:
        message = await self.subjects.message_of(address, owed)
        outcome = await self.channel.sender.send(message, target)
        number, now = owed.attempts + 1, self.clock()
        DELIVERIES_TRIED.labels(self.channel.name, type(outcome).__name__).inc()
        log.info("tried to deliver", message=owed.message_id, attempt=number, outcome=type(outcome).__name__)
        match outcome:
            case Sent(detail):
                return RecordMade(owed.version, number, detail, now)
            case Gone(reason):
                # First of all, so that nobody calls it meanwhile. What it is owed stays owed.
                await self._switch_off(address, reason, now)
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
            since = await self.health.failing_since(address.target_id, now)
        except RedisError as fault:
            log.warning("health unknown", target=address.target_id, fault=type(fault).__name__)
            return
        if since is None:
            return
        patience = self.channel.policy.switch_off_after
        if now - max(since, resumed_at or since) >= patience:
            reason = f"has taken nothing for {patience.total_seconds() / 86400:g} days"
            await self._switch_off(address, reason, now)

    async def _switch_off(self, address: Address, reason: str, now: datetime) -> None:
        if await self.channel.directory.switch_off(address, reason, now):
            TARGETS_SWITCHED_OFF.labels(self.channel.name).inc()
            log.warning("target switched off", target=address.target_id, merchant=address.merchant_id, reason=reason)
