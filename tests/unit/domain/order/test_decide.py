"""The rules of an order: the few that there are, then all of them in every position."""

from datetime import datetime
from typing import Any, get_args

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from app.domain.order import events as happened
from app.domain.order.decide import decide
from app.domain.order.events import OrderEvent
from app.domain.order.evolve import ImpossibleOrderHistory, fold
from app.domain.order.model import (
    Cancel,
    Confirm,
    EndPayment,
    Finding,
    NotPlaced,
    OrderCommand,
    OrderState,
    OrderStatus,
    Place,
    RecordFailedReturn,
    RecordReturn,
    RefusePayment,
    Reject,
    StartPayment,
    attempt_of,
    status_of,
)
from app.domain.refusals import AmountNotAllowed, IdempotencyKeyReused, IllegalTransition, Refusal
from app.eventstore.transact import ORDERS
from tests.support.builders import LATER, NOW, initiated, placed
from tests.support.spec import ORDER, Given

GivenOrder = Given[OrderCommand, OrderState, OrderEvent]


def start(payment_id: str = "pay_1", **changes: Any) -> StartPayment:
    return StartPayment(initiated(payment_id=payment_id, order_id="ord_1", **changes), NOW)


CONFIRM = Confirm("pay_1", NOW)
DECLINED = EndPayment("pay_1", "card_declined", NOW)


def order(*commands: OrderCommand, expires_at: datetime | None = None) -> GivenOrder:
    return ORDER.given(placed(expires_at=expires_at)).after(*commands)


def status(given: GivenOrder) -> OrderStatus:
    assert not isinstance(given.state, NotPlaced)
    return status_of(given.state)


POSITIONS: dict[str, GivenOrder] = {
    "nothing": ORDER.given(),
    "placed": order(),
    "being paid": order(start()),
    "between payments": order(start(), DECLINED),
    "being paid again": order(start(), DECLINED, start("pay_2")),
    "confirmed": order(start(), CONFIRM),
    "confirmed by the second payment": order(start(), DECLINED, start("pay_2"), Confirm("pay_2", NOW)),
    "confirmed by a late first payment": order(start(), DECLINED, start("pay_2"), CONFIRM),
    "rejected": order(Reject("nobody paid", NOW)),
    "rejected after a payment": order(start(), DECLINED, Reject("payment_failed", NOW)),
    "cancelled": order(Cancel(NOW)),
    "cancelled while being paid": order(start(), Cancel(NOW)),
    "giving money back": order(start(), Cancel(NOW), RefusePayment("pay_1", NOW)),
    "money given back": order(start(), Cancel(NOW), RefusePayment("pay_1", NOW), RecordReturn("pay_1", NOW)),
    "money that could not be given back": order(
        start(), Cancel(NOW), RefusePayment("pay_1", NOW), RecordFailedReturn("pay_1", NOW)
    ),
}
COMMANDS: tuple[OrderCommand, ...] = (
    Place(placed(), initiated()),
    Place(placed(fingerprint="another"), initiated()),
    *(start(payment_id) for payment_id in ("pay_1", "pay_2")),
    start("pay_1", fingerprint="another"),
    start("pay_3", amount=999),
    *(
        finding
        for payment_id in ("pay_1", "pay_2")
        for finding in (
            EndPayment(payment_id, "card_declined", NOW),
            Confirm(payment_id, NOW),
            RefusePayment(payment_id, NOW),
            RecordReturn(payment_id, NOW),
            RecordFailedReturn(payment_id, NOW),
        )
    ),
    Reject("nobody paid", NOW),
    Cancel(NOW),
    Cancel(NOW, "changed my mind"),
)
in_every_position = pytest.mark.parametrize("given", POSITIONS.values(), ids=POSITIONS.keys())


def decided_or_refused(command: OrderCommand, state: OrderState) -> list[OrderEvent]:
    try:
        return decide(command, state)
    except Refusal:
        return []


