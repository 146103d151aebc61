"""Keys that count no more: on every node within a second.

Redis holds what was decided of each key and publishes it. Every process keeps the revoked keys in memory: it hears of
new ones at once, and reads all of them twice a second, because pub/sub may lose a message. A key stays revoked until
Redis says that it was restored: a Redis that cannot be reached, or that has forgotten, revokes nothing less. What a
Redis has forgotten, a process that starts later does not know: take a revoked API key out of the settings too.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

import structlog
from redis.asyncio import Redis

from app.redisio import RedisError

DECISIONS_KEY = "paygate:access:revocations"
"""Hash from key id to what was decided last."""
CHANNEL = "paygate:access:revocations"
"""Where the id of a key is published when something was decided."""

_SWEEP_SECONDS = 0.5
_ANSWER_SECONDS = 2.0

log = structlog.get_logger()


class Decision(StrEnum):
    """What was decided of a key."""

    REVOKED = "revoked"
    RESTORED = "restored"


async def revoke(redis: Redis, key_id: str) -> None:
    """From now on the key counts no more, and whoever is connected by it is told."""
    await _decide(redis, key_id, Decision.REVOKED)


async def restore(redis: Redis, key_id: str) -> None:
    """The key counts again."""
    await _decide(redis, key_id, Decision.RESTORED)


async def _decide(redis: Redis, key_id: str, decision: Decision) -> None:
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hset(DECISIONS_KEY, key_id, decision)
        pipeline.publish(CHANNEL, f"{decision} {key_id}")
        await pipeline.execute()


@dataclass
class Revocations:
    """The revoked keys as this process knows them; made by `Revocations.open`.

    Give it what is heard on `CHANNEL` with `on_message`, and say with `on_loss` when messages may be missing.
    """

    redis: Redis
    sweep_seconds: float = _SWEEP_SECONDS
    complete: bool = False
    """Whether all revocations have been read once; a process is not ready before."""
    _revoked: set[str] = field(default_factory=set)
    _told: dict[str, list[Callable[[], None]]] = field(default_factory=lambda: defaultdict(list))
    _suspicion: asyncio.Event = field(default_factory=asyncio.Event)
    _failing: bool = False

    @classmethod
    @asynccontextmanager
    async def open(cls, redis: Redis, sweep_seconds: float = _SWEEP_SECONDS) -> AsyncGenerator["Revocations", None]:
        """Revocations that have been read, if Redis answers, and are kept up to date until the end of the block."""
        revocations = cls(redis, sweep_seconds)
        await revocations._read()
        async with asyncio.TaskGroup() as tasks:
            sweeping = tasks.create_task(revocations._sweep())
            try:
                yield revocations
            finally:
                sweeping.cancel()

    def is_revoked(self, key_id: str) -> bool:
        """Whether the key counts no more."""
        return key_id in self._revoked

    @contextmanager
    def subscribe(self, key_id: str, told: Callable[[], None]) -> Iterator[None]:
        """Call `told` soon when the key is revoked while the block runs, or was revoked before.

        It may be called once more just after the block has ended.
        """
        self._told[key_id].append(told)
        if key_id in self._revoked:
            _call_soon(told)
        try:
            yield
        finally:
            self._told[key_id].remove(told)
            if not self._told[key_id]:
                del self._told[key_id]

    def on_message(self, channel: bytes, payload: bytes) -> None:
        """Take in a message from the feed; those of other channels are nothing to it."""
        if channel != CHANNEL.encode():
            return
        decision, _, key_id = _text(payload).partition(" ")
        if decision == Decision.REVOKED and key_id:
            self._revoke(key_id)
        else:
            self.on_loss()

    def on_loss(self) -> None:
        """Messages may have been lost: read everything again, now."""
        self._suspicion.set()

    async def _sweep(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.sweep_seconds):
                    await self._suspicion.wait()
            # Before reading: what is suspected meanwhile is read the next time.
            self._suspicion.clear()
            await self._read()

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                decisions = await self.redis.hgetall(DECISIONS_KEY)
        except (RedisError, OSError, TimeoutError) as fault:
            if not self._failing:
                log.warning("revocations cannot be read", fault=type(fault).__name__)
            self._failing = True
            return
        self._failing, self.complete = False, True
        for key_id, decision in decisions.items():
            if _text(decision) == Decision.REVOKED:
                self._revoke(_text(key_id))
            else:
                self._revoked.discard(_text(key_id))

    def _revoke(self, key_id: str) -> None:
        if key_id in self._revoked:
            return
        self._revoked.add(key_id)
        for told in self._told.get(key_id, ()):
            _call_soon(told)


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _call_soon(told: Callable[[], None]) -> None:
    # Through the loop: one that fails keeps nobody else from being told.
    asyncio.get_running_loop().call_soon(told)
