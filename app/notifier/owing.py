"""From an event of a payment or order to what is owed to whom."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from app.domain.delivery.model import Address, Owe
from app.eventstore.codec import causation_of
from app.eventstore.port import EventStore, RecordedEvent
from app.eventstore.transact import DELIVERIES, transact
from app.notifier.port import Channel, Interest
from app.notifier.subjects import Subject, kind_and_id, subject_of


def delivery_id_of(target_id: str, subject: str) -> str:
    """What the stream of a target's messages about one payment or order is called."""
    return f"{target_id}.{subject}"


async def owe(
    store: EventStore, channel: Channel[Any], event: RecordedEvent, clock: Callable[[], datetime]
) -> list[Address]:
    """Write down what the targets of `channel` are owed after `event`; those that are owed anything.

    Events come in any order and more than once: all that is owed up to the last of them is written with any of them.
    Raises `StoreUnavailable`, `WrongRevision` and `UnreadableEvent`; to try again is safe.
    """
    kind, subject_id = kind_and_id(event.stream)
    subject = await subject_of(store, kind, subject_id)
    if subject is None or event.revision not in {change.version for change in subject.changes}:
        return []
    interested = await channel.directory.interested(subject.merchant_id, subject.id)
    owed = []
    for interest in interested:
        command = _owe(channel.name, subject, interest, clock())
        if command.changes:
            delivery_id = delivery_id_of(interest.target_id, subject.id)
            await transact(store, DELIVERIES, delivery_id, command, causation_of(event))
            owed.append(command.address)
    return owed


def _owe(channel: str, subject: Subject, interest: Interest, now: datetime) -> Owe:
    address = Address(channel, interest.target_id, subject.merchant_id, subject.kind, subject.id)
    wanted = tuple(change for change in subject.changes if interest.wants(change.type, change.occurred_at))
    return Owe(address, wanted, now)
