"""Rates on a real Redis: shared while it answers, kept while it does not."""

import asyncio
import os
import signal
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from app.access.model import MerchantCaller
from app.access.rates import Rate, RateLimited, Rates, Work
from app.domain.ids import MerchantId
from app.redisio import open_redis
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import eventually

SLOW = {Work.MUTATION: Rate(0.001, 3), Work.READ: Rate(0.001, 5)}
PATIENCE_SECONDS = 10.0
"""What Redis may take to answer on a busy machine, where a gateway would rather count by itself."""


def caller() -> MerchantCaller:
    return MerchantCaller(MerchantId("acme"), key_id=uuid4().hex)


async def passed(rates: Rates, who: MerchantCaller, work: Work = Work.MUTATION, most: int = 50) -> int:
    """How many operations pass before one is refused."""
    for number in range(most):
        try:
            await rates.admit(who, work)
        except RateLimited:
            return number
    return most


async def test_two_gateways_count_together(valkey: ValkeyProcess, redis: Redis) -> None:
    who = caller()
    async with open_redis(valkey.url) as another:
        one, two = Rates(redis, SLOW, PATIENCE_SECONDS), Rates(another, SLOW, PATIENCE_SECONDS)
        await one.admit(who, Work.MUTATION)
        await two.admit(who, Work.MUTATION)
        await one.admit(who, Work.MUTATION)
        for rates in (one, two):
            with pytest.raises(RateLimited) as refused:
                await rates.admit(who, Work.MUTATION)
            assert 900 < refused.value.seconds <= 1000


async def test_mutations_and_reading_and_each_caller_have_rates_of_their_own(redis: Redis) -> None:
    rates, who = Rates(redis, SLOW, PATIENCE_SECONDS), caller()
    assert await passed(rates, who) == 3
    assert await passed(rates, who, Work.READ) == 5
    assert await passed(rates, caller()) == 3


async def test_time_gives_back_what_the_rate_says(redis: Redis) -> None:
    rates, who = Rates(redis, {Work.READ: Rate(1, 1)}, PATIENCE_SECONDS), caller()
    await rates.admit(who, Work.READ)
    with pytest.raises(RateLimited) as early:
        await rates.admit(who, Work.READ)
    assert 0 < early.value.seconds <= 1

    async def admitted() -> bool:
        return await passed(rates, who, Work.READ, most=1) == 1

    await eventually(admitted, what="the next operation")


async def test_many_at_once_get_no_more_than_the_burst(redis: Redis) -> None:
    rates, who = Rates(redis, SLOW, PATIENCE_SECONDS), caller()
    answers = await asyncio.gather(*(rates.admit(who, Work.READ) for _ in range(40)), return_exceptions=True)
    assert answers.count(None) == 5
    assert sum(isinstance(answer, RateLimited) for answer in answers) == 35


async def test_an_operation_costs_one_command_and_a_refused_one_too(own_valkey: ValkeyProcess) -> None:
    async with open_redis(own_valkey.url) as redis:
        rates, who = Rates(redis, SLOW, PATIENCE_SECONDS), caller()
        await rates.admit(who, Work.MUTATION)
        await redis.config_resetstat()
        assert await passed(rates, who) == 2
        statistics = await redis.info("commandstats")
        assert statistics["cmdstat_evalsha"]["calls"] == 3
        # What the script calls is listed too, and is no round trip.
        by_the_script = {"cmdstat_time", "cmdstat_get", "cmdstat_set"}
        assert set(statistics) - by_the_script == {"cmdstat_evalsha", "cmdstat_config|resetstat"}


async def test_a_rate_of_zero_is_none_and_asks_nobody(redis: Redis) -> None:
    who = caller()
    assert await passed(Rates(redis, {Work.READ: Rate(0, 1)}), who, Work.READ) == 50
    assert not await redis.keys(f"*{who.key_id}*")


async def test_nothing_is_kept_of_a_caller_who_owes_nothing(redis: Redis) -> None:
    who = caller()
    await Rates(redis, {Work.READ: Rate(50, 10)}, PATIENCE_SECONDS).admit(who, Work.READ)

    async def gone() -> bool:
        return not await redis.keys(f"*{who.key_id}*")

    await eventually(gone, what="the end of the note")


async def test_without_redis_each_process_counts_by_the_same_rates_and_with_it_they_count_together_again(
    own_valkey: ValkeyProcess,
) -> None:
    async with open_redis(own_valkey.url) as redis:
        rates = Rates(redis, SLOW)
        own_valkey.kill()
        who = caller()
        assert await passed(rates, who) == 3
        assert await passed(rates, who, Work.READ) == 5
        own_valkey.restart()

        async def shared() -> bool:
            somebody = caller()
            await rates.admit(somebody, Work.READ)
            return bool(await redis.keys(f"*{somebody.key_id}*"))

        await eventually(shared, what="counting in Redis again")


async def test_a_redis_that_hangs_holds_up_no_more_than_the_first(own_valkey: ValkeyProcess) -> None:
    async with open_redis(own_valkey.url) as redis:
        rates, who = Rates(redis, {Work.READ: Rate(0.001, 1000)}), caller()
        await rates.admit(who, Work.READ)
        os.kill(own_valkey.pid, signal.SIGSTOP)
        try:
            # Each would wait for a quarter of a second, or for ever: together that is more than a minute.
            async with asyncio.timeout(30):
                assert await passed(rates, who, Work.READ, most=300) == 300
        finally:
            os.kill(own_valkey.pid, signal.SIGCONT)
