"""A provider's own record of a day: its list, or what it answers about each of the day's payments."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.payment.events import Operation, PaymentEvent
from app.domain.payment.model import Existing, Initiated
from app.domain.reports import Authorized, Captured, Pending, ProviderReport, Refunded, Transferred, Unknown
from app.processor.perform import Performer, asked_under
from app.providers.port import PaymentProvider, ProviderUnreachable, Query
from app.providers.statements import KeepsStatement, Movement, MovementKind, Span
from app.reconciling.accounts import Account, Flow, was_captured_by_us
from app.reconciling.money import unfound

_BEFORE = timedelta(days=1)
"""How much earlier than the day a list is read: what we heard of early in the day moved before it."""
_UNSEEN = "it gives no list: money of which paygate knows nothing cannot be seen"


@dataclass(frozen=True, slots=True)
class Subject:
    """A payment that is compared."""

    account: Account
    events: tuple[PaymentEvent, ...]
    state: Existing


@dataclass(frozen=True, slots=True)
class Listed:
    """What a provider lists: `of_day`, all that moved on the day; `before`, what moved shortly before it.

    `fault` says why there is no list although the provider has one; `given` is whether it has one at all.
    """

    of_day: Sequence[Movement] = ()
    before: Sequence[Movement] = ()
    given: bool = False
    fault: str | None = None

    @property
    def whole(self) -> bool:
        """Whether money of which we know nothing would be seen."""
        return self.given and self.fault is None

    @property
    def note(self) -> str:
        """What cannot be seen."""
        return "" if self.whole else f"its list was not to be had ({self.fault})" if self.given else _UNSEEN


@dataclass(frozen=True, slots=True)
class Answers:
    """What a provider answers about one payment; `faults` are the questions it did not answer."""

    movements: Sequence[Movement] = ()
    faults: Sequence[str] = ()


async def listed(provider: PaymentProvider, day: Span) -> Listed:
    """What the provider lists of a day."""
    if not isinstance(provider, KeepsStatement):
        return Listed()
    try:
        statement = await provider.statement(Span(day.begin - _BEFORE, day.end))
    except ProviderUnreachable as fault:
        return Listed(given=True, fault=str(fault))
    if statement is None:
        return Listed()
    if isinstance(statement, Unknown):
        return Listed(given=True, fault=statement.reason)
    of_day = [movement for movement in statement if movement.at in day]
    return Listed(of_day, [movement for movement in statement if movement.at < day.begin], given=True)


@dataclass(frozen=True)
class Asking:
    """Asks one provider about payments, `at_once` at a time."""

    provider: PaymentProvider
    performer: Performer
    at_once: asyncio.Semaphore
    day: Span
    known_transfers: frozenset[str]
    """Bank transfers that people have assigned: no look-up finds them, for their text names no payment."""

    async def about(
        self, subjects: Sequence[Subject], seen: Mapping[str, Sequence[Movement]], *, whole: bool
    ) -> Mapping[str, Answers]:
        """What the provider answers about each payment that has to be asked about, by its id.

        `seen` is what its list has of each. A `whole` list leaves only what it lacks to be asked about.
        """
        async with asyncio.TaskGroup() as tasks:
            asked = {
                subject.account.payment_id: tasks.create_task(self._ask(subject, questions))
                for subject in subjects
                if (questions := self._questions(subject, seen.get(subject.account.payment_id, ()), whole=whole))
            }
        return {payment_id: task.result() for payment_id, task in asked.items()}

    def _questions(self, subject: Subject, seen: Sequence[Movement], *, whole: bool) -> list["_Question"]:
        account = subject.account
        charges, refunds = unfound(account, seen, self.day)
        if isinstance(subject.state, Initiated):
            # Nobody has told the provider of it yet.
            return []
        if account.by_transfer:
            # Without a list nobody can be asked about what is counted, only about what is not.
            counted = [_Question(self._transfer(subject, flow) if whole else None, flow) for flow in charges]
            return counted if whole else [*counted, _Question(self._money(subject))]
        given_back = [_Question(self._refund(subject, flow), flow, MovementKind.REFUND) for flow in refunds]
        if whole and not charges:
            return given_back
        return [_Question(self._money(subject), next(iter(charges or account.charges), None)), *given_back]

    async def _ask(self, subject: Subject, questions: Sequence["_Question"]) -> Answers:
        movements, faults = list[Movement](), list[str]()
        for question in questions:
            answer = await self._answer(question)
            if isinstance(answer, Unknown):
                faults.append(answer.reason)
            if isinstance(answer, Unknown | Pending):
                # It knows of it, or says nothing: no reason to say that it has it not.
                movements += question.as_we_say()
            else:
                movements += _movement(answer, question.flow, subject.state.terms.at)
        return Answers(movements, faults)

    async def _answer(self, question: "_Question") -> ProviderReport:
        if question.query is None:
            return Pending()
        async with self.at_once:
            try:
                return await self.provider.look_up(question.query)
            except ProviderUnreachable as fault:
                return Unknown(str(fault))

    def _money(self, subject: Subject) -> Query:
        captured = was_captured_by_us(subject.events) and bool(subject.account.charges)
        operation = Operation.CAPTURE if captured else Operation.AUTHORIZE
        reference = asked_under(subject.events, operation)
        return self.performer.question(subject.state, operation, None, reference, conclusive=True)

    def _refund(self, subject: Subject, flow: Flow) -> Query | None:
        if self.provider.capabilities.last_refund_only and flow != subject.account.refunds[-1]:
            return None
        reference = next((charge.reference for charge in subject.account.charges), None)
        return self.performer.question(subject.state, Operation.REFUND, flow.refund_id, reference, conclusive=True)

    def _transfer(self, subject: Subject, flow: Flow) -> Query | None:
        if flow.reference in self.known_transfers:
            return None
        # It answers with the first transfer that is not counted: as if this one were not.
        query = self._money(subject)
        return replace(query, transfers=tuple(each for each in query.transfers if each != flow.reference))


@dataclass(frozen=True, slots=True)
class _Question:
    """About a flow of ours, or about whatever there is. Without a query we are taken at our word."""

    query: Query | None
    flow: Flow | None = None
    kind: MovementKind = MovementKind.CHARGE

    def as_we_say(self) -> list[Movement]:
        """The movement that we believe there was."""
        return [Movement(self.kind, self.flow.reference, self.flow.money, self.flow.at)] if self.flow else []


def _movement(report: ProviderReport, flow: Flow | None, begun_at: datetime) -> list[Movement]:
    # Asked about one payment, it answers about that one, whatever it calls it now.
    at = flow.at if flow else begun_at
    match report:
        case Captured(reference, money):
            return [Movement(MovementKind.CHARGE, flow.reference if flow else reference, money, at)]
        case Transferred(reference, money):
            return [Movement(MovementKind.CHARGE, reference, money, at)]
        case Refunded(reference, money):
            return [Movement(MovementKind.REFUND, flow.reference if flow else reference, money, at)]
        case Authorized(reference, money):
            return [Movement(MovementKind.HOLD, reference, money, at)]
    return []
