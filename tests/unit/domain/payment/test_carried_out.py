"""What to do next, carried out against a provider's books, while calls, answers and time go wrong.

Merchants, customers, webhooks and several processors take turns as they please. Whatever they do, the payment must come
to rest, and then agree with the provider's books: nobody charged twice, nothing held or taken that the payment knows
nothing of, nothing kept of what was cancelled, and the card's token kept exactly as long as it is needed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from app.domain.money import Money
from app.domain.payment.decide import decide, provider_key_of
from app.domain.payment.events import (
    CancellationRequested,
    Operation,
    PaymentEvent,
    ProviderCallStarted,
    VoidFailed,
    VoidRequested,
)
from app.domain.payment.evolve import fold
from app.domain.payment.model import (
    Authorized,
    Cancel,
    Cancelled,
    Capture,
    Captured,
    Capturing,
    Existing,
    Expire,
    Expired,
    Failed,
    GiveUp,
    NotInitiated,
    PaymentCommand,
    PaymentState,
    RecordReport,
    RecordTokenErased,
    RefundMoney,
    StartCall,
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
from tests.support.builders import CARD, PRICE, START, initiated
from tests.support.commands import decided_or_refused
from tests.unit.domain.payment.arrows import assert_moves_along_the_arrows
from tests.unit.domain.payment.model_provider import Fate, ModelProvider, Temper

POLICY = Policy(authorization_attempts=2)
REFUSES = st.sampled_from([False, False, False, True])
A_SWEEP = timedelta(seconds=20)
MOST_STEPS = 300
"""More than any payment may need to come to rest when nothing goes wrong any more."""


@dataclass(frozen=True)
class PendingCall:
    """A call a processor has written down and is about to make."""

    intent: ProviderCallStarted
    money: Money


class PaymentCarriedOut(RuleBasedStateMachine):
    """One payment."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.events: list[PaymentEvent] = []
        self.provider = ModelProvider(Temper.HOLDS, PRICE)
        self.token_is_kept = True
        self.stalled: list[PendingCall] = []
        """Calls of processors that went to sleep between the intent and the call."""
        self.held_back: list[RecordReport] = []
        """Answers of processors that went to sleep between the answer and its record."""

    @property
    def state(self) -> PaymentState:
        return fold(self.events)

    @property
    def existing(self) -> Existing:
        state = self.state
        assert not isinstance(state, NotInitiated)
        return state

    @initialize(temper=st.sampled_from(Temper), manual=st.booleans(), expires=st.booleans())
    def the_merchant_initiates(self, temper: Temper, manual: bool, expires: bool) -> None:
        self.provider = ModelProvider(temper, PRICE)
        self.events = [initiated(manual=manual, expires=expires, method=CARD)]
        begun = self.begin(CallProvider(Operation.AUTHORIZE))
        assert begun
        self.stalled.append(begun)

    # What happens elsewhere

    @rule(
        wish=st.sampled_from([Cancel, Capture, RefundMoney]),
        refund_id=st.sampled_from(["ref_1", "ref_2"]),
        part=st.booleans(),
    )
    def the_merchant_asks(self, wish: type[PaymentCommand], refund_id: str, part: bool) -> None:
        if wish is Cancel:
            self.write(Cancel(self.now))
        elif wish is Capture:
            self.write(Capture(self.now, 600 if part else None))
        else:
            self.write(RefundMoney(refund_id, self.now, 300 if part else None))

    @rule(acts=st.sampled_from(["approves", "pays", "leaves", "hesitates"]))
    def the_customer_acts(self, acts: Literal["approves", "pays", "leaves", "hesitates"]) -> None:
        self.provider.customer(acts)

    @precondition(lambda self: self.provider.notices)
    @rule(data=st.data())
    def a_webhook_arrives_be_it_early_late_or_again(self, data: st.DataObject) -> None:
        operation, report, refund_id = data.draw(st.sampled_from(self.provider.notices))
        self.write(RecordReport(operation, report, self.now, refund_id))

    # What processors do

    @rule(refuses=REFUSES)
    def a_processor_does_what_is_next(self, refuses: bool) -> None:
        self.step(refuses=refuses)

    @rule(fate=st.sampled_from(Fate), refuses=REFUSES)
    def a_processor_is_cut_off(self, fate: Fate, refuses: bool) -> None:
        self.step(fate=fate, refuses=refuses)

    @rule(seconds=st.sampled_from([6, 70, 700]), fate=st.sampled_from(Fate))
    def the_sweep_comes_by_later(self, seconds: float, fate: Fate) -> None:
        self.now += timedelta(seconds=seconds)
        self.step(fate=fate)

    @rule(where=st.sampled_from(["before the call", "before the record", "before the token's record"]))
    def a_processor_falls_asleep(self, where: str) -> None:
        self.step(falls_asleep=where)

    @precondition(lambda self: self.stalled)
    @rule(fate=st.sampled_from([*Fate, Fate.ANSWERED]))
    def a_sleeping_processor_wakes_up_and_calls(self, fate: Fate) -> None:
        self.make(self.stalled.pop(0), fate=fate, refuses=False, record=self.write)

    @precondition(lambda self: self.held_back)
    @rule()
    def a_sleeping_processor_wakes_up_and_records(self) -> None:
        self.write(self.held_back.pop(0))

    @rule(operation=st.sampled_from(Operation))
    def a_slow_processor_begins_what_was_next_a_while_ago(self, operation: Operation) -> None:
        self.begin(CallProvider(operation))

    def teardown(self) -> None:
        if not self.events:
            return
        self.come_to_rest()
        while self.stalled:
            self.a_sleeping_processor_wakes_up_and_calls(fate=Fate.ANSWERED)
        while self.held_back:
            self.a_sleeping_processor_wakes_up_and_records()
        self.come_to_rest()
        for operation, report, refund_id in list(self.provider.notices):
            self.write(RecordReport(operation, report, self.now, refund_id))
        self.come_to_rest()
        self.agrees_with_the_books()

    # How

    def write(self, command: PaymentCommand) -> list[PaymentEvent]:
        decided = decided_or_refused(command, self.state)
        if decided:
            self.events += decided
            assert_moves_along_the_arrows(self.events)
            assert decide(command, self.state) == []
            assert self.provider.ledger.count(Operation.AUTHORIZE) <= 1
            assert self.provider.ledger.count(Operation.CAPTURE) <= 1
        return decided

    def step(self, *, fate: Fate = Fate.ANSWERED, refuses: bool = False, falls_asleep: str = "") -> bool:
        """One turn of a processor; whether there was anything to do now."""
        record: Callable[[RecordReport], object] = (
            self.held_back.append if falls_asleep == "before the record" else self.write
        )
        match next_action(self.state, self.now, POLICY):
            case CallProvider() as action:
                pending = self.begin(action)
                if pending and falls_asleep == "before the call":
                    self.stalled.append(pending)
                elif pending:
                    self.make(pending, fate=fate, refuses=refuses, record=record)
            case LookUp(operation, call, refund_id):
                key = provider_key_of(self.existing, operation, refund_id)
                report = self.provider.look_up(operation, key, started_at=call.started_at, now=self.now)
                record(RecordReport(operation, report, self.now, refund_id, call.attempt))
            case EndByDeadline():
                assert self.write(Expire(self.now))
            case EndByGivingUp():
                assert self.write(GiveUp(self.now))
            case WatchSession(session):
                key = provider_key_of(self.existing, Operation.AUTHORIZE, None)
                report = self.provider.look_up(
                    Operation.AUTHORIZE, key, started_at=session.call.started_at, now=self.now
                )
                record(RecordReport(Operation.AUTHORIZE, report, self.now, None, session.call.attempt))
            case EraseToken():
                self.erase_token(falls_asleep)
            case WaitUntil() | None:
                return False
        return True

    def erase_token(self, falls_asleep: str) -> None:
        self.token_is_kept = False
        if falls_asleep != "before the token's record":
            assert self.write(RecordTokenErased(self.now))

    def begin(self, action: CallProvider) -> PendingCall | None:
        """Write the intent down; None when it is not the time for it."""
        money = self._money(action)
        for event in self.write(StartCall(action.operation, self.now, action.refund_id)):
            assert isinstance(event, ProviderCallStarted)
            assert self.token_is_kept or event.operation is not Operation.AUTHORIZE
            return PendingCall(event, money)
        return None

    def make(
        self, pending: PendingCall, *, fate: Fate, refuses: bool, record: Callable[[RecordReport], object]
    ) -> None:
        intent = pending.intent
        report = self.provider.call(
            intent.operation,
            intent.provider_key,
            pending.money,
            intent.refund_id,
            now=self.now,
            fate=fate,
            refuses=refuses,
        )
        record(RecordReport(intent.operation, report, self.now, intent.refund_id, intent.attempt))

    def _money(self, action: CallProvider) -> Money:
        amount = PRICE.amount
        match self.state:
            case Capturing() as state:
                amount = state.amount
            case Captured() as state:
                amount = sum(refund.amount for refund in state.refunds if refund.refund_id == action.refund_id)
            case (Failed() | Cancelled() | Expired()) as state if state.late:
                amount = state.late.amount
        return Money(amount, PRICE.currency)

    def come_to_rest(self) -> None:
        """Processors and provider do their work; a customer who does nothing is sent away after a while."""
        for _ in range(MOST_STEPS):
            events = len(self.events)
            if next_action(self.state, self.now, POLICY) is None:
                return
            busy = self.step()
            if len(self.events) == events:
                # Nothing new: the sweep comes again later.
                self.now += A_SWEEP
                if busy:
                    self.provider.customer("leaves")
        raise AssertionError(f"no rest after {MOST_STEPS} steps: {self.state}")

    def agrees_with_the_books(self) -> None:
        books, state = self.provider, self.state
        assert not self.token_is_kept
        kinds = {type(event) for event in self.events}
        if kinds & {CancellationRequested, VoidRequested} and VoidFailed not in kinds and not books.refused:
            assert books.money != "held"
            assert books.taken == books.given_back
        match state:
            case Captured():
                assert (books.taken, books.given_back) == (state.amount, state.refunded)
            case Authorized():
                assert books.money == "held"
            case Failed() | Cancelled() if state.late and state.late.outcome == "FAILED":
                assert books.refused or books.money in ("released", "declined")
            case Failed() | Cancelled() | Expired():
                assert books.money not in ("held", "taken") or books.taken == books.given_back > 0
            case _:
                raise AssertionError(f"this is no place to rest: {state}")


TestPaymentCarriedOut = PaymentCarriedOut.TestCase
TestPaymentCarriedOut.settings = settings(max_examples=250, stateful_step_count=30, deadline=None)
