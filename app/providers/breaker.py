"""A circuit breaker around each provider: one that does not answer is left alone for a while, and everybody told.

What counts is silence: no connection, no answer, no understandable answer. A refusal is an answer. While a circuit is
open no call is made, so payments wait as they do for a provider that cannot be reached; new ones are refused by the
gateway, which learns of it through Redis. The note there lapses by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from math import ceil

import structlog
from purgatory import AsyncCircuitBreakerFactory
from purgatory.domain.model import OpenedState
from redis.asyncio import Redis

from app.domain.reports import ProviderReport, Unknown
from app.providers.notices import NoticeReader
from app.providers.port import (
    Authorization,
    Capabilities,
    CaptureCall,
    Confirmation,
    PaymentProvider,
    ProviderUnreachable,
    Query,
    RefundCall,
    VoidCall,
)
from app.redisio import RedisError

_FRESH_SECONDS = 1.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Circuits:
    """Of one processor: opened after `failures` silent calls in a row, for `seconds`."""

    redis: Redis
    failures: int
    seconds: float
    _breakers: AsyncCircuitBreakerFactory = field(init=False)

    def __post_init__(self) -> None:
        breakers = AsyncCircuitBreakerFactory(
            default_threshold=self.failures, default_ttl=self.seconds, exclude=[asyncio.CancelledError]
        )
        object.__setattr__(self, "_breakers", breakers)

    async def call(self, provider: str, calling: Callable[[], Awaitable[ProviderReport]]) -> ProviderReport:
        """What the call says. Raises `ProviderUnreachable` when the circuit is open, besides what the call raises."""
        breaker = await self._breakers.get_breaker(provider)
        try:
            async with breaker:
                return await _answered(calling)
        except _Silent as silent:
            await self._tell(provider, breaker.context.state)
            return silent.report
        except ProviderUnreachable:
            await self._tell(provider, breaker.context.state)
            raise
        except OpenedState:
            raise ProviderUnreachable(f"{provider}: left alone for a while, for it did not answer") from None

    async def _tell(self, provider: str, state: str) -> None:
        if state != "opened":
            return
        log.warning("provider left alone", provider=provider, seconds=self.seconds)
        try:
            await self.redis.set(_key(provider), b"open", ex=ceil(self.seconds))
        except RedisError as fault:
            log.warning("nobody told of it", provider=provider, fault=type(fault).__name__)


async def _answered(calling: Callable[[], Awaitable[ProviderReport]]) -> ProviderReport:
    report = await calling()
    if isinstance(report, Unknown):
        raise _Silent(report)
    return report


class _Silent(Exception):
    def __init__(self, report: Unknown) -> None:
        super().__init__("no answer")
        self.report = report


class GuardedProvider:
    """A provider behind its circuit."""

    def __init__(self, provider: PaymentProvider, circuits: Circuits) -> None:
        self._provider = provider
        self._circuits = circuits

    @property
    def name(self) -> str:
        """As the provider's."""
        return self._provider.name

    @property
    def capabilities(self) -> Capabilities:
        """As the provider's."""
        return self._provider.capabilities

    @property
    def notice_readers(self) -> Sequence[NoticeReader]:
        """As the provider's."""
        return self._provider.notice_readers

    async def authorize(self, call: Authorization) -> ProviderReport:
        """As the provider's, or `ProviderUnreachable`."""
        return await self._circuits.call(self.name, lambda: self._provider.authorize(call))

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """As the provider's, or `ProviderUnreachable`."""
        return await self._circuits.call(self.name, lambda: self._provider.confirm(call))

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """As the provider's, or `ProviderUnreachable`."""
        return await self._circuits.call(self.name, lambda: self._provider.capture(call))

    async def void(self, call: VoidCall) -> ProviderReport:
        """As the provider's, or `ProviderUnreachable`."""
        return await self._circuits.call(self.name, lambda: self._provider.void(call))

    async def refund(self, call: RefundCall) -> ProviderReport:
        """As the provider's, or `ProviderUnreachable`."""
        return await self._circuits.call(self.name, lambda: self._provider.refund(call))

    async def look_up(self, query: Query) -> ProviderReport:
        """As the provider's, or `ProviderUnreachable`."""
        return await self._circuits.call(self.name, lambda: self._provider.look_up(query))


class OpenCircuits:
    """What the gateway knows of the providers that are left alone; at most a second old."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._known: dict[str, tuple[float, bool]] = {}

    async def is_open(self, provider: str) -> bool:
        """Whether the provider is left alone now; no when that cannot be found out."""
        now = asyncio.get_running_loop().time()
        asked_at, known = self._known.get(provider, (-_FRESH_SECONDS, False))
        if now - asked_at >= _FRESH_SECONDS:
            try:
                known = bool(await self._redis.exists(_key(provider)))
            except RedisError:
                known = False
            self._known[provider] = (now, known)
        return known


def _key(provider: str) -> str:
    return f"paygate:circuit:{provider}"
