"""Notices that are to be believed and belong to nothing we know: kept for people, each once, never dropped.

Each has a stream of its own. Of a bank transfer it also says to which payment people have assigned it.
"""

import hashlib
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from app.domain.money import Money
from app.eventstore.categories import so_far
from app.eventstore.codec import UnreadableEvent, decode, encode, new_cause
from app.eventstore.port import NO_STREAM, EventStore, RecordedEvent, WrongRevision

CATEGORY = "unmatched"
_CURRENCY_OF_FEEDS = "VND"


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class NoticeUnmatched(_Stored):
    """A verified notice about no payment of ours; `evidence` is what people need to find out whose it is.

    Of a bank transfer `event_id` is its reference, whichever feed tells of it; `amount` in minor units.
    """

    reader: str
    event_id: str
    evidence: dict[str, str | int]
    at: datetime
    amount: int | None = None
    currency: str | None = None


class TransferAssigned(_Stored):
    """People say that the transfer is for this payment; `by` is who."""

    payment_id: str
    by: str
    at: datetime


_EVENTS: Mapping[str, type[NoticeUnmatched | TransferAssigned]] = {
    kind.__name__: kind for kind in (NoticeUnmatched, TransferAssigned)
}


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A notice that was kept, and what people have made of it."""

    stream: str
    notice: NoticeUnmatched
    assigned: TransferAssigned | None = None

    @property
    def transfer(self) -> Money | None:
        """The money, if it is a bank transfer."""
        if self.notice.amount is not None and self.notice.currency is not None:
            return Money(self.notice.amount, self.notice.currency)
        # What was kept before amounts stood by themselves.
        amount = self.notice.evidence.get("amount")
        known = "bank_reference" in self.notice.evidence and isinstance(amount, int)
        return Money(int(amount or 0), _CURRENCY_OF_FEEDS) if known else None


async def keep(
    store: EventStore,
    reader: str,
    event_id: str,
    evidence: Mapping[str, str | int],
    at: datetime,
    transfer: Money | None = None,
) -> bool:
    """Keep a notice, of a bank transfer with its money; whether it is new. Raises `StoreUnavailable`."""
    digest = hashlib.sha256(f"{reader} {event_id}".encode()).hexdigest()[:40]
    stream = f"{CATEGORY}-{digest}"
    event = NoticeUnmatched(
        reader=reader,
        event_id=event_id,
        evidence=dict(evidence),
        at=at,
        amount=transfer.amount if transfer else None,
        currency=transfer.currency if transfer else None,
    )
    try:
        await store.append(stream, encode(stream, NO_STREAM, [event], new_cause(stream)), expected=NO_STREAM)
    except WrongRevision:
        return False
    return True


async def kept(store: EventStore) -> list[Unmatched]:
    """All that was kept, the first first; of a bank transfer that several feeds told of, the first notice alone.

    So everybody who assigns it writes to the same stream. Raises `EventStoreError` and `UnreadableEvent`.
    """
    streams = dict[str, list[RecordedEvent]]()
    async with aclosing(so_far(store, CATEGORY)) as events:
        async for event in events:
            streams.setdefault(event.stream, []).append(event)
    found = dict[tuple[str, str], Unmatched]()
    for stream, recorded in streams.items():
        one = _folded(stream, recorded)
        found.setdefault(("" if one.transfer else one.notice.reader, one.notice.event_id), one)
    return list(found.values())


async def assign(store: EventStore, one: Unmatched, assigned: TransferAssigned) -> Unmatched:
    """Write down that `one` is assigned, unless it is; as it stands then. Raises `StoreUnavailable`."""
    if one.assigned is not None:
        return one
    # When somebody else comes first, theirs is what counts.
    with suppress(WrongRevision):
        await store.append(one.stream, encode(one.stream, 0, [assigned], new_cause(assigned.payment_id)), expected=0)
    return _folded(one.stream, await store.read(one.stream))


def _folded(stream: str, recorded: list[RecordedEvent]) -> Unmatched:
    notice: NoticeUnmatched | None = None
    assigned: TransferAssigned | None = None
    for event in (decode(each, _EVENTS) for each in recorded):
        match event:
            case NoticeUnmatched():
                notice = event
            case TransferAssigned():
                assigned = assigned or event
    if notice is None:
        raise UnreadableEvent(f"{stream} has no notice")
    return Unmatched(stream, notice, assigned)
