"""How often a caller may ask: one rate for mutations, one for everything else, shared by all gateways through Redis.

The generic cell rate algorithm, a token bucket that is a single number: the time at which the caller will have nothing
owing. One script reads and moves it, so that an operation costs one round trip, which also says how long to wait; the
usual libraries keep an entry per operation or ask a second time for that.

Redis may be slow or away. Then this process counts by itself, by the same rule and the same rates, and tries Redis
again a little later: never is everything let through, never nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil
from time import monotonic

import structlog
from redis.asyncio import Redis

from app.access.model import Caller, MerchantCaller
from app.observability.metrics import RATE_LIMITED, RATES_LOCAL
from app.redisio import RedisError

_REST_SECONDS = 1.0
_MOST_REMEMBERED = 10_000

# KEYS: the time, in Unix seconds, at which nothing is owing. ARGV: seconds per operation, seconds that may be owing.
# Answers how many seconds too early the operation comes, as text, for a number would lose its fraction.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local settled = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + ARGV[1]
local early = settled - ARGV[2] - now
if early > 0.000001 then
  return string.format('%.6f', early)
end
redis.call('SET', KEYS[1], string.format('%.6f', settled), 'PX', math.ceil((settled - now) * 1000) + 1)
return '0'
"""

log = structlog.get_logger()


class Work(StrEnum):
    """What is counted together."""

    MUTATION = "mutation"
    READ = "read"


class RateLimited(Exception):
    """The caller has asked too often; `seconds` until it may ask again."""

    def __init__(self, work: Work, seconds: float) -> None:
        what = "mutations" if work is Work.MUTATION else "queries, subscriptions and status requests"
        super().__init__(f"too many {what}: slow down")
        self.seconds = seconds

    @property
    def retry_after(self) -> int:
        """The same in whole seconds, as clients are told: at least one."""
        return max(1, ceil(self.seconds))


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` in the long run, 0 for any number, and `burst` at once."""

    per_second: float
    burst: int

    @property
    def pace(self) -> float:
        """Seconds per operation."""
        return 1.0 / self.per_second

    @property
    def tolerance(self) -> float:
        """Seconds of operations that may be owing."""
        return self.burst / self.per_second


@dataclass
class LocalRates:
    """Counts in one process; `clock` gives seconds."""

    clock: Callable[[], float] = monotonic
    _settled: dict[str, float] = field(default_factory=dict)

    def early(self, key: str, rate: Rate) -> float:
        """Count an operation, or by how many seconds it comes too early, when it is not counted."""
        now = self.clock()
        settled = max(self._settled.get(key, now), now) + rate.pace
        early = settled - rate.tolerance - now
        if early > 1e-6:
            return early
        if len(self._settled) >= _MOST_REMEMBERED and key not in self._settled:
            self._forget(now)
        self._settled[key] = settled
        return 0.0

    def _forget(self, now: float) -> None:
        """Forget who owes nothing, which changes nothing; if that is nobody, who owes the least."""
        self._settled = {key: settled for key, settled in self._settled.items() if settled > now}
        if len(self._settled) >= _MOST_REMEMBERED:
            by_debt = sorted(self._settled.items(), key=lambda entry: entry[1])
            self._settled = dict(by_debt[_MOST_REMEMBERED // 10 :])


@dataclass
class Rates:
    """Counts the operations of every caller."""

    redis: Redis
    rates: dict[Work, Rate]
    answer_seconds: float = 0.25
    """How long Redis may take to answer; after that the process counts by itself."""
    _local: LocalRates = field(default_factory=LocalRates)
    _failing: bool = False
    _resting_until: float = 0.0

    def __post_init__(self) -> None:
        self._take = self.redis.register_script(_TAKE)

    async def admit(self, caller: Caller, work: Work) -> None:
        """Count an operation; raises `RateLimited` when it is one too many, which is then not counted."""
        rate = self.rates[work]
        if not rate.per_second:
            return
        early = await self._early(_key(caller, work), rate)
        if early > 0:
            RATE_LIMITED.labels(work.value).inc()
            raise RateLimited(work, early)

    async def _early(self, key: str, rate: Rate) -> float:
        now = asyncio.get_running_loop().time()
        if now < self._resting_until:
            return self._by_itself(key, rate)
        if self._failing:
            # One operation finds out whether Redis is back; the others do not wait for that.
            self._resting_until = now + _REST_SECONDS
        try:
            async with asyncio.timeout(self.answer_seconds):
                early = float(await self._take(keys=[key], args=[rate.pace, rate.tolerance]))
        except (RedisError, OSError, TimeoutError) as fault:
            if not self._failing:
                log.warning("rates are counted by this process alone", fault=type(fault).__name__)
            self._failing = True
            self._resting_until = asyncio.get_running_loop().time() + _REST_SECONDS
            return self._by_itself(key, rate)
        self._failing, self._resting_until = False, 0.0
        return early

    def _by_itself(self, key: str, rate: Rate) -> float:
        RATES_LOCAL.inc()
        return self._local.early(key, rate)


def _key(caller: Caller, work: Work) -> str:
    # The id of the key and not the name of the principal, which may be a person's.
    known = caller.key_id or (caller.merchant_id if isinstance(caller, MerchantCaller) else caller.subject_id)
    return f"paygate:rate:{work}:{known}"
