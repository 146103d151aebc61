"""Wherever an order and its payments have come to, one more thing happens just before anything that a processor writes.

Every one in every place, so that no case hangs on chance. No notice ever arrives: all has to be found by asking.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import pytest

from app.domain.order.model import AttemptStatus
from app.domain.order.model import Cancel as CancelOrder
from app.domain.payment.model import Cancel, RefundMoney
from app.eventstore.transact import ORDERS, PAYMENTS
from tests.support.meanwhile import Meanwhile
from tests.support.remembering_store import RememberingStore
from tests.unit.domain.payment.model_provider import Fate, Temper
from tests.unit.processor import checks
from tests.unit.processor.situations import (
    LONG,
    SHORT,
    SITUATIONS,
    Situation,
    second_is_asked,
    two_refunds_are_under_way,
)
from tests.unit.processor.witness import Witness
from tests.unit.processor.world import ORDER, Acts, World

MOST_STEPS = 60
A_WHILE = 11
"""Seconds."""

Thing = Callable[[World], Awaitable[object]]


async def nothing(_: World) -> None:
    return


async def the_order_is_cancelled(world: World) -> None:
    await world.carry_out(ORDERS, ORDER, CancelOrder(world.clock.now))


async def the_merchant_calls_the_payments_off(world: World) -> None:
    for payment_id in world.books:
        await world.carry_out(PAYMENTS, payment_id, Cancel(world.clock.now))


async def a_part_is_given_back(world: World) -> None:
    for payment_id in world.books:
        await world.carry_out(PAYMENTS, payment_id, RefundMoney("ref_1", world.clock.now, 300))


async def a_part_is_not_given_back(world: World) -> None:
    await a_part_is_given_back(world)
    world.next_call(refuses=True)


async def the_customers_act(world: World, acts: Acts) -> None:
    for payment_id in world.books:
        world.customer(payment_id, acts)


async def the_first_customer_acts(world: World, acts: Acts) -> None:
    world.customer("pay_1", acts)


async def a_deadline_comes(world: World) -> None:
    world.clock.now = next((each for each in world.deadlines() if each > world.clock.now), world.clock.now)


async def a_deadline_is_near(world: World) -> None:
    near = (each - timedelta(seconds=1) for each in world.deadlines())
    world.clock.now = next((each for each in near if each > world.clock.now), world.clock.now)


async def the_next_call(world: World, fate: Fate = Fate.ANSWERED, *, refuses: bool = False) -> None:
    world.next_call(fate, refuses=refuses)


async def the_processor_is_stopped(_: World) -> None:
    raise asyncio.CancelledError


approve = partial(the_customers_act, acts="approves")
pay = partial(the_customers_act, acts="pays")


async def cancelled_and_approved(world: World) -> None:
    await the_order_is_cancelled(world)
    await approve(world)


async def cancelled_and_approved_and_not_answered(world: World, *, refuses: bool) -> None:
    """It is given back, or not; in either case one learns it later than that it came."""
    await cancelled_and_approved(world)
    await the_next_call(world, Fate.HIDDEN, refuses=refuses)


refuse = partial(the_next_call, refuses=True)
MEANWHILE: tuple[Thing, ...] = (
    World.looks_after_order,
    the_order_is_cancelled,
    the_merchant_calls_the_payments_off,
    a_part_is_not_given_back,
    approve,
    a_deadline_comes,
    a_deadline_is_near,
    the_processor_is_stopped,
    refuse,
    partial(the_next_call, fate=Fate.LOST_AFTER),
)
AFTER_CANCELLING: tuple[Thing, ...] = (approve, pay, refuse)
FIRST: tuple[Thing, ...] = (
    approve,
    pay,
    cancelled_and_approved,
    partial(cancelled_and_approved_and_not_answered, refuses=False),
    partial(cancelled_and_approved_and_not_answered, refuses=True),
)
CASES: tuple[tuple[Thing, Thing], ...] = (
    *((nothing, thing) for thing in MEANWHILE),
    *((the_order_is_cancelled, thing) for thing in AFTER_CANCELLING),
    *((first, nothing) for first in FIRST),
)
"""What happens at first, and what does just before something is written."""


def just_placed(temper: Temper, *, manual: bool = False) -> Situation:
    return lambda world: world.place(temper, within=LONG, pay_within=SHORT, manual=manual)


BEGINNINGS = {
    **{situation.__name__: situation for situation in SITUATIONS if situation is not second_is_asked},
    **{f"just placed, {temper.name.lower()}": just_placed(temper) for temper in (Temper.HOLDS, Temper.TAKES)},
}


@pytest.mark.parametrize("begin", BEGINNINGS.values(), ids=BEGINNINGS.keys())
def test_all_comes_to_the_rest_it_has_to_whatever_happens_where(begin: Situation) -> None:
    for first, thing in CASES:
        for step in range(MOST_STEPS):
            if not comes_to_rest(begin, first, thing, step):
                break
        else:
            raise AssertionError(f"no end after {MOST_STEPS} steps")


def test_when_the_first_customer_pays_after_all_the_next_payment_is_called_off() -> None:
    for acts in ("approves", "pays"):
        comes_to_rest(second_is_asked, partial(the_first_customer_acts, acts=acts), nothing, 0)


def test_what_a_merchants_refund_could_not_give_back_is_told_when_the_orders_own_is_answered() -> None:
    world = World(through=Witness)
    try:
        two_refunds_are_under_way(world)
        # The merchant's is refused, and the order's own gets no answer.
        world.next_call(refuses=True, falls_asleep="before")
        world.hear_everything()
        world.next_call(Fate.LOST_BEFORE)
        world.wake(0)
        checks.nothing_is_left_undone(world)
        assert [attempt.status for attempt in world.placed.attempts] == [AttemptStatus.REFUSED]
        world.come_to_rest()
        checks.everything_agrees(world)
        assert [attempt.status for attempt in world.placed.attempts] == [AttemptStatus.STUCK]
        assert world.books["pay_1"].given_back == 700
    finally:
        world.end()


def comes_to_rest(begin: Situation, first: Thing, thing: Thing, step: int) -> bool:
    """Whether there was such a step."""
    meanwhile: list[Meanwhile] = []

    def through(world: World, store: RememberingStore) -> Meanwhile:
        async def happens() -> None:
            await thing(world)

        meanwhile.append(Meanwhile(Witness(world, store), happens, 10_000, "before"))
        return meanwhile[0]

    world = World(notices_are_lost=True, sessions_stay=True, through=through)
    onlooker = checks.Onlooker(world)
    try:
        begin(world)
        world.run(first(world))
        meanwhile[0].at = meanwhile[0].passed + step
        for _ in range(2):
            world.catch_up()
            if world.quiet:
                checks.nothing_is_left_undone(world)
            # What customers did after the end is found only by asking again a while later.
            world.pass_seconds(A_WHILE)
        world.come_to_rest()
        onlooker.look()
        checks.nothing_is_left_undone(world)
        checks.everything_agrees(world)
        return meanwhile[0].happened and thing is not nothing
    finally:
        world.end()
