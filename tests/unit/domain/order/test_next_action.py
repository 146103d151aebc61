"""What the processor does next for an order, by where its payments stand."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

from app.domain.order.model import (
    Attempt,
    AttemptStatus,
    Cancelled,
    Confirm,
    Confirmed,
    EndPayment,
    NotPlaced,
    Pending,
    Placed,
    RecordFailedReturn,
    RecordReturn,
    RefusePayment,
    Reject,
    Rejected,
)
from app.domain.order.next_action import (
    BeginPayment,
    CancelPayment,
    NextOrderAction,
    ReturnMoney,
    Standing,
    WaitUntil,
    Write,
    due_at,
    next_action,
    refund_id,
    standing_of,
)
from app.domain.payment.model import Cancel, NotInitiated, PaymentState
from app.domain.payment.next_action import Policy
from tests.support.builders import (
    DECLINED,
    LATER,
    NOW,
    VOIDED,
    GivenPayment,
    initiated,
    placed,
    refund,
    refunded,
    said,
)
from tests.support.every import of_every
from tests.support.positions import (
    POSITIONS,
    REFUND,
    VOID,
    authorizing,
    awaiting_customer,
    capturing,
    declined,
    expired,
    held,
    taken,
)

OPEN, ENDED, PAID, REFUSED, RETURNED, STUCK = AttemptStatus
TERMS = initiated(order_id="ord_1")
ABSENT = NotInitiated()
OURS = refund_id("pay_1")
RETURNING = taken().after(refund(OURS, 1000)).state
GIVEN_BACK = taken().after(refund(OURS, 1000), said(refunded(1000), REFUND, refund_id=OURS)).state
NOT_GIVEN_BACK = taken().after(refund(OURS, 1000), said(DECLINED, REFUND, refund_id=OURS)).state
STATES: Mapping[Standing, PaymentState] = {
    Standing.ABSENT: ABSENT,
    Standing.OPEN: awaiting_customer().state,
    Standing.MOVING: capturing().state,
    Standing.PAID: taken().state,
    Standing.ENDED: declined().state,
    Standing.RETURNED: GIVEN_BACK,
    Standing.STUCK: NOT_GIVEN_BACK,
}


def attempt(status: AttemptStatus = OPEN, payment_id: str = "pay_1") -> Attempt:
    return Attempt(payment_id, TERMS, status)


def pending(*attempts: Attempt, expires: bool = False) -> Pending:
    return Pending(placed(expires_at=LATER if expires else None), attempts)


def cancelled(*attempts: Attempt) -> Cancelled:
    return Cancelled(placed(), attempts, None)


def rejected(*attempts: Attempt) -> Rejected:
    return Rejected(placed(), attempts, "payment_failed")


def confirmed_by_another(*attempts: Attempt) -> Confirmed:
    return Confirmed(placed(), (attempt(PAID, "pay_2"), *attempts), "pay_2")


def then(order: Placed, state: PaymentState, *, late: bool = False) -> NextOrderAction:
    """What is next when the order's payment stands so; `late`: after the order's deadline."""
    payments = {each.payment_id: state for each in order.attempts} | {"pay_2": taken().state}
    return next_action(order, payments, LATER if late else NOW)


@pytest.mark.parametrize("standing", Standing)
def test_what_a_payment_is_to_its_order(standing: Standing) -> None:
    assert standing_of("pay_1", STATES[standing]) is standing


def test_what_is_being_called_off_or_given_back_is_waited_for() -> None:
    for given in (authorizing().after(Cancel(NOW)), held().after(Cancel(NOW)), awaiting_customer().after(Cancel(NOW))):
        assert standing_of("pay_1", given.state) is Standing.MOVING
    assert standing_of("pay_1", RETURNING) is Standing.MOVING


def test_a_hold_that_the_provider_will_not_release_is_for_people() -> None:
    given = held()
    for _ in range(3):
        assert standing_of("pay_1", given.state) is Standing.OPEN
        given = given.after(Cancel(NOW), said(DECLINED, VOID))
    assert standing_of("pay_1", given.state) is Standing.STUCK


class TestAPendingOrder:
    def test_is_confirmed_by_the_first_money_that_is_safe(self) -> None:
        for status in (OPEN, ENDED):
            assert then(pending(attempt(status)), taken().state) == Write(Confirm("pay_1", NOW))
        late = pending(attempt(ENDED), attempt(OPEN, "pay_3"))
        payments = {"pay_1": taken().state, "pay_3": authorizing().state}
        assert next_action(late, payments, NOW) == Write(Confirm("pay_1", NOW))

    def test_has_its_payment_begun_when_nobody_did(self) -> None:
        assert then(pending(attempt()), ABSENT) == BeginPayment(TERMS)

    def test_of_before_payments_were_written_down_gives_up_one_that_was_not_begun(self) -> None:
        assert then(pending(Attempt("pay_1")), ABSENT) == Write(EndPayment("pay_1", "never_begun", NOW))

    @pytest.mark.parametrize(
        ("state", "reason"),
        [(declined().state, "card_declined"), (expired().state, "expired"), (GIVEN_BACK, "refunded")],
    )
    def test_is_told_that_a_payment_ended_without_money_and_why(self, state: PaymentState, reason: str) -> None:
        assert then(pending(attempt()), state) == Write(EndPayment("pay_1", reason, NOW))

    @pytest.mark.parametrize("standing", [Standing.OPEN, Standing.MOVING])
    def test_waits_for_a_payment_under_way_even_over_its_deadline(self, standing: Standing) -> None:
        assert then(pending(attempt(), expires=True), STATES[standing], late=True) is None

    def test_lets_go_of_a_hold_that_nobody_took_until_its_deadline(self) -> None:
        assert then(pending(attempt(), expires=True), held().state) is None
        assert then(pending(attempt(), expires=True), held().state, late=True) == CancelPayment("pay_1")
        assert then(pending(attempt()), held().state, late=True) is None

    def test_does_not_wait_for_a_hold_that_the_provider_will_not_release(self) -> None:
        refused = (Cancel(NOW), said(DECLINED, VOID))
        stuck = held().after(*refused, *refused, *refused).state
        order = pending(attempt(), expires=True)
        assert then(order, stuck) is None
        assert then(order, stuck, late=True) == Write(EndPayment("pay_1", "not_released", LATER))
        ended = pending(attempt(ENDED), expires=True)
        assert then(ended, stuck, late=True) == Write(RecordFailedReturn("pay_1", LATER))

    def test_without_a_deadline_is_rejected_with_its_payment(self) -> None:
        assert then(pending(attempt(ENDED)), declined().state) == Write(Reject("payment_failed", NOW))

    def test_with_a_deadline_waits_for_another_payment_until_then(self) -> None:
        order = pending(attempt(ENDED), expires=True)
        assert then(order, declined().state) == WaitUntil(LATER)
        assert then(order, declined().state, late=True) == Write(Reject("expired", LATER))


EndedOrder = Callable[..., Cancelled | Rejected | Confirmed]
EVERY_END = pytest.mark.parametrize("ended", [cancelled, rejected, confirmed_by_another])


class TestAnOrderThatHasEnded:
    @EVERY_END
    def test_calls_off_what_may_still_take_money(self, ended: EndedOrder) -> None:
        for status in (OPEN, ENDED):
            assert then(ended(attempt(status)), STATES[Standing.OPEN]) == CancelPayment("pay_1")

    @EVERY_END
    def test_begins_what_was_not_begun_to_call_it_off(self, ended: EndedOrder) -> None:
        assert then(ended(attempt()), ABSENT) == BeginPayment(TERMS)

    @EVERY_END
    def test_refuses_money_then_gives_it_back_then_says_so(self, ended: EndedOrder) -> None:
        for status in (OPEN, ENDED):
            assert then(ended(attempt(status)), taken().state) == Write(RefusePayment("pay_1", NOW))
        assert then(ended(attempt(REFUSED)), taken().state) == ReturnMoney("pay_1", OURS)
        assert then(ended(attempt(REFUSED)), RETURNING) is None
        assert then(ended(attempt(REFUSED)), GIVEN_BACK) == Write(RecordReturn("pay_1", NOW))
        assert then(ended(attempt(RETURNED)), GIVEN_BACK) is None

    @EVERY_END
    def test_says_that_money_could_not_be_given_back_and_tries_no_more(self, ended: EndedOrder) -> None:
        assert then(ended(attempt(REFUSED)), NOT_GIVEN_BACK) == Write(RecordFailedReturn("pay_1", NOW))
        assert then(ended(attempt(STUCK)), NOT_GIVEN_BACK) is None
        assert then(ended(attempt(STUCK)), GIVEN_BACK) == Write(RecordReturn("pay_1", NOW))
        released = held().after(Cancel(NOW), said(DECLINED, VOID), Cancel(NOW), said(VOIDED, VOID)).state
        assert then(ended(attempt(STUCK)), released) == Write(RecordReturn("pay_1", NOW))

    @EVERY_END
    def test_does_not_wait_for_ever_for_what_a_failed_refund_of_the_merchants_left(self, ended: EndedOrder) -> None:
        both = taken().after(refund("ref_1", 300), refund(OURS), said(DECLINED, REFUND, refund_id="ref_1"))
        assert then(ended(attempt(REFUSED)), both.state) is None
        left = both.after(said(refunded(700), REFUND, refund_id=OURS)).state
        assert then(ended(attempt(REFUSED)), left) == Write(RecordFailedReturn("pay_1", NOW))

    @EVERY_END
    def test_writes_down_what_ended_by_itself(self, ended: EndedOrder) -> None:
        assert then(ended(attempt()), declined().state) == Write(EndPayment("pay_1", "card_declined", NOW))
        assert then(ended(attempt(ENDED)), declined().state) is None

    def test_leaves_the_payment_that_paid_it_alone_whatever_becomes_of_its_money(self) -> None:
        order = Confirmed(placed(), (attempt(PAID),), "pay_1")
        for state in (taken().state, RETURNING, GIVEN_BACK):
            assert then(order, state) is None


def test_an_order_that_was_never_placed_has_nothing_to_do() -> None:
    assert next_action(NotPlaced(), {}, NOW) is None
    assert due_at(NotPlaced(), NOW, Policy().order_patience) is None


def test_an_order_is_due_while_anything_of_it_is_unsettled() -> None:
    patience = timedelta(seconds=10)
    soon = NOW + patience
    assert due_at(pending(attempt()), NOW, patience) == soon
    assert due_at(pending(attempt(ENDED)), NOW, patience) == NOW
    assert due_at(pending(attempt(ENDED), expires=True), NOW, patience) == LATER
    for ended in (cancelled, rejected, confirmed_by_another):
        for status in AttemptStatus:
            assert due_at(ended(attempt(status)), NOW, patience) == (soon if status in (OPEN, REFUSED) else None)


@of_every(POSITIONS.items())
def test_every_payment_there_can_be_has_a_standing(given: GivenPayment) -> None:
    for order in (pending(attempt()), cancelled(attempt()), rejected(attempt()), confirmed_by_another(attempt())):
        then(order, given.state)
    assert isinstance(standing_of("pay_1", given.state), Standing)
