"""How far an order and its payments have come when things begin to go wrong."""

from collections.abc import Callable

from app.domain.payment.model import Captured, RefundMoney
from tests.unit.domain.payment.model_provider import Fate, Temper
from tests.unit.processor.world import World

LONG = 5_000
SHORT = 30
"""Seconds."""

Situation = Callable[[World], None]


def customer_is_asked(world: World) -> None:
    """The one payment waits for its customer."""
    world.place(Temper.ASKS, within=None, pay_within=90)
    world.catch_up()


def customer_of_a_hold_is_asked(world: World) -> None:
    """What is approved then is held until the merchant takes it."""
    world.place(Temper.ASKS, within=LONG, pay_within=SHORT, manual=True)
    world.catch_up()


def money_is_held(world: World) -> None:
    """The merchant has yet to take it."""
    world.place(Temper.HOLDS, within=LONG, pay_within=None, manual=True)
    world.catch_up()


def first_has_expired(world: World, *, manual: bool = False) -> None:
    """Its customer may still pay at the provider; the order waits for another."""
    world.place(Temper.ASKS, within=LONG, pay_within=SHORT, manual=manual)
    world.catch_up()
    world.pass_seconds(SHORT)
    world.catch_up()


def first_hold_has_expired(world: World) -> None:
    """What its customer approves late is held."""
    first_has_expired(world, manual=True)


def first_was_never_answered(world: World) -> None:
    """It failed, and those who called for it are asleep before their calls."""
    world.place(Temper.TAKES, within=LONG, pay_within=None)
    for _ in range(world.policy.authorization_attempts):
        world.next_call(falls_asleep="before")
        world.hear_everything()
        world.pass_seconds(70)
        world.sweep()
    world.hear_everything()


def second_is_asked(world: World) -> None:
    """The first has expired, both customers may pay."""
    first_has_expired(world)
    world.try_again(Temper.ASKS, pay_within=None)
    world.catch_up()


def second_has_paid(world: World) -> None:
    """The order is confirmed, and the first's customer may still pay."""
    first_has_expired(world)
    world.try_again(Temper.HOLDS, pay_within=None)
    world.catch_up()


def money_is_taken_and_nobody_heard(world: World) -> None:
    """The order does not know yet that it is paid."""
    world.place(Temper.HOLDS, within=None, pay_within=None)
    world.look_after_order()
    world.look_after("pay_1")
    assert isinstance(world.state("pay_1"), Captured)


def order_has_ended_and_a_hold_may_come(world: World) -> None:
    """The order was called off after its payment had expired; what is approved now is held for nobody."""
    first_hold_has_expired(world)
    world.cancel()
    world.catch_up()


def order_was_cancelled_while_its_customer_was_asked(world: World) -> None:
    """Who may pay all the same, if the provider could not end the session."""
    customer_is_asked(world)
    world.cancel()
    world.catch_up()


def two_refunds_are_under_way(world: World) -> None:
    """The order gives back what is left beside a refund of the merchant's, and no call was made yet."""
    money_is_taken_and_nobody_heard(world)
    world.tell("pay_1", RefundMoney("ref_1", world.clock.now, 300))
    world.cancel()
    world.look_after_order()


def answer_was_lost(world: World) -> None:
    """The money was taken, and nobody knows."""
    world.place(Temper.TAKES, within=LONG, pay_within=SHORT)
    world.next_call(Fate.HIDDEN)
    world.hear_everything()


def a_call_is_under_way(world: World) -> None:
    """The money is held, and who was told so is asleep."""
    world.place(Temper.HOLDS, within=LONG, pay_within=None)
    world.next_call(falls_asleep="after")
    world.hear_everything()


SITUATIONS: tuple[Situation, ...] = (
    customer_is_asked,
    customer_of_a_hold_is_asked,
    money_is_held,
    first_has_expired,
    first_hold_has_expired,
    first_was_never_answered,
    second_is_asked,
    second_has_paid,
    money_is_taken_and_nobody_heard,
    order_has_ended_and_a_hold_may_come,
    order_was_cancelled_while_its_customer_was_asked,
    two_refunds_are_under_way,
    answer_was_lost,
    a_call_is_under_way,
)
