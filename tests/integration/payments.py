"""Payments to write into the store, and what the tests compare of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from app.domain.payment.events import (
    ActionCompleted,
    ActionRequired,
    CaptureRequested,
    Operation,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentEvent,
    PaymentFailed,
    PaymentRefunded,
    ProviderCallStarted,
    ProviderOutcomeUnknown,
    RedirectAction,
    RefundRequested,
)
from app.eventstore.codec import encode, new_cause
from app.eventstore.port import NO_STREAM, EventStore
from app.eventstore.transact import PAYMENTS
from projections.fold import payment_updates
from projections.views import Update
from tests.support.builders import PRICE, REFERENCE, START, initiated

VISIBLE_OF_SETTLED = [0, 1, 5]
"""The versions of `settled` that a client can see."""


def new_id() -> str:
    """A payment that no other test has."""
    return f"pay_{uuid4().hex}"


def at(revision: int) -> datetime:
    return START + timedelta(seconds=revision)


def begun(payment_id: str, **changes: Any) -> list[PaymentEvent]:
    """A payment whose provider is being called."""
    first = initiated(payment_id=payment_id, idempotency_key=payment_id, **changes)
    return [first, _call(Operation.AUTHORIZE, 1)]


def settled(payment_id: str, **changes: Any) -> list[PaymentEvent]:
    """A payment that went well. Half of its events change nothing a client can see."""
    return [
        *begun(payment_id, **changes),
        PaymentAuthorized(reference=REFERENCE, amount=PRICE.amount, at=at(2)),
        CaptureRequested(amount=PRICE.amount, at=at(3)),
        _call(Operation.CAPTURE, 4),
        PaymentCaptured(reference=REFERENCE, amount=PRICE.amount, at=at(5)),
    ]


def refunded(payment_id: str, **changes: Any) -> list[PaymentEvent]:
    """A payment of which a part, and then the rest, was given back."""
    events = settled(payment_id, **changes)
    for refund_id, amount in (("ref_1", 1), ("ref_2", PRICE.amount - 1)):
        revision = len(events)
        events += [
            RefundRequested(refund_id=refund_id, amount=amount, at=at(revision)),
            PaymentRefunded(refund_id=refund_id, reference="re_1", amount=amount, at=at(revision + 1)),
        ]
    return events


def eventful(payment_id: str, rounds: int, **changes: Any) -> list[PaymentEvent]:
    """A payment whose customer is asked and acts again and again, until it fails: two visible changes a round."""
    events = begun(payment_id, **changes)
    for _ in range(rounds):
        revision = len(events)
        action = RedirectAction(url=f"https://provider.test/approve/{revision}")
        events += [
            ActionRequired(reference=REFERENCE, action=action, at=at(revision)),
            ActionCompleted(at=at(revision + 1)),
            ProviderOutcomeUnknown(operation=Operation.AUTHORIZE, attempt=1, reason="-", at=at(revision + 2)),
        ]
    return [*events, PaymentFailed(code="card_declined", message="no", at=at(len(events)))]


async def write(store: EventStore, payment_id: str, events: Sequence[PaymentEvent], *, after: int = NO_STREAM) -> None:
    """Append to the payment's stream."""
    stream = PAYMENTS.stream(payment_id)
    await store.append(stream, encode(stream, after, events, new_cause(payment_id)), expected=after)


def updates_of(events: Sequence[PaymentEvent]) -> list[Update]:
    """Every update there ever was."""
    _, updates = payment_updates(events)
    return updates


def versions(updates: Sequence[Update]) -> list[int]:
    return [update.version for update in updates]


def _call(operation: Operation, revision: int) -> ProviderCallStarted:
    return ProviderCallStarted(operation=operation, provider_key="key", attempt=1, at=at(revision))
