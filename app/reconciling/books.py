"""Providers' own records of a day beside our streams."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.ids import ID_GRAMMAR
from app.domain.payment.next_action import Policy
from app.eventstore.port import EventStore
from app.eventstore.transfer_codes import payment_of
from app.processor.perform import Performer
from app.providers.notices import PaymentNamed, TransferNamed
from app.providers.registry import ProviderRegistry
from app.providers.statements import Movement, Span
from app.reconciling import money
from app.reconciling.model import Coverage, Difference, Kind
from app.reconciling.records import Answers, Asking, Listed, Subject, listed
from app.reconciling.streams import subject_of, unreadable
from app.webhooks.assigning import KeptTransfer
from projections.whole import UnreadableStream


@dataclass(frozen=True, slots=True)
class Compared:
    """How one provider's record was had, and what differs from it."""

    coverage: Coverage
    differences: Sequence[Difference]


@dataclass(slots=True)
class _Sorted:
    """What a list has of each payment, and what it has of none."""

    subjects: dict[str, Subject]
    movements: dict[str, list[Movement]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class Books:
    """Compares, asking about `at_once` payments at a time. Raises `EventStoreError`."""

    store: EventStore
    policy: Policy
    providers: ProviderRegistry
    performer: Performer
    at_once: int

    async def compare(
        self, day: Span, subjects: Sequence[Subject], transfers: Sequence[KeptTransfer]
    ) -> list[Compared]:
        """Each provider that is switched on, or that a payment of the day went by."""
        names = sorted({*self.providers.names, *(subject.account.provider for subject in subjects)})
        return [
            await self._one(name, day, [each for each in subjects if each.account.provider == name], transfers)
            for name in names
        ]

    async def _one(
        self, name: str, day: Span, subjects: Sequence[Subject], transfers: Sequence[KeptTransfer]
    ) -> Compared:
        provider = self.providers.get(name)
        if provider is None:
            note = "not switched on here (PAYGATE_PROVIDERS): not compared"
            return Compared(Coverage(name, False, 0, 0, note), [_switched_off(name, len(subjects))])
        the_list = await listed(provider, day)
        known = {each.reference: each for each in transfers}
        parts = await self._sort(name, the_list, subjects, known)
        assigned = frozenset(reference for reference, each in known.items() if each.payment_id)
        asking = Asking(provider, self.performer, asyncio.Semaphore(self.at_once), day, assigned)
        answers = await asking.about(list(parts.subjects.values()), parts.movements, whole=the_list.whole)
        found = [*_unavailable(name, the_list), *parts.differences]
        for payment_id, subject in parts.subjects.items():
            answer = answers.get(payment_id, Answers())
            there = {(each.kind, each.reference): each for each in answer.movements}
            there |= {(each.kind, each.reference): each for each in parts.movements.get(payment_id, ())}
            found += money.differences(subject.account, list(there.values()), day)
            found += _unanswered(subject, answer)
        asked = len(answers)
        return Compared(Coverage(name, the_list.whole, len(the_list.of_day), asked, the_list.note), found)

    async def _sort(
        self, name: str, the_list: Listed, subjects: Sequence[Subject], known: Mapping[str, KeptTransfer]
    ) -> _Sorted:
        parts = _Sorted({subject.account.payment_id: subject for subject in subjects})
        ours = dict(_references(subjects))
        for movement in the_list.before:
            # Of the day before only what we heard of later is of interest.
            if payment_id := ours.get(movement.reference):
                parts.movements.setdefault(payment_id, []).append(movement)
        for movement in money.without_captured_holds(the_list.of_day):
            payment_id = ours.get(movement.reference) or await self._named(movement, known)
            if payment_id and await self._include(name, payment_id, parts):
                parts.movements.setdefault(payment_id, []).append(movement)
            elif movement.reference not in known:
                # What was kept for people is told of by itself.
                parts.differences.append(money.without_payment(name, movement))
        return parts

    async def _named(self, movement: Movement, known: Mapping[str, KeptTransfer]) -> str | None:
        """The payment that a movement names, or that people have assigned it to."""
        if (transfer := known.get(movement.reference)) and transfer.payment_id:
            return transfer.payment_id
        match movement.about:
            case PaymentNamed(payment_id):
                return payment_id if ID_GRAMMAR.fullmatch(payment_id) else None
            case TransferNamed(code):
                return await payment_of(self.store, code) if code else None
        return None

    async def _include(self, name: str, payment_id: str, parts: _Sorted) -> bool:
        """Whether it is a payment of this provider, which is compared from now on although nothing happened here."""
        if payment_id in parts.subjects:
            return True
        try:
            found = await subject_of(self.store, payment_id, self.policy)
        except UnreadableStream as fault:
            parts.differences.append(unreadable(payment_id, fault))
            return True
        if found is None or found[0].account.provider != name:
            return False
        parts.subjects[payment_id] = found[0]
        return True


def _references(subjects: Iterable[Subject]) -> Iterable[tuple[str, str]]:
    for subject in subjects:
        account = subject.account
        for flow in (*account.charges, *account.refunds):
            yield flow.reference, account.payment_id


def _unanswered(subject: Subject, answer: Answers) -> list[Difference]:
    account = subject.account
    return [
        Difference(
            Kind.NOT_ASKED,
            account.payment_id,
            f"{account.provider} did not say how it stands: {fault}",
            "run the report again when the provider answers",
            account.provider,
        )
        for fault in answer.faults[:1]
    ]


def _unavailable(name: str, the_list: Listed) -> list[Difference]:
    if the_list.fault is None:
        return []
    sentence = f"its list was not to be had ({the_list.fault}): money of which paygate knows nothing was not seen"
    remedy = "run the report again when the provider answers; if it refuses, see docs/reconciliation.md"
    return [Difference(Kind.STATEMENT_UNAVAILABLE, name, sentence, remedy, name)]


def _switched_off(name: str, payments: int) -> Difference:
    sentence = f"{payments} payments of the day went by it, and it is not switched on here"
    return Difference(Kind.STATEMENT_UNAVAILABLE, name, sentence, "switch it on in PAYGATE_PROVIDERS", name)
