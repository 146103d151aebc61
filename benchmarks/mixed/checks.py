"""The books side by side: what the providers' ledger, the streams, the read model and the endpoint say."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.domain.delivery.events import DeliveryMade
from app.domain.ids import PaymentId
from app.domain.order.events import OrderEvent
from app.domain.order.model import AttemptStatus, OrderStatus
from app.domain.payment.events import ContradictionRecorded, PaymentEvent
from app.domain.payment.model import PaymentStatus
from app.domain.transfer_codes import transfer_code_for
from benchmarks.mixed.money import money_of
from benchmarks.mixed.providers import Account
from benchmarks.mixed.read_model import order_seen, payment_seen
from benchmarks.mixed.settling import AllStreams
from benchmarks.mixed.shop import Told
from projections.documents import order_document, payment_document
from projections.fold import order_updates, payment_updates
from projections.views import Update

_SUCCESSES = (PaymentStatus.SUCCEEDED, PaymentStatus.PARTIALLY_REFUNDED)
_RESTING = (*(status for status in PaymentStatus if status.final), PaymentStatus.PARTIALLY_REFUNDED)


@dataclass(frozen=True)
class Difference:
    """Something that ought not to be."""

    entity_id: str
    what: str


@dataclass(frozen=True)
class Books:
    """Everything that was written down about the run."""

    streams: AllStreams
    ledger: Mapping[str, Account]
    told: Mapping[str, Sequence[Told]]
    endpoint_id: str

    def differences(self, read_model: Mapping[str, Any]) -> list[Difference]:
        """All of them; `read_model` is what clients are answered, by id."""
        found: list[Difference] = []
        for payment_id, events in self.streams.payments.histories.items():
            problems = [*self._payment(payment_id, events), *self._seen(payment_id, events, read_model)]
            found += [Difference(payment_id, problem) for problem in problems]
        for order_id, history in self.streams.orders.histories.items():
            problems = [*self._order(order_id, history), *self._seen_order(order_id, history, read_model)]
            found += [Difference(order_id, problem) for problem in problems]
        return found

    def disagreeing(self) -> list[str]:
        """Payments of which the ledger and the stream say other things, such as late money that nobody has told of."""
        return [
            payment_id
            for payment_id, events in self.streams.payments.histories.items()
            if self.account(payment_id).kept != money_of(events).kept or self.account(payment_id).held
        ]

    def evidence(self, entity_id: str) -> list[str]:
        """All that the books have of a payment or order, to be read by people."""
        payments, orders = self.streams.payments.histories, self.streams.orders.histories
        events = [*payments.get(entity_id, ()), *orders.get(entity_id, ())]
        told = [f"told {call.message_id}: {json.dumps(call.event)}" for call in self.told.get(entity_id, ())]
        happened = [f"{type(event).__name__} {event.model_dump_json(exclude_defaults=True)}" for event in events]
        return [*happened, f"ledger: {dict(self.account(entity_id).moved)}", *told]

    def to_return(self) -> int:
        """Payments of which people have to give back money."""
        return sum(money_of(events).to_return > 0 for events in self.streams.payments.histories.values())

    def contradictions(self) -> int:
        """Payments of which a provider said what cannot be."""
        return sum(
            any(isinstance(event, ContradictionRecorded) for event in events)
            for events in self.streams.payments.histories.values()
        )

    def account(self, payment_id: str) -> Account:
        """What the ledger has of a payment."""
        names = (payment_id, transfer_code_for(PaymentId(payment_id)))
        return next((self.ledger[name] for name in names if name in self.ledger), Account())

    def _payment(self, payment_id: str, events: Sequence[PaymentEvent]) -> Iterator[str]:
        folded, _ = payment_updates(events)
        assert folded is not None
        view, account, money = folded.view, self.account(payment_id), money_of(events)
        by_transfer = view.method == "qr"
        if view.status not in _RESTING:
            yield f"is {view.status}"
        if not self.streams.payment_is_settled(payment_id):
            yield f"has something left to do at {datetime.now(UTC):%H:%M:%S}"
        if account.kept != money.kept:
            yield f"the ledger has {account.kept}, the stream {money.kept}"
        if account.held:
            yield f"the ledger still holds {account.held}"
        if len(account.moved["capture"]) > 1 and not by_transfer:
            yield f"charged {len(account.moved['capture'])} times"
        if account.currencies - {view.currency}:
            yield f"charged in {account.currencies}"
        shown = view.amount - view.refunded if view.status in _SUCCESSES else 0
        if shown != money.kept - money.to_return:
            yield f"clients see {shown}, the merchant has {money.kept} of which {money.to_return} to return"

    def _order(self, order_id: str, events: Sequence[OrderEvent]) -> Iterator[str]:
        folded, _ = order_updates(events)
        assert folded is not None
        view = folded.view
        if not view.status.final:
            yield f"is {view.status}"
        elif not self.streams.order_is_settled(order_id):
            yield "has something left to do"
        stuck = {each.payment_id for each in view.attempts if each.status is AttemptStatus.STUCK}
        successes = [
            each.payment_id
            for each in view.attempts
            if each.payment_id not in stuck and self._status_of(each.payment_id) in _SUCCESSES
        ]
        expected = [view.payment_id] if view.status is OrderStatus.CONFIRMED else []
        if successes != expected:
            yield f"is {view.status} with the successful payments {successes}"

    def _status_of(self, payment_id: str) -> PaymentStatus | None:
        folded, _ = payment_updates(self.streams.payments.histories.get(payment_id, []))
        return folded.view.status if folded else None

    def _seen(self, payment_id: str, events: Sequence[PaymentEvent], read_model: Mapping[str, Any]) -> Iterator[str]:
        folded, updates = payment_updates(events)
        assert folded is not None
        yield from _same(payment_seen(folded.view), read_model.get(payment_id))
        yield from self._told(payment_id, [(each, payment_document(each.payment)) for each in updates])

    def _seen_order(self, order_id: str, events: Sequence[OrderEvent], read_model: Mapping[str, Any]) -> Iterator[str]:
        folded, updates = order_updates(events)
        assert folded is not None
        yield from _same(order_seen(folded.view), read_model.get(order_id))
        yield from self._told(order_id, [(each, order_document(each.order)) for each in updates])

    def _told(self, subject: str, expected: Sequence[tuple[Update, dict[str, Any]]]) -> Iterator[str]:
        """Each version by an id of its own, in order and as it was; an attempt more or less is no difference."""
        calls = self.told.get(subject, ())
        versions = [update.version for update, _ in expected]
        first: dict[str, Told] = {}
        for call in calls:
            first.setdefault(call.message_id, call)
        attempted = [call.version for call in calls]
        if [call.version for call in first.values()] != versions:
            yield f"the endpoint was told of {[call.version for call in first.values()]}, the stream has {versions}"
        elif attempted != sorted(attempted):
            yield f"the endpoint was told out of order: {attempted}"
        else:
            for call, (update, document) in zip(first.values(), expected, strict=True):
                if call.event["data"] != json.loads(json.dumps(document)):
                    yield f"the endpoint was told otherwise of version {update.version}"
        history = self.streams.deliveries.histories.get(f"{self.endpoint_id}.{subject}", [])
        made = [event.version for event in history if isinstance(event, DeliveryMade)]
        if made != versions:
            yield f"deliveries are recorded of {made}, the stream has {versions}"


def _same(expected: dict[str, Any], answered: Any) -> Iterator[str]:
    if answered is None:
        yield "the read model does not have it"
        return
    for name, value in expected.items():
        if answered[name] != value:
            yield f"{name}: the read model has {answered[name]}, the stream {value}"
