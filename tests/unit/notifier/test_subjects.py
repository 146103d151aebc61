"""What there is to tell is the fold of the stream, in whatever order its events are met."""

import pytest

from app.domain.delivery.model import Address, OwedMessage
from app.eventstore.codec import UnreadableEvent
from app.eventstore.port import NO_STREAM, NewEvent, RecordedEvent
from app.eventstore.transact import PAYMENTS
from app.notifier.subjects import NothingToTell, Subjects
from projections.fold import payment_updates
from projections.views import PaymentView
from tests.integration.payments import VISIBLE_OF_SETTLED, new_id, settled, write
from tests.support.builders import NOW
from tests.support.remembering_store import RememberingStore


class CountingStore(RememberingStore):
    reads: int = 0

    async def read(self, stream: str, *, after: int = NO_STREAM) -> list[RecordedEvent]:
        self.reads += 1
        return await super().read(stream, after=after)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
async def payment_id(store: CountingStore) -> str:
    payment_id = new_id()
    await write(store, payment_id, settled(payment_id))
    return payment_id


async def met(subjects: Subjects, store: CountingStore, payment_id: str, *revisions: int) -> list[int]:
    """The versions of the changes that were met."""
    events = store.events(PAYMENTS.stream(payment_id))
    changes = [await subjects.changed_by(events[revision]) for revision in revisions]
    return [change[1].version for change in changes if change is not None]


async def told(subjects: Subjects, payment_id: str, version: int) -> PaymentView:
    owed = OwedMessage("msg_1", version, "paygate.payment.succeeded", NOW, NOW)
    message = await subjects.message_of(Address("webhook", "we_1", "acme", "payment", payment_id), owed)
    assert isinstance(message.view, PaymentView)
    return message.view


def folded(payment_id: str, version: int) -> PaymentView:
    payment, _ = payment_updates(settled(payment_id)[: version + 1])
    assert payment is not None
    return payment.view


async def test_events_met_in_order_and_messages_about_them_cost_no_read(store: CountingStore, payment_id: str) -> None:
    subjects = Subjects(store)
    assert await met(subjects, store, payment_id, *range(6)) == VISIBLE_OF_SETTLED
    for version in VISIBLE_OF_SETTLED:
        assert await told(subjects, payment_id, version) == folded(payment_id, version)
    assert store.reads == 0


@pytest.mark.parametrize("order", [(5, 4, 3, 2, 1, 0), (0, 0, 2, 1, 1, 3, 5, 4), (3, 0, 5, 5, 1, 2, 4, 0)])
async def test_events_met_in_any_order_and_twice_show_the_same(
    store: CountingStore, payment_id: str, order: tuple[int, ...]
) -> None:
    subjects = Subjects(store)
    visible = [revision for revision in order if revision in VISIBLE_OF_SETTLED]
    assert await met(subjects, store, payment_id, *order) == visible
    for version in VISIBLE_OF_SETTLED:
        assert await told(subjects, payment_id, version) == folded(payment_id, version)


async def test_a_message_about_what_nobody_has_met_is_the_fold_of_the_stream(
    store: CountingStore, payment_id: str
) -> None:
    subjects = Subjects(store)
    for version in reversed(VISIBLE_OF_SETTLED):
        assert await told(subjects, payment_id, version) == folded(payment_id, version)
    assert store.reads == 1


@pytest.mark.parametrize("version", [2, 6])
async def test_there_is_nothing_to_tell_where_nothing_changed(
    store: CountingStore, payment_id: str, version: int
) -> None:
    with pytest.raises(NothingToTell):
        await told(Subjects(store), payment_id, version)


async def test_what_cannot_be_read_hinders_what_comes_after_it_and_not_what_came_before(
    store: CountingStore, payment_id: str
) -> None:
    stream, subjects = PAYMENTS.stream(payment_id), Subjects(store)
    strange = [NewEvent(event.id, "SomethingElse", b"{}", b"{}") for event in store.events(stream)[:2]]
    await store.append(stream, strange, expected=5)
    assert await met(subjects, store, payment_id, 1, 5) == [1, 5]
    assert await told(subjects, payment_id, 5) == folded(payment_id, 5)
    for revision in (6, 7):
        with pytest.raises(UnreadableEvent):
            await met(subjects, store, payment_id, revision)
