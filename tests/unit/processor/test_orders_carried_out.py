"""Orders and their payments, carried out by any number of processors while calls, answers, notices and time go wrong.

Deadlines pass while nobody works, processors fall asleep in the middle of a call or are begun anew, what is heard is
heard late, twice and in any order, customers pay what has ended. Whatever happens, everything moves along the arrows of
the contract, nothing expires but what has to, and all comes to rest: then no order has more or less than its total, and
what is not an order's has been given back. What holds, and when, stands in `checks` and `witness`.
"""

from datetime import datetime, timedelta
from types import UnionType

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from app.domain.order.model import Pending
from app.domain.payment.model import Cancel, Capture, Captured, Ended, Existing, RefundMoney
from app.domain.payment.next_action import Policy
from tests.unit.domain.payment.model_provider import Fate, Temper
from tests.unit.processor import checks
from tests.unit.processor.model_adapter import Moment
from tests.unit.processor.situations import SITUATIONS, Situation
from tests.unit.processor.witness import Witness
from tests.unit.processor.world import Acts, World

MOST_PAYMENTS = 4
DEADLINES = st.sampled_from([None, 30, 90, 700, 5_000])
"""Seconds."""
OFF_BY = st.sampled_from([-1, 0, 0, 1, 20, 20_000])
"""Seconds, to a deadline."""
PAYS = st.sampled_from(["approves", "pays"])


