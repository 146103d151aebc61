"""Whoever asks is answered by a read that began after they asked, and shares it with those who asked meanwhile."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from app.domain.endpoints.events import EndpointDisabled, EndpointEvent, EndpointRegistered
from app.domain.endpoints.model import Endpoints, EndpointStatus
from app.eventstore.codec import encode, new_cause
from app.eventstore.port import NO_STREAM, RecordedEvent, StoreUnavailable
from app.eventstore.shared_reads import SharedReads
from app.eventstore.transact import ENDPOINTS, History
from tests.support.builders import NOW
from tests.support.remembering_store import RememberingStore


class SlowStore(RememberingStore):
    """Finds out what there is when a read begins, and answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[int] = []
        """From which revision on each read has read."""
        self.answers = asyncio.Semaphore(0)
        self.faults: list[Exception] = []

    async def read(self, stream: str, *, after: int = NO_STREAM) -> list[RecordedEvent]:
        self.begun.append(after + 1)
        found = await super().read(stream, after=after)
        await self.answers.acquire()
        if self.faults:
            raise self.faults.pop()
        return found

    async def write(self, merchant_id: str, *events: EndpointEvent) -> None:
        stream = ENDPOINTS.stream(merchant_id)
        before = len(self.events(stream)) - 1
        await self.append(stream, encode(stream, before, events, new_cause(merchant_id)), expected=before)


def registered(endpoint_id: str) -> EndpointRegistered:
    return EndpointRegistered(
        endpoint_id=endpoint_id, merchant_id="acme", url="https://shop.test", sealed_secret="-", at=NOW
    )


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def reads(store: SlowStore) -> SharedReads[Any, Any, Endpoints]:
    return SharedReads(store, ENDPOINTS)


async def asked(question: Awaitable[History[Any, Endpoints]]) -> "asyncio.Future[History[Any, Endpoints]]":
    """The question, asked: its read has begun if it is not to wait for another."""
    future = asyncio.ensure_future(question)
    for _ in range(5):
        await asyncio.sleep(0)
    return future


async def test_a_read_that_began_before_does_not_answer_who_asks_after(
    store: SlowStore, reads: SharedReads[Any, Any, Endpoints]
) -> None:
    early = await asked(reads.load("acme"))
    await store.write("acme", registered("we_1"))
    late = await asked(reads.load("acme"))
    store.answers.release()
    assert (await early).state.by_id == {}
    assert not late.done()
    store.answers.release()
    assert list((await late).state.by_id) == ["we_1"]


async def test_those_who_ask_while_one_reads_share_the_next_read(
    store: SlowStore, reads: SharedReads[Any, Any, Endpoints]
) -> None:
    questions = [await asked(reads.load("acme")) for _ in range(5)]
    for _ in range(2):
        store.answers.release()
    await asyncio.gather(*questions)
    assert store.begun == [0, 0]


async def test_a_read_goes_on_from_what_is_known_and_misses_nothing(
    store: SlowStore, reads: SharedReads[Any, Any, Endpoints]
) -> None:
    await store.write("acme", registered("we_1"), registered("we_2"))
    for _ in range(3):
        store.answers.release()
    assert (await reads.load("acme")).revision == 1
    await store.write("acme", EndpointDisabled(endpoint_id="we_1", at=NOW))
    state = (await reads.load("acme")).state
    assert [each.status for each in state.by_id.values()] == [EndpointStatus.DISABLED, EndpointStatus.ENABLED]
    assert (await reads.load("acme")).state == state
    assert store.begun == [0, 2, 3]


async def test_one_merchant_does_not_wait_for_another(
    store: SlowStore, reads: SharedReads[Any, Any, Endpoints]
) -> None:
    questions = [await asked(reads.load(merchant_id)) for merchant_id in ("acme", "other")]
    assert len(store.begun) == 2
    for _ in questions:
        store.answers.release()
    await asyncio.gather(*questions)


async def test_who_is_cancelled_leaves_the_others_waiting(
    store: SlowStore, reads: SharedReads[Any, Any, Endpoints]
) -> None:
    first = await asked(reads.load("acme"))
    one, other = await asked(reads.load("acme")), await asked(reads.load("acme"))
    first.cancel()
    one.cancel()
    for _ in range(2):
        store.answers.release()
    assert (await other).revision == NO_STREAM
    assert first.cancelled()
    assert one.cancelled()


async def test_a_read_that_fails_fails_for_those_who_share_it_and_the_next_is_another(
    store: SlowStore, reads: SharedReads[Any, Any, Endpoints]
) -> None:
    await store.write("acme", registered("we_1"))
    question = await asked(reads.load("acme"))
    latecomers = [await asked(reads.load("acme")) for _ in range(2)]
    store.answers.release()
    await question
    store.faults.append(StoreUnavailable("away"))
    store.answers.release()
    answers = await asyncio.gather(*latecomers, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable, StoreUnavailable]
    store.answers.release()
    assert list((await reads.load("acme")).state.by_id) == ["we_1"]


async def test_what_is_not_remembered_any_more_is_read_from_its_beginning(store: SlowStore) -> None:
    reads = SharedReads(store, ENDPOINTS, remembered=1)
    await store.write("acme", registered("we_1"))
    for merchant_id in ("acme", "other", "acme"):
        store.answers.release()
        history = await reads.load(merchant_id)
    assert list(history.state.by_id) == ["we_1"]
    assert store.begun == [0, 0, 0]
