"""Orders and their payments, carried out by any number of processors while calls, answers, notices and time go wrong.

Deadlines pass while nobody works, processors fall asleep in the middle of a call or are begun anew, what is heard is
heard late, twice and in any order. Whatever happens, everything comes to rest, along the arrows of the contract, and
then no order has more or less than its total, nothing has expired before its time and nothing is left to wait.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from pydantic import SecretStr

from app.access.vault import Vault
from app.domain.ids import PaymentId, refund_id_for
from app.domain.order import events as of_order
from app.domain.order.events import OrderEvent
from app.domain.order.model import (
    AttemptStatus,
    NotPlaced,
    OrderCommand,
    OrderStatus,
    Pending,
    Place,
    Placed,
    StartPayment,
)
from app.domain.order.model import Cancel as CancelOrder
from app.domain.order.model import status_of as order_status_of
from app.domain.payment.events import (
    ActionRequired,
    Operation,
    PaymentEvent,
    PaymentExpired,
    PaymentInitiated,
    RedirectMethod,
)
from app.domain.payment.model import (
    Authorized,
    Cancel,
    Captured,
    Existing,
    Initiate,
    NotInitiated,
    PaymentCommand,
    RecordReport,
    RefundMoney,
)
from app.domain.payment.next_action import Policy
from app.domain.refusals import Refusal
from app.eventstore.codec import decode, new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS, transact
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.providers.registry import ProviderRegistry
from tests.support.builders import PRICE, START, initiated, placed
from tests.support.remembering_store import RememberingStore
from tests.support.virtual_processor import Clock, VirtualProcessor
from tests.unit.domain.payment.arrows import assert_moves_along_the_arrows
from tests.unit.domain.payment.model_provider import Fate, ModelProvider, Temper
from tests.unit.processor.model_adapter import ModelAdapter, Moment

T = TypeVar("T")

ORDER = "ord_1"
PERFORMER = Performer(Vault(SecretStr("a secret key of at least 32 characters")), lambda _: "https://pay.test/return")
MOST_PAYMENTS = 4
MOST_TURNS = 10_000
DEADLINES = st.sampled_from([None, 30, 90, 700, 5_000])
"""Seconds."""
SETTLED = (AttemptStatus.ENDED, AttemptStatus.PAID, AttemptStatus.RETURNED, AttemptStatus.STUCK)
MERCHANTS_REFUNDS = ("ref_1", "ref_2")


class OrderCarriedOut(RuleBasedStateMachine):
    """One order."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock(START)
        self.store = RememberingStore()
        self.provider = ModelAdapter(self.clock)
        self.policy = Policy()
        self.processors = VirtualProcessor(self.store, self.pump, self.clock, self.people)
        self.working: list[asyncio.Task[None]] = []
        """Processors that went to sleep over what they do."""

    def pump(self, store: EventStore) -> Pump:
        return Pump(store, ProviderRegistry({"model": self.provider}), PERFORMER, self.clock, self.policy)

    @initialize(temper=st.sampled_from(Temper), deadline=DEADLINES, patience=st.sampled_from([60, 86_400]))
    def the_customer_orders(self, temper: Temper, deadline: int | None, patience: int) -> None:
        self.policy = Policy(authorization_attempts=2, customer_patience=timedelta(seconds=patience))
        terms = placed(expires_at=self.within(deadline))
        self.tell_order(Place(terms, self.payment(temper, terms.expires_at)))

    def payment(self, temper: Temper, deadline: datetime | None) -> PaymentInitiated:
        payment_id = f"pay_{len(self.provider.books) + 1}"
        self.provider.books[payment_id] = ModelProvider(temper, PRICE)
        method = RedirectMethod(provider="model")
        return initiated(payment_id=payment_id, method=method, order_id=ORDER, expires_at=deadline, at=self.clock.now)

    # What happens elsewhere

    @rule()
    def the_order_is_cancelled(self) -> None:
        self.tell_order(CancelOrder(self.clock.now))

    @precondition(lambda self: len(self.provider.books) < MOST_PAYMENTS)
    @rule(temper=st.sampled_from(Temper), deadline=DEADLINES, begun=st.booleans())
    def another_payment_is_tried(self, temper: Temper, deadline: int | None, begun: bool) -> None:
        """`begun`: whether the gateway lives long enough to begin what it has written down."""
        order = self.order
        if not isinstance(order, Pending) or order.under_way:
            return
        deadlines = [each for each in (self.within(deadline), order.terms.expires_at) if each]
        payment = self.payment(temper, min(deadlines, default=None))
        if not self.tell_order(StartPayment(payment, self.clock.now)):
            del self.provider.books[payment.payment_id]
        elif begun:
            self.tell(payment.payment_id, Initiate(payment))

    @rule(data=st.data(), part=st.booleans(), cancels=st.booleans(), refund_id=st.sampled_from(MERCHANTS_REFUNDS))
    def the_merchant_asks(self, data: st.DataObject, part: bool, cancels: bool, refund_id: str) -> None:
        wish = Cancel(self.clock.now) if cancels else RefundMoney(refund_id, self.clock.now, 300 if part else None)
        self.tell(self.any_payment(data), wish)

    @rule(data=st.data(), acts=st.sampled_from(["approves", "pays", "leaves", "hesitates"]))
    def a_customer_acts(self, data: st.DataObject, acts: Literal["approves", "pays", "leaves", "hesitates"]) -> None:
        self.provider.books[self.any_payment(data)].customer(acts)

    @rule(data=st.data())
    def a_notice_arrives_be_it_early_late_or_again(self, data: st.DataObject) -> None:
        payment_id = self.any_payment(data)
        notices = self.provider.books[payment_id].notices
        if notices:
            operation, report, refund_id = data.draw(st.sampled_from(notices))
            self.tell(payment_id, RecordReport(operation, report, self.clock.now, refund_id))

    @rule(seconds=st.sampled_from([1, 6, 31, 100, 1_000, 10_000, 100_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(timedelta(seconds=seconds))

    # What processors do

    @precondition(lambda self: self.store.heard)
    @rule(data=st.data(), again=st.booleans())
    def a_processor_hears_of_something(self, data: st.DataObject, again: bool) -> None:
        number = data.draw(st.integers(0, len(self.store.heard) - 1))
        event = self.store.heard[number]
        if not again:
            del self.store.heard[number]
        self.work(self.processors.react(event))

    @rule()
    def a_processor_hears_of_everything(self) -> None:
        self.work(self.processors.work())

    @rule()
    def the_sweep_comes_by(self) -> None:
        self.work(self.processors.sweep())

    @rule(fate=st.sampled_from(Fate), refuses=st.booleans(), falls_asleep=st.sampled_from([None, "before", "after"]))
    def the_next_call_goes_wrong(self, fate: Fate, refuses: bool, falls_asleep: Moment | None) -> None:
        self.provider.fate, self.provider.refuses, self.provider.falls_asleep = fate, refuses, falls_asleep

    @precondition(lambda self: self.provider.asleep)
    @rule(data=st.data())
    def a_sleeping_processor_wakes_up(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(0, len(self.provider.asleep) - 1))
        self.wake(number)

    @rule()
    def every_processor_is_stopped_and_begun_again(self) -> None:
        for task in self.working:
            task.cancel()
        self.run(_gathered(self.working))
        self.working.clear()
        self.provider.asleep.clear()

    # What always holds

    @invariant()
    def everything_moves_along_the_arrows(self) -> None:
        for payment_id, books in self.provider.books.items():
            assert_moves_along_the_arrows(self.history(payment_id))
            assert books.taken in (0, PRICE.amount)
            assert max(books.ledger.count(Operation.AUTHORIZE), books.ledger.count(Operation.CAPTURE)) <= 1
        statuses = [order_status_of(state) for state in self.states_of_the_order()]
        for before, after in pairwise(statuses):
            assert before in (after, OrderStatus.PENDING)
        if statuses:
            assert [attempt.status for attempt in self.placed.attempts].count(AttemptStatus.PAID) <= 1

    def teardown(self) -> None:
        try:
            if self.provider.books:
                self.come_to_rest()
                self.everything_moves_along_the_arrows()
                self.agrees_with_the_books()
                self.expired_in_time()
        finally:
            self.loop.close()

    def come_to_rest(self) -> None:
        """Everybody does their work, and whatever was still on its way arrives."""
        self.provider.fate, self.provider.refuses, self.provider.falls_asleep = Fate.ANSWERED, False, None
        self.run(self.processors.rest())
        while self.provider.asleep:
            self.wake(0)
        self.run(self.processors.rest())
        for payment_id, books in self.provider.books.items():
            for operation, report, refund_id in list(books.notices):
                self.tell(payment_id, RecordReport(operation, report, self.clock.now, refund_id))
        self.run(self.processors.rest())

    def agrees_with_the_books(self) -> None:
        order, paid = self.placed, []
        assert order_status_of(order).final
        for attempt in order.attempts:
            books, state = self.provider.books[attempt.payment_id], self.existing(attempt.payment_id)
            kept = books.taken - books.given_back
            match attempt.status:
                case AttemptStatus.PAID:
                    paid.append(attempt.payment_id)
                    assert isinstance(state, Captured)
                    assert books.taken == PRICE.amount
                    assert books.given_back == state.refunded
                    # Only the merchant gives it back.
                    own = refund_id_for(PaymentId(attempt.payment_id), "after cancellation")
                    assert {refund.refund_id for refund in state.refunds} <= {*MERCHANTS_REFUNDS, own}
                case AttemptStatus.STUCK:
                    assert books.refused
                    assert kept or books.money == "held"
                case AttemptStatus.ENDED | AttemptStatus.RETURNED:
                    assert kept == 0
                    assert books.money != "held"
                case _:
                    raise AssertionError(f"an attempt cannot rest {attempt.status}")
        assert len(paid) == (order_status_of(order) is OrderStatus.CONFIRMED)

    def expired_in_time(self) -> None:
        """Whatever has expired had its deadline behind it, and no success before it."""
        for payment_id in self.provider.books:
            history = self.history(payment_id)
            for number, event in enumerate(history):
                if isinstance(event, PaymentExpired) and not event.by_provider:
                    asked = [each.at for each in history[:number] if isinstance(each, ActionRequired)]
                    first = history[0]
                    assert isinstance(first, PaymentInitiated)
                    assert event.at >= (first.expires_at or asked[-1] + self.policy.customer_patience)
        for happened in self.order_history():
            if isinstance(happened, of_order.OrderRejected) and happened.reason == "expired":
                deadline = self.placed.terms.expires_at
                assert deadline
                assert happened.at >= deadline

    # How

    @property
    def order(self) -> Placed | NotPlaced:
        return ORDERS.fold(self.order_history())

    @property
    def placed(self) -> Placed:
        order = self.order
        assert not isinstance(order, NotPlaced)
        return order

    def order_history(self) -> list[OrderEvent]:
        return [decode(event, ORDERS.events) for event in self.store.events(ORDERS.stream(ORDER))]

    def states_of_the_order(self) -> list[Placed]:
        history = self.order_history()
        folded = (ORDERS.fold(history[:length]) for length in range(1, len(history) + 1))
        return [state for state in folded if not isinstance(state, NotPlaced)]

    def history(self, payment_id: str) -> list[PaymentEvent]:
        return [decode(event, PAYMENTS.events) for event in self.store.events(PAYMENTS.stream(payment_id))]

    def existing(self, payment_id: str) -> Existing:
        state = PAYMENTS.fold(self.history(payment_id))
        assert not isinstance(state, NotInitiated)
        return state

    def any_payment(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.provider.books)))

    def within(self, seconds: int | None) -> datetime | None:
        return None if seconds is None else self.clock.now + timedelta(seconds=seconds)

    def tell_order(self, command: OrderCommand) -> bool:
        return self.carried_out(transact(self.store, ORDERS, ORDER, command, new_cause(ORDER)))

    def tell(self, payment_id: str, command: PaymentCommand) -> bool:
        return self.carried_out(transact(self.store, PAYMENTS, payment_id, command, new_cause(payment_id)))

    def carried_out(self, transaction: Coroutine[Any, Any, Any]) -> bool:
        with suppress(Refusal):
            return bool(self.run(transaction).appended)
        return False

    async def people(self) -> bool:
        """A hold that the provider does not release stands still until somebody decides what is to become of it."""
        order = self.order
        if not isinstance(order, Pending) or order.under_way is None:
            return False
        state = PAYMENTS.fold(self.history(order.under_way.payment_id))
        if not isinstance(state, Authorized) or not state.refused_voids:
            return False
        await transact(self.store, ORDERS, ORDER, CancelOrder(self.clock.now), new_cause(ORDER))
        return True

    def work(self, what: Coroutine[Any, Any, None]) -> None:
        """Have a processor do something until it has done it, or falls asleep over it."""
        task = self.loop.create_task(what)
        self.working.append(task)
        self.run(self.until_done_or_asleep())

    def wake(self, number: int) -> None:
        self.provider.asleep.pop(number).set_result(None)
        self.run(self.until_done_or_asleep())

    async def until_done_or_asleep(self) -> None:
        """Every processor that is awake works on."""
        for _ in range(MOST_TURNS):
            if len(self.still_working()) <= len(self.provider.asleep):
                return
            await asyncio.sleep(0)
        raise AssertionError("a processor neither ends nor sleeps")

    def still_working(self) -> list[asyncio.Task[None]]:
        for task in self.working:
            if task.done():
                task.result()
        self.working = [task for task in self.working if not task.done()]
        return self.working

    def run(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(work)


async def _gathered(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


TestOrderCarriedOut = OrderCarriedOut.TestCase
TestOrderCarriedOut.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
