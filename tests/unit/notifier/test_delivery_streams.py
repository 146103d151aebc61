"""What a notifier knows of a delivery stream saves it reads, and never leads it to write what is not so."""

import asyncio
from datetime import timedelta

import pytest

from app.domain.delivery.events import DeliveryMade, DeliveryOwed
from app.domain.delivery.model import Address, Change, Owe, Owing, RecordMade
from app.eventstore.codec import new_cause
from app.eventstore.port import NO_STREAM, RecordedEvent
from app.eventstore.transact import DELIVERIES, load
from app.notifier.deliveries import DeliveryHistory, DeliveryStreams
from tests.support.builders import NOW
from tests.support.remembering_store import RememberingStore

ADDRESS = Address("webhook", "we_1", "acme", "payment", "pay_1")
STREAM = "we_1.pay_1"
CAUSE = new_cause(STREAM)


class CountingStore(RememberingStore):
    """Remembers from which revision on each read has read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[int] = []

    async def read(self, stream: str, *, after: int = NO_STREAM) -> list[RecordedEvent]:
        self.reads.append(after + 1)
        # Others have their turn between a read and what follows from it.
        await asyncio.sleep(0)
        return await super().read(stream, after=after)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


def owe(*versions: int) -> Owe:
    return Owe(ADDRESS, tuple(Change(version, "paygate.payment.processing", NOW) for version in versions), NOW)


def made(version: int) -> RecordMade:
    return RecordMade(version, 1, "answered 200", NOW)


def waiting(history: DeliveryHistory) -> tuple[int, ...]:
    assert isinstance(history.state, Owing)
    return history.state.waiting


async def written(store: CountingStore) -> list[tuple[type, int]]:
    return [(type(event), event.version) for event in (await load(store, DELIVERIES, STREAM)).events]


async def test_what_one_notifier_writes_alone_is_never_read(store: CountingStore) -> None:
    streams = DeliveryStreams(store)
    await streams.carry_out(STREAM, owe(0), CAUSE, likely_first=True)
    await streams.carry_out(STREAM, made(0), CAUSE)
    await streams.carry_out(STREAM, owe(0, 1), CAUSE)
    history = await streams.carry_out(STREAM, made(1), CAUSE)
    assert waiting(history) == ()
    assert store.reads == []
    assert await written(store) == [(DeliveryOwed, 0), (DeliveryMade, 0), (DeliveryOwed, 1), (DeliveryMade, 1)]


async def test_a_stream_that_was_taken_not_to_exist_and_does_is_found_as_it_is(store: CountingStore) -> None:
    await DeliveryStreams(store).carry_out(STREAM, owe(0), CAUSE)
    again = await DeliveryStreams(store).carry_out(STREAM, owe(0), CAUSE, likely_first=True)
    assert waiting(again) == (0,)
    assert await written(store) == [(DeliveryOwed, 0)]


async def test_what_another_notifier_has_written_meanwhile_is_found_as_it_is(store: CountingStore) -> None:
    stale, other = DeliveryStreams(store), DeliveryStreams(store)
    await stale.carry_out(STREAM, owe(0), CAUSE)
    await other.carry_out(STREAM, made(0), CAUSE)
    await other.carry_out(STREAM, owe(0, 1), CAUSE)
    assert waiting(await stale.carry_out(STREAM, made(0), CAUSE)) == (1,)
    assert waiting(await stale.carry_out(STREAM, owe(0, 1, 5), CAUSE)) == (1, 5)
    assert await written(store) == [(DeliveryOwed, 0), (DeliveryMade, 0), (DeliveryOwed, 1), (DeliveryOwed, 5)]


async def test_a_load_reads_on_and_finds_what_others_have_written(store: CountingStore) -> None:
    streams, other = DeliveryStreams(store), DeliveryStreams(store)
    await streams.carry_out(STREAM, owe(0, 1), CAUSE)
    await other.carry_out(STREAM, made(0), CAUSE)
    store.reads.clear()
    assert waiting(await streams.load(STREAM)) == (1,)
    assert store.reads == [2]


async def test_several_notifiers_at_once_write_everything_once(store: CountingStore) -> None:
    notifiers = [DeliveryStreams(store) for _ in range(4)]
    for versions in ((0,), (0, 1), (0, 1, 5)):
        await asyncio.gather(*(each.carry_out(STREAM, owe(*versions), CAUSE, likely_first=True) for each in notifiers))
        await asyncio.gather(*(each.carry_out(STREAM, made(versions[-1]), CAUSE) for each in notifiers))
    assert await written(store) == [(kind, version) for version in (0, 1, 5) for kind in (DeliveryOwed, DeliveryMade)]


async def test_what_is_known_is_as_good_as_read_for_a_moment_only(store: CountingStore) -> None:
    now = [0.0]
    streams = DeliveryStreams(store, clock=lambda: now[0])
    assert streams.just_known(STREAM, timedelta(seconds=1)) is None
    written = await streams.carry_out(STREAM, owe(0), CAUSE)
    assert streams.just_known(STREAM, timedelta(seconds=1)) is written
    now[0] = 1.5
    assert streams.just_known(STREAM, timedelta(seconds=1)) is None
    await streams.load(STREAM)
    assert streams.just_known(STREAM, timedelta(seconds=1)) is written


async def test_what_is_not_remembered_any_more_is_read_again(store: CountingStore) -> None:
    streams = DeliveryStreams(store, remembered=1)
    await streams.carry_out(STREAM, owe(0), CAUSE)
    await streams.carry_out("we_1.pay_2", Owe(Address("webhook", "we_1", "acme", "payment", "pay_2"), (), NOW), CAUSE)
    assert waiting(await streams.carry_out(STREAM, owe(0, 1), CAUSE)) == (0, 1)
