"""The streams of a day, and what they fold to."""

import json
from contextlib import aclosing
from datetime import datetime
from typing import Any

from app.domain.payment.evolve import ImpossibleHistory
from app.domain.payment.model import NotInitiated
from app.domain.payment.next_action import Policy
from app.eventstore.categories import so_far
from app.eventstore.codec import UnreadableEvent
from app.eventstore.port import EventStore, RecordedEvent
from app.eventstore.transact import PAYMENTS, load
from app.eventstore.transact import Kind as KindOfStream
from app.providers.statements import Span
from app.reconciling.accounts import account_of
from app.reconciling.model import Difference, Kind
from app.reconciling.records import Subject
from projections.whole import UnreadableStream, Whole, whole_payment


async def ids_of(store: EventStore, kind: KindOfStream[Any, Any, Any], day: Span) -> list[str]:
    """The payments or orders to which something happened on a day, by our own time. Raises `EventStoreError`."""
    found = dict[str, None]()
    async with aclosing(so_far(store, kind.category)) as events:
        async for event in events:
            if (at := _time_of(event)) is not None and at in day:
                found[kind.entity_id(event.stream)] = None
    return list(found)


async def subject_of(store: EventStore, payment_id: str, policy: Policy) -> tuple[Subject, Whole] | None:
    """A payment's money and what clients should see of it, or None when there is no such payment.

    Raises `StoreUnavailable` and `UnreadableStream`.
    """
    try:
        history = await load(store, PAYMENTS, payment_id)
    except (UnreadableEvent, ImpossibleHistory) as fault:
        raise UnreadableStream(str(fault)) from fault
    whole = whole_payment(history.events, policy)
    if whole is None or isinstance(history.state, NotInitiated):
        return None
    return Subject(account_of(history.events, history.state), history.events, history.state), whole


def unreadable(entity_id: str, fault: UnreadableStream) -> Difference:
    """Nobody can say where it stands."""
    remedy = "people have to look: was it written by a newer version? Then run that one"
    return Difference(Kind.STREAM_UNREADABLE, entity_id, f"its stream cannot be read: {fault}", remedy)


def _time_of(event: RecordedEvent) -> datetime | None:
    try:
        return datetime.fromisoformat(json.loads(event.data)["at"])
    except (ValueError, KeyError, TypeError):
        return None
