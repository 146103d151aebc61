"""A provider that does not answer is left alone for a while, and everybody is told."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from app.domain.reports import Declined, Pending, ProviderReport, Unknown
from app.providers.breaker import Circuits, OpenCircuits
from app.providers.port import ProviderUnreachable
from tests.support.waiting import eventually

SILENT = Unknown("no answer")


def answering(*reports: ProviderReport | Exception) -> Callable[[], Awaitable[ProviderReport]]:
    """A call that is answered so, time after time."""
    left = list(reports)

    async def call() -> ProviderReport:
        report = left.pop(0)
        if isinstance(report, Exception):
            raise report
        return report

    return call


@pytest.fixture
def provider() -> str:
    """One that no other test knows."""
    return f"provider-{uuid4()}"


async def test_after_so_many_silent_calls_in_a_row_no_further_one_is_made(redis: Redis, provider: str) -> None:
    circuits = Circuits(redis, failures=2, seconds=60)
    call = answering(SILENT, SILENT, Pending())
    assert await circuits.call(provider, call) == SILENT
    assert not await OpenCircuits(redis).is_open(provider)
    assert await circuits.call(provider, call) == SILENT
    with pytest.raises(ProviderUnreachable, match="left alone"):
        await circuits.call(provider, call)
    assert await OpenCircuits(redis).is_open(provider)


async def test_one_that_cannot_be_reached_is_left_alone_too(redis: Redis, provider: str) -> None:
    circuits = Circuits(redis, failures=1, seconds=60)
    with pytest.raises(ProviderUnreachable, match="refused"):
        await circuits.call(provider, answering(ProviderUnreachable("connection refused")))
    assert await OpenCircuits(redis).is_open(provider)


async def test_a_refusal_is_an_answer_and_begins_the_count_anew(redis: Redis, provider: str) -> None:
    circuits = Circuits(redis, failures=2, seconds=60)
    declined = Declined("card_declined", "no")
    call = answering(SILENT, declined, SILENT, Pending())
    assert [await circuits.call(provider, call) for _ in range(4)] == [SILENT, declined, SILENT, Pending()]


async def test_when_the_time_is_over_it_is_tried_again(redis: Redis, provider: str) -> None:
    circuits = Circuits(redis, failures=1, seconds=0.2)
    assert await circuits.call(provider, answering(SILENT)) == SILENT

    async def answers() -> bool:
        try:
            return await circuits.call(provider, answering(Pending())) == Pending()
        except ProviderUnreachable:
            return False

    await eventually(answers, what="a call")
    assert await circuits.call(provider, answering(Pending())) == Pending()


async def test_others_are_called_all_the_same(redis: Redis, provider: str) -> None:
    circuits = Circuits(redis, failures=1, seconds=60)
    await circuits.call(provider, answering(SILENT))
    assert await circuits.call(f"{provider}-other", answering(Pending())) == Pending()
    assert not await OpenCircuits(redis).is_open(f"{provider}-other")


async def test_a_call_that_is_called_off_does_not_count(redis: Redis, provider: str) -> None:
    circuits = Circuits(redis, failures=1, seconds=60)
    begun = asyncio.Event()

    async def for_ever() -> ProviderReport:
        begun.set()
        await asyncio.Event().wait()
        return Pending()

    task = asyncio.create_task(circuits.call(provider, for_ever))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await circuits.call(provider, answering(Pending())) == Pending()
