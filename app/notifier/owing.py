"""From an event of a payment or order to what is owed to whom."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.domain.delivery.model import Address, Change, Owe
from app.domain.event_types import event_type
from app.eventstore.codec import causation_of
from app.eventstore.port import RecordedEvent
from app.notifier.deliveries import DeliveryStreams
from app.notifier.port import Channel, Interest
from app.notifier.subjects import Subjects


def delivery_id_of(target_id: str, subject: str) -> str:
    """What the stream of a target's messages about one payment or order is called."""
    return f"{target_id}.{subject}"


@dataclass(frozen=True)
class Duties:
    """What the targets of a channel are owed."""

    subjects: Subjects
    deliveries: DeliveryStreams
    channel: Channel[Any]
    clock: Callable[[], datetime]

    async def after(self, event: RecordedEvent) -> list[Address]:
        """Write down what follows from `event`; those who are owed anything about its payment or order.

        Events come in any order and more than once: all that is owed up to each of them is written with it. Raises
        `StoreUnavailable`, `WrongRevision`, `UnreadableEvent` and `UnfoldableEvent`; to try again is safe.
        """
        change = await self.subjects.changed_by(event)
        if change is None:
            return []
        kind, view = change
        interested = await self.channel.directory.interested(view)
        changes = tuple(Change(step.version, event_type(kind, step.status), step.at) for step in view.history)
        owed = []
        for interest in interested:
            address = Address(self.channel.name, interest.target_id, view.merchant_id, kind, view.id)
            command = Owe(address, _wanted(changes, interest), self.clock())
            if command.changes:
                delivery_id = delivery_id_of(interest.target_id, view.id)
                # A single change is the first, or met again: before every other there is one that is owed already.
                likely_first = len(command.changes) == 1
                await self.deliveries.carry_out(delivery_id, command, causation_of(event), likely_first=likely_first)
                owed.append(address)
        return owed


def _wanted(changes: tuple[Change, ...], interest: Interest) -> tuple[Change, ...]:
    news = (change for change in changes if change.version > interest.since)
    return tuple(change for change in news if interest.wants(change.type, change.occurred_at))