class OrderCarriedOut(RuleBasedStateMachine):
    """One order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(through=Witness)
        self.onlooker = checks.Onlooker(self.world)
        self.placed = False

    @initialize(
        situation=st.sampled_from([*SITUATIONS, *[None] * 4]),
        temper=st.sampled_from(Temper),
        manual=st.booleans(),
        deadline=DEADLINES,
        pay_within=DEADLINES,
        patience=st.sampled_from([60, 86_400]),
        lost=st.booleans(),
        takes=st.booleans(),
        stay=st.booleans(),
    )
    def the_customer_orders(
        self,
        situation: Situation | None,
        temper: Temper,
        manual: bool,
        deadline: int | None,
        pay_within: int | None,
        patience: int,
        lost: bool,
        takes: bool,
        stay: bool,
    ) -> None:
        world, self.placed = self.world, True
        world.policy = Policy(authorization_attempts=2, customer_patience=timedelta(seconds=patience))
        world.notices_are_lost, world.merchant_takes, world.sessions_stay = lost, takes, stay
        if situation:
            situation(world)
        else:
            world.place(temper, within=deadline, pay_within=pay_within, manual=manual)

    # What happens elsewhere

    @precondition(lambda self: isinstance(self.world.order, Pending))
    @rule()
    def the_order_is_cancelled(self) -> None:
        self.world.cancel()

    @precondition(lambda self: self.another_may_be_tried())
    @rule(temper=st.sampled_from(Temper), pay_within=DEADLINES, manual=st.booleans(), begun=st.booleans())
    def another_payment_is_tried(self, temper: Temper, pay_within: int | None, manual: bool, begun: bool) -> None:
        self.world.try_again(temper, pay_within=pay_within, manual=manual, begun=begun)

    @precondition(lambda self: self.begun())
    @rule(
        data=st.data(),
        part=st.booleans(),
        wish=st.sampled_from([Cancel, Capture, RefundMoney]),
        refund_id=st.sampled_from(checks.MERCHANTS_REFUNDS),
    )
    def the_merchant_asks(
        self, data: st.DataObject, part: bool, wish: type[Cancel | Capture | RefundMoney], refund_id: str
    ) -> None:
        now, payment_id = self.world.clock.now, self.one_of(data, self.begun())
        if wish is Cancel:
            self.world.tell(payment_id, Cancel(now))
        elif wish is Capture:
            self.world.tell(payment_id, Capture(now, 600 if part else None))
        else:
            self.world.tell(payment_id, RefundMoney(refund_id, now, 300 if part else None))

    @precondition(lambda self: self.those(Captured))
    @rule(data=st.data(), cancels=st.booleans())
    def a_refund_of_the_merchants_is_refused(self, data: st.DataObject, cancels: bool) -> None:
        """Beside which the order may give back the rest."""
        payment_id = self.one_of(data, self.those(Captured))
        self.world.tell(payment_id, RefundMoney("ref_1", self.world.clock.now, 300))
        if cancels:
            self.world.cancel()
            self.world.look_after_order()
        self.world.next_call(refuses=True)
        self.world.look_after(payment_id)

    @precondition(lambda self: self.waiting())
    @rule(data=st.data(), acts=st.sampled_from(["approves", "pays", "leaves", "hesitates"]), heard=st.booleans())
    def a_customer_acts(self, data: st.DataObject, acts: Acts, heard: bool) -> None:
        self.world.customer(self.one_of(data, self.waiting()), acts, heard_at_once=heard)

    @precondition(lambda self: self.late())
    @rule(data=st.data(), acts=PAYS, heard=st.booleans(), fate=st.sampled_from(Fate), refuses=st.booleans())
    def a_customer_pays_what_has_ended(
        self, data: st.DataObject, acts: Acts, heard: bool, fate: Fate, refuses: bool
    ) -> None:
        """And giving it back may go wrong."""
        self.world.customer(self.one_of(data, self.late()), acts, heard_at_once=heard)
        self.world.next_call(fate, refuses=refuses)

    @precondition(lambda self: not self.world.notices_are_lost and self.told())
    @rule(data=st.data())
    def a_notice_arrives_be_it_early_late_or_again(self, data: st.DataObject) -> None:
        payment_id = self.one_of(data, self.told())
        notices = self.world.books[payment_id].notices
        self.world.notice(payment_id, data.draw(st.integers(0, len(notices) - 1)))

    @rule(seconds=st.sampled_from([1, 6, 11, 31, 100, 1_000, 10_000, 100_000]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_seconds(seconds)

    # What processors do

    @precondition(lambda self: self.world.store.heard)
    @rule(data=st.data(), again=st.booleans())
    def a_processor_hears_of_something(self, data: st.DataObject, again: bool) -> None:
        self.world.hear(data.draw(st.integers(0, len(self.world.store.heard) - 1)), again=again)

    @precondition(lambda self: self.world.store.heard)
    @rule()
    def processors_hear_of_everything(self) -> None:
        self.world.hear_everything()

    @precondition(lambda self: self.begun())
    @rule(data=st.data())
    def a_processor_looks_at_one_payment(self, data: st.DataObject) -> None:
        self.world.look_after(self.one_of(data, self.begun()))

    @rule()
    def a_processor_looks_at_the_order(self) -> None:
        self.world.look_after_order()

    @rule()
    def the_sweep_comes_by(self) -> None:
        self.world.sweep()

    @precondition(lambda self: self.world.store.heard)
    @rule(fate=st.sampled_from(Fate), refuses=st.booleans(), falls_asleep=st.sampled_from([None, "before", "after"]))
    def a_call_goes_wrong(self, fate: Fate, refuses: bool, falls_asleep: Moment | None) -> None:
        if self.world.notices_are_lost and falls_asleep == "before":
            # An effect long after everybody has given up, of which nothing tells, cannot be found.
            fate = Fate.ANSWERED
        self.world.next_call(fate, refuses=refuses, falls_asleep=falls_asleep)
        self.world.hear_everything()

    @rule(fate=st.sampled_from(Fate), calls=st.sampled_from([1, 3]), refuses=st.booleans())
    def the_next_calls_go_wrong(self, fate: Fate, calls: int, refuses: bool) -> None:
        self.world.next_call(fate, calls=calls, refuses=refuses)

    @precondition(lambda self: self.world.provider.asleep)
    @rule(data=st.data())
    def a_sleeping_processor_wakes_up(self, data: st.DataObject) -> None:
        self.world.wake(data.draw(st.integers(0, len(self.world.provider.asleep) - 1)))

    @precondition(lambda self: self.world.working)
    @rule()
    def every_processor_is_stopped_and_begun_again(self) -> None:
        self.world.stop()

    @precondition(lambda self: self.deadlines())
    @rule(data=st.data(), off=OFF_BY)
    def everything_is_stopped_across_a_deadline(self, data: st.DataObject, off: int) -> None:
        self.world.stop()
        deadline = data.draw(st.sampled_from(self.deadlines()))
        self.world.clock.now = max(self.world.clock.now, deadline + timedelta(seconds=off))
        self.all_that_is_due_is_done()

    @rule()
    def all_that_is_due_is_done(self) -> None:
        self.world.catch_up()
        if self.world.quiet:
            checks.nothing_overdue_is_left(self.world)

    # What always holds

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        if self.placed:
            self.onlooker.look()
            if self.world.quiet:
                checks.nothing_is_left_undone(self.world)

    def teardown(self) -> None:
        try:
            if self.placed:
                self.world.come_to_rest()
                self.onlooker.look()
                checks.nothing_is_left_undone(self.world)
                checks.everything_agrees(self.world)
        finally:
            self.world.end()

    # Which

    def another_may_be_tried(self) -> bool:
        order = self.world.order
        return isinstance(order, Pending) and not order.under_way and len(self.world.books) < MOST_PAYMENTS

    def begun(self) -> list[str]:
        return self.those(Existing)

    def waiting(self) -> list[str]:
        return [each for each, books in self.world.books.items() if books.money == "waiting"]

    def late(self) -> list[str]:
        return [each for each in self.those(Ended) if each in self.waiting()]

    def told(self) -> list[str]:
        return [each for each in self.begun() if self.world.books[each].notices]

    def those(self, kind: type[Existing] | UnionType) -> list[str]:
        return [each for each in self.world.books if isinstance(self.world.state(each), kind)]

    def deadlines(self) -> list[datetime]:
        return [each for each in self.world.deadlines() if each > self.world.clock.now]

    def one_of(self, data: st.DataObject, which: list[str]) -> str:
        return data.draw(st.sampled_from(which))


TestOrderCarriedOut = OrderCarriedOut.TestCase
TestOrderCarriedOut.settings = settings(max_examples=300, stateful_step_count=20, deadline=None)