def test_an_order_is_placed_with_its_first_payment_and_paid_by_it() -> None:
    payment = initiated(order_id="ord_1")
    started = happened.OrderPaymentStarted(payment_id="pay_1", terms=payment, at=placed().at)
    given = ORDER.given().when(Place(placed(), payment)).then(placed(), started)
    assert status(given) is OrderStatus.PENDING
    given = given.when(CONFIRM).then(happened.OrderConfirmed(payment_id="pay_1", at=NOW))
    assert status(given) is OrderStatus.CONFIRMED


def test_after_a_payment_without_money_another_may_be_begun() -> None:
    ended = order(start()).when(DECLINED)
    given = ended.then(happened.OrderPaymentEnded(payment_id="pay_1", reason="card_declined", at=NOW))
    again = start("pay_2")
    given.when(again).then(happened.OrderPaymentStarted(payment_id="pay_2", terms=again.payment, at=NOW))


def test_nobody_pays_twice_at_a_time() -> None:
    order(start()).when(start("pay_2")).then_refused(IllegalTransition, status=OrderStatus.PENDING)
    order(start(), CONFIRM).when(start("pay_2")).then_refused(IllegalTransition, status=OrderStatus.CONFIRMED)


def test_the_same_payment_is_begun_once_and_another_under_its_id_never() -> None:
    order(start()).when(start()).then_nothing()
    order(start(), DECLINED).when(start()).then_nothing()
    order(start()).when(start(fingerprint="another")).then_refused(IdempotencyKeyReused)


@pytest.mark.parametrize("changes", [{"amount": 999}, {"currency": "USD"}])
def test_a_payment_is_of_the_whole_total_in_the_orders_currency(changes: dict[str, Any]) -> None:
    order().when(start(**changes)).then_refused(AmountNotAllowed, maximum=1000)


def test_after_the_orders_deadline_no_payment_is_begun() -> None:
    order(expires_at=LATER).when(start()).then(
        happened.OrderPaymentStarted(payment_id="pay_1", terms=start().payment, at=NOW)
    )
    order(expires_at=NOW).when(start()).then_refused(IllegalTransition, status=OrderStatus.PENDING)


def test_a_payment_that_was_taken_for_lost_confirms_the_order_when_its_money_comes_after_all() -> None:
    for given in (order(start(), DECLINED), order(start(), DECLINED, start("pay_2"))):
        given.when(CONFIRM).then(happened.OrderConfirmed(payment_id="pay_1", at=NOW))


def test_what_is_found_of_a_payment_that_is_not_the_orders_changes_nothing() -> None:
    for finding in (Confirm, RefusePayment, RecordReturn, RecordFailedReturn):
        order(start()).when(finding("pay_9", NOW)).then_nothing()
    order(start()).when(EndPayment("pay_9", "declined", NOW)).then_nothing()


def test_an_order_being_paid_is_not_rejected() -> None:
    order(start()).when(Reject("nobody paid", NOW)).then_nothing()
    order().when(Reject("nobody paid", NOW)).then(happened.OrderRejected(reason="nobody paid", at=NOW))


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (order(start(), Cancel(NOW)), "CANCELLED"),
        (order(start(), DECLINED, Reject("payment_failed", NOW)), "REJECTED"),
        (order(start(), DECLINED, start("pay_2"), Confirm("pay_2", NOW)), "ALREADY_PAID"),
    ],
)
def test_money_for_an_order_that_has_ended_without_it_is_refused_and_given_back(ended: GivenOrder, reason: str) -> None:
    ended.when(CONFIRM).then_nothing()
    refused = ended.when(RefusePayment("pay_1", NOW)).then(
        happened.OrderPaymentRefused.model_validate({"payment_id": "pay_1", "reason": reason, "at": NOW})
    )
    refused.when(RecordReturn("pay_1", NOW)).then(happened.OrderPaymentReturned(payment_id="pay_1", at=NOW))
    refused.when(RecordFailedReturn("pay_1", NOW)).then(happened.OrderReturnFailed(payment_id="pay_1", at=NOW))


def test_the_payment_that_paid_is_never_refused() -> None:
    paid = order(start(), CONFIRM)
    for finding in (RefusePayment, RecordReturn, RecordFailedReturn):
        paid.when(finding("pay_1", NOW)).then_nothing()


