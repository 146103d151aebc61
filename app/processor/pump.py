"""Do what is next for one payment until nothing is left to do now. Anyone may pump any payment at any time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

import structlog

from app.domain.payment.events import CardMethod, Operation
from app.domain.payment.evolve import call_of
from app.domain.payment.model import (
    AwaitingCustomer,
    CloseSession,
    Ended,
    Existing,
    Expire,
    GiveUp,
    NotInitiated,
    PaymentCommand,
    PaymentState,
    RecordReport,
    RecordTokenErased,
    Session,
    StartCall,
    waits_for_session,
)
from app.domain.payment.next_action import (
    CallProvider,
    EndByDeadline,
    EndByGivingUp,
    EraseToken,
    LookUp,
    Policy,
    WaitUntil,
    WatchSession,
    next_action,
)
from app.domain.reports import ProviderReport, Unknown
from app.eventstore.codec import Cause
from app.eventstore.port import EventStore
from app.eventstore.tokens import sealed_token_in
from app.eventstore.transact import PAYMENTS, PaymentHistory, load, transact
from app.eventstore.transfer_codes import claim
from app.processor.perform import Performer, asked_under
from app.providers.port import PaymentProvider
from app.providers.registry import ProviderRegistry

log = structlog.get_logger()


class UnknownProvider(Exception):
    """A payment names a provider that is not switched on here."""


@dataclass(frozen=True)
class Pump:
    """What it takes to bring a payment forward."""

    store: EventStore
    providers: ProviderRegistry
    performer: Performer
    clock: Callable[[], datetime]
    policy: Policy

    async def run(self, payment_id: str, cause: Cause) -> bool:
        """Bring one payment forward; whether anything was written.

        Raises `ProviderUnreachable` (nothing was done; pump again later), `StoreUnavailable`, `UnreadableEvent`,
        `UnknownProvider` and `Unsealable`.
        """
        history = await load(self.store, PAYMENTS, payment_id)
        begun_at = history.revision
        while True:
            before = history.revision
            history = await self._step(payment_id, history, cause)
            if history.revision == before:
                return history.revision != begun_at

    async def ask(self, payment_id: str, cause: Cause) -> bool:
        """Bring a payment forward and, when it has ended, first ask whether it has money all the same.

        Whether anything was written. Raises as `run` does.
        """
        history = await load(self.store, PAYMENTS, payment_id)
        state = history.state
        if isinstance(state, Ended) and state.late is None:
            reference = asked_under(history.events, Operation.AUTHORIZE)
            question = self.performer.question(state, Operation.AUTHORIZE, None, reference, conclusive=True)
            report = await self._provider(state).look_up(question)
            command = RecordReport(Operation.AUTHORIZE, report, self.clock())
            answered = await self._record(payment_id, history, command, cause)
            if answered.revision != history.revision:
                await self.run(payment_id, cause)
                return True
        return await self.run(payment_id, cause)

    async def _step(self, payment_id: str, history: PaymentHistory, cause: Cause) -> PaymentHistory:
        action = next_action(history.state, self.clock(), self.policy)
        match action:
            case None | WaitUntil():
                return history
            case CallProvider(operation, refund_id):
                return await self._call(payment_id, history, operation, refund_id, cause)
            case LookUp():
                return await self._look_up(payment_id, history, action, cause)
            case EndByDeadline():
                return await self._expire(payment_id, history, cause)
            case EndByGivingUp():
                return await self._write(payment_id, history, GiveUp(self.clock()), cause)
            case WatchSession(session):
                return await self._watch(payment_id, history, session, cause)
            case EraseToken(stream):
                # In this order: whoever stops between the two is followed by somebody who erases it again.
                await self.store.erase(stream)
                return await self._write(payment_id, history, RecordTokenErased(self.clock()), cause)
        assert_never(action)

    async def _call(
        self, payment_id: str, history: PaymentHistory, operation: Operation, refund_id: str | None, cause: Cause
    ) -> PaymentHistory:
        provider = self._provider(history.state)
        # Before the intent: whoever comes to a payment too late finds no token, and writes no intent either.
        token = await self._sealed_token(history.state) if operation is Operation.AUTHORIZE else None
        intent = StartCall(operation, self.clock(), refund_id)
        outcome = await transact(self.store, PAYMENTS, payment_id, intent, cause, known=history)
        state = outcome.history.state
        if not outcome.appended or isinstance(state, NotInitiated):
            # Another processor's call is under way: what comes of it is seen in the stream.
            return outcome.history
        if operation is Operation.AUTHORIZE and state.terms.method.kind == "qr":
            # Before anybody can see the code, so that no transfer can come before it is known whose it is.
            await claim(self.store, payment_id, cause)
        report = await self._ask_for(provider, state, operation, refund_id, token)
        made = call_of(state, operation, refund_id)
        attempt = made.attempt if made else None
        command = RecordReport(operation, report, self.clock(), refund_id, attempt)
        return await self._record(payment_id, outcome.history, command, cause)

    async def _sealed_token(self, state: PaymentState) -> str | None:
        method = None if isinstance(state, NotInitiated) else state.terms.method
        if not isinstance(method, CardMethod):
            return None
        return await sealed_token_in(self.store, method.token_stream) if method.token_stream else method.sealed_token

    async def _ask_for(
        self, provider: PaymentProvider, state: Existing, operation: Operation, refund_id: str | None, token: str | None
    ) -> ProviderReport:
        if operation is Operation.AUTHORIZE and isinstance(state.terms.method, CardMethod) and token is None:
            # Nothing of ours erases it so early. The provider is asked, and the payment given up if it has no trace.
            return Unknown("the card's token is kept no more")
        return await self.performer.call(provider, state, operation, refund_id, token)

    async def _look_up(
        self, payment_id: str, history: PaymentHistory, question: LookUp, cause: Cause
    ) -> PaymentHistory:
        report = await self._ask(history, question)
        if isinstance(report, Unknown):
            # No answer to a question changes nothing; the question is asked again later.
            return history
        return await self._record(payment_id, history, self._answer(question, report), cause)

    async def _ask(self, history: PaymentHistory, question: LookUp) -> ProviderReport:
        state = history.state
        if isinstance(state, NotInitiated):
            raise UnknownProvider("a payment that was never begun has no provider to ask")
        provider = self._provider(state)
        # A request may leave as late as its time-out and be seen as late as the provider says.
        seen_by = question.call.started_at + self.policy.call_timeout + provider.capabilities.visibility_delay
        conclusive = self.clock() >= seen_by
        return await self.performer.look_up(provider, state, question.call, question.refund_id, conclusive=conclusive)

    async def _expire(self, payment_id: str, history: PaymentHistory, cause: Cause) -> PaymentHistory:
        """End a payment whose deadline has passed, but not over the head of a customer who has just paid."""
        state = history.state
        if not isinstance(state, NotInitiated) and (isinstance(state, AwaitingCustomer) or waits_for_session(state)):
            question = LookUp(Operation.AUTHORIZE, state.call)
            report = await self._ask(history, question)
            if isinstance(report, Unknown):
                return history
            answered = await self._record(payment_id, history, self._answer(question, report), cause)
            if answered.revision != history.revision:
                return answered
        return await self._write(payment_id, history, Expire(self.clock(), self.policy.customer_patience), cause)

    async def _watch(self, payment_id: str, history: PaymentHistory, session: Session, cause: Cause) -> PaymentHistory:
        """Ask about an ended payment whose customer may still pay, until the provider takes it no more."""
        provider = self._provider(history.state)
        life = provider.capabilities.session_life
        if life is None or isinstance(history.state, NotInitiated):
            return await self._write(payment_id, history, CloseSession(self.clock()), cause)
        over = self.clock() >= history.state.terms.at + life + self.policy.call_timeout
        question = LookUp(Operation.AUTHORIZE, session.call)
        report = await self._ask(history, question)
        if isinstance(report, Unknown):
            return history
        answered = await self._record(payment_id, history, self._answer(question, report), cause)
        if answered.revision != history.revision or not over:
            return answered
        return await self._write(payment_id, history, CloseSession(self.clock()), cause)

    def _answer(self, question: LookUp, report: ProviderReport) -> RecordReport:
        # The question was about this call. Meanwhile somebody may have made the next one, of which it says nothing.
        call = question.call
        return RecordReport(call.operation, report, self.clock(), question.refund_id, call.attempt)

    async def _record(
        self, payment_id: str, history: PaymentHistory, command: RecordReport, cause: Cause
    ) -> PaymentHistory:
        report = type(command.report).__name__
        log.info("provider said", payment=payment_id, operation=command.operation.value, report=report)
        return await self._write(payment_id, history, command, cause)

    async def _write(
        self, payment_id: str, history: PaymentHistory, command: PaymentCommand, cause: Cause
    ) -> PaymentHistory:
        outcome = await transact(self.store, PAYMENTS, payment_id, command, cause, known=history)
        return outcome.history

    def _provider(self, state: PaymentState) -> PaymentProvider:
        name = "" if isinstance(state, NotInitiated) else state.terms.method.provider
        provider = self.providers.get(name)
        if provider is None:
            raise UnknownProvider(f"the provider {name!r} is not switched on here (PAYGATE_PROVIDERS)")
        return provider
