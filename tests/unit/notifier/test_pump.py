"""What a notifier remembers is sent from only as long as it is as good as read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from app.domain.delivery.model import Address, Change, Owe, RecordMade, RequestDelivery
from app.eventstore.codec import new_cause
from app.eventstore.transact import DELIVERIES, transact
from app.notifier.deliveries import DeliveryStreams
from app.notifier.port import Channel, Interest, Message, Outcome, Ready, Sent
from app.notifier.pump import DeliveryPump, Progress
from app.notifier.subjects import Subjects
from projections.views import View
from tests.integration.payments import VISIBLE_OF_SETTLED, new_id, settled, write
from tests.support.builders import NOW
from tests.support.remembering_store import RememberingStore


class Always:
    """One target, which may be called."""

    async def interested(self, _: View) -> Sequence[Interest]:
        raise NotImplementedError

    async def find(self, _: Address) -> Ready[None]:
        return Ready(None)

    async def switch_off(self, *_: object) -> bool:
        raise NotImplementedError


@dataclass
class Writing:
    """Takes every message."""

    sent: list[int] = field(default_factory=list)

    async def send(self, message: Message, _: None) -> Outcome:
        self.sent.append(message.version)
        return Sent("answered 200")


class Healthy:
    async def failing_since(self, *_: object) -> datetime | None:
        return None


@dataclass
class Night:
    """A notifier with a memory, the store that others write too, and seconds that pass when they are told to."""

    store: RememberingStore
    payment_id: str
    sender: Writing
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.deliveries = DeliveryStreams(self.store, clock=lambda: self.seconds)
        self.address = Address("webhook", "we_1", "acme", "payment", self.payment_id)
        self.delivery_id = f"we_1.{self.payment_id}"
        self.cause = new_cause(self.delivery_id)

    async def owe(self, *versions: int) -> None:
        changes = tuple(Change(version, "paygate.payment.processing", NOW) for version in versions)
        await self.deliveries.carry_out(self.delivery_id, Owe(self.address, changes, NOW), self.cause)

    async def somebody_else(self, command: RecordMade | RequestDelivery) -> None:
        await transact(self.store, DELIVERIES, self.delivery_id, command, self.cause)

    async def pump(self) -> Progress:
        channel = Channel("webhook", Always(), self.sender)
        subjects = Subjects(self.store)
        pump = DeliveryPump(subjects, self.deliveries, channel, Healthy(), lambda: NOW, lambda: 0.0)
        return await pump.run(self.delivery_id, self.cause)


@pytest.fixture
async def night() -> Night:
    store, payment_id = RememberingStore(), new_id()
    await write(store, payment_id, settled(payment_id))
    return Night(store, payment_id, Writing())


async def test_what_another_has_delivered_since_is_not_sent_again(night: Night) -> None:
    await night.owe(0, 1)
    await night.somebody_else(RecordMade(0, 1, "answered 200", NOW))
    night.seconds = 1.0
    await night.pump()
    assert night.sender.sent == [1]


async def test_what_somebody_wants_again_is_sent_though_memory_says_that_nothing_is_due(night: Night) -> None:
    await night.owe(*VISIBLE_OF_SETTLED)
    await night.pump()
    await night.somebody_else(RequestDelivery(1, "again", NOW))
    assert await night.pump() is Progress.MOVED
    assert night.sender.sent == [*VISIBLE_OF_SETTLED, 1]


async def test_what_was_just_written_is_sent_and_what_is_owed_later_after_it(night: Night) -> None:
    for version in VISIBLE_OF_SETTLED:
        await night.owe(version)
        assert await night.pump() is Progress.MOVED
    assert await night.pump() is Progress.STILL
    assert night.sender.sent == VISIBLE_OF_SETTLED
