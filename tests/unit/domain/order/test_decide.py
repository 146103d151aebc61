"""The rules of an order: the few that there are, then all of them in every position."""

from typing import get_args

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
    NotPlaced,
    OrderCommand,
    OrderState,
    OrderStatus,
    Place,
    Reject,
    StartPayment,
    status_of,
)
from app.domain.refusals import IdempotencyKeyReused, IllegalTransition, Refusal
from app.eventstore.transact import ORDERS
from tests.support.builders import NOW, placed
from tests.support.spec import ORDER, Given

GivenOrder = Given[OrderCommand, OrderState, OrderEvent]

START = StartPayment("pay_1", NOW)
CONFIRM = Confirm("pay_1", NOW)


def order(*commands: OrderCommand) -> GivenOrder:
    return ORDER.given(placed()).after(*commands)


def status(given: GivenOrder) -> OrderStatus:
    assert not isinstance(given.state, NotPlaced)
    return status_of(given.state)


POSITIONS: dict[str, GivenOrder] = {
    "nothing": ORDER.given(),
    "placed": order(),
    "being paid": order(START),
    "between payments": order(START, EndPayment("pay_1", "declined", NOW)),
    "confirmed": order(START, CONFIRM),
    "rejected": order(Reject("nobody paid", NOW)),
    "cancelled": order(Cancel(NOW)),
    "cancelled while being paid": order(START, Cancel(NOW)),
}
COMMANDS: tuple[OrderCommand, ...] = (
    Place(placed()),
    Place(placed(fingerprint="another")),
    *(StartPayment(payment_id, NOW) for payment_id in ("pay_1", "pay_2")),
    *(EndPayment(payment_id, "declined", NOW) for payment_id in ("pay_1", "pay_2")),
    *(Confirm(payment_id, NOW) for payment_id in ("pay_1", "pay_2")),
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


def test_an_order_is_paid() -> None:
    given = ORDER.given().when(Place(placed())).then(placed())
    given = given.when(START).then(happened.OrderPaymentStarted(payment_id="pay_1", at=NOW))
    assert status(given) is OrderStatus.PENDING
    given = given.when(CONFIRM).then(happened.OrderConfirmed(payment_id="pay_1", at=NOW))
    assert status(given) is OrderStatus.CONFIRMED


def test_after_a_payment_without_money_another_may_be_begun() -> None:
    given = order(START).when(EndPayment("pay_1", "declined", NOW))
    ended = given.then(happened.OrderPaymentEnded(payment_id="pay_1", reason="declined", at=NOW))
    ended.when(StartPayment("pay_2", NOW)).then(happened.OrderPaymentStarted(payment_id="pay_2", at=NOW))


def test_nobody_pays_twice_at_a_time() -> None:
    order(START).when(StartPayment("pay_2", NOW)).then_refused(IllegalTransition, status=OrderStatus.PENDING)
    order(START, CONFIRM).when(StartPayment("pay_2", NOW)).then_refused(IllegalTransition, status=OrderStatus.CONFIRMED)


def test_only_the_payment_under_way_confirms_or_ends() -> None:
    order(START).when(Confirm("pay_2", NOW)).then_refused(IllegalTransition)
    order().when(CONFIRM).then_refused(IllegalTransition)
    order(START).when(EndPayment("pay_2", "declined", NOW)).then_nothing()


def test_an_order_being_paid_is_not_rejected() -> None:
    order(START).when(Reject("nobody paid", NOW)).then_refused(IllegalTransition, status=OrderStatus.PENDING)
    order().when(Reject("nobody paid", NOW)).then(happened.OrderRejected(reason="nobody paid", at=NOW))


def test_an_order_cancelled_while_being_paid_says_which_payment_has_to_be_undone() -> None:
    given = order(START).when(Cancel(NOW, "x")).then(happened.OrderCancelled(reason="x", at=NOW))
    assert getattr(given.state, "payment_id", None) == "pay_1"
    given.when(CONFIRM).then_refused(IllegalTransition, status=OrderStatus.CANCELLED)


def test_another_order_with_the_same_key_is_refused() -> None:
    order().when(Place(placed(fingerprint="another"))).then_refused(IdempotencyKeyReused)


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
            assert decide(command, fold(decided, given.state)) == []


@in_every_position
def test_what_is_final_stays_as_it_is(given: GivenOrder) -> None:
    if not isinstance(given.state, NotPlaced) and status_of(given.state).final:
        for command in COMMANDS:
            assert decided_or_refused(command, given.state) == []


@in_every_position
def test_a_history_nobody_could_have_decided_is_not_folded(given: GivenOrder) -> None:
    event = happened.OrderConfirmed(payment_id="pay_9", at=NOW)
    with pytest.raises(ImpossibleOrderHistory, match="OrderConfirmed cannot follow"):
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