def test_what_people_gave_back_after_a_failed_return_is_recorded() -> None:
    stuck = POSITIONS["money that could not be given back"]
    stuck.when(RecordReturn("pay_1", NOW)).then(happened.OrderPaymentReturned(payment_id="pay_1", at=NOW))


def test_an_order_is_cancelled_once_and_only_while_it_is_pending() -> None:
    order(start()).when(Cancel(NOW, "x")).then(happened.OrderCancelled(reason="x", at=NOW))
    for name in ("cancelled", "confirmed", "rejected"):
        POSITIONS[name].when(Cancel(NOW)).then_refused(IllegalTransition, status=status(POSITIONS[name]))


def test_another_order_with_the_same_key_is_refused() -> None:
    order().when(Place(placed(fingerprint="another"), initiated())).then_refused(IdempotencyKeyReused)


def test_of_an_order_that_was_never_placed_nothing_can_be_asked() -> None:
    for command in COMMANDS:
        if not isinstance(command, Place):
            ORDER.given().when(command).then_refused(IllegalTransition, status="NONE")


def test_the_tables_leave_out_no_state_and_no_command() -> None:
    assert {type(given.state) for given in POSITIONS.values()} == set(get_args(OrderState))
    assert {type(command) for command in COMMANDS} == set(get_args(OrderCommand))


@in_every_position
def test_whatever_is_asked_twice_changes_nothing_the_second_time(given: GivenOrder) -> None:
    for command in COMMANDS:
        decided = decided_or_refused(command, given.state)
        if decided:
            assert decided_or_refused(command, fold(decided, given.state)) == []


@in_every_position
def test_what_is_found_out_is_never_refused(given: GivenOrder) -> None:
    if not isinstance(given.state, NotPlaced):
        for command in COMMANDS:
            if isinstance(command, Finding):
                decide(command, given.state)


@in_every_position
def test_a_final_status_stays_and_only_payments_without_a_part_in_it_move(given: GivenOrder) -> None:
    if isinstance(given.state, NotPlaced) or not status_of(given.state).final:
        return
    for command in COMMANDS:
        after = fold(decided_or_refused(command, given.state), given.state)
        assert not isinstance(after, NotPlaced)
        assert status_of(after) == status_of(given.state)


@in_every_position
def test_a_history_nobody_could_have_decided_is_not_folded(given: GivenOrder) -> None:
    for event in (
        happened.OrderConfirmed(payment_id="pay_9", at=NOW),
        happened.OrderPaymentReturned(payment_id="pay_9", at=NOW),
    ):
        with pytest.raises(ImpossibleOrderHistory, match=f"{type(event).__name__} cannot follow"):
            given.decider.evolve(given.state, event)


@drawn(st.lists(st.sampled_from(COMMANDS), max_size=20), st.integers(min_value=0))
def test_every_history_can_be_folded_in_parts_and_read_from_json(commands: list[OrderCommand], cut: int) -> None:
    events: list[OrderEvent] = [placed()]
    for command in commands:
        events += decided_or_refused(command, fold(events))
    cut %= len(events) + 1
    assert fold(events[cut:], fold(events[:cut])) == fold(events)
    read = [ORDERS.events[type(event).__name__].model_validate_json(event.model_dump_json()) for event in events]
    assert read == events


@drawn(st.lists(st.sampled_from(COMMANDS), max_size=20))
def test_no_order_is_ever_paid_by_two_payments(commands: list[OrderCommand]) -> None:
    events: list[OrderEvent] = [placed()]
    for command in commands:
        events += decided_or_refused(command, fold(events))
    state = fold(events)
    assert not isinstance(state, NotPlaced)
    paid = [attempt.payment_id for attempt in state.attempts if attempt.status == "PAID"]
    assert len(paid) == (1 if status_of(state) is OrderStatus.CONFIRMED else 0)
    assert sum(attempt.status == "OPEN" for attempt in state.attempts) <= 1
    assert all(attempt_of(state, payment_id) for payment_id in paid)
