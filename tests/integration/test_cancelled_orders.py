"""An order is cancelled at every step of its payment, at every provider: the money is returned or was never taken."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Literal

import pytest

from app.domain.order.model import AttemptStatus, Confirmed, OrderStatus, Placed, status_of
from app.eventstore.codec import new_cause
from app.processor.orders import OrderPump
from tests.integration.ordering import Shop, Street
from tests.integration.ways import WAYS, Way, card
from tests.support.meanwhile import Meanwhile
from tests.support.remembering_store import RememberingStore

MOST_STEPS = 40
STEPS_OF_THE_FIRST = 4
"""What is written at least before a second payment is begun."""

Moment = Literal["before", "before, and seen at once", "after, and seen at once"]
MOMENTS: tuple[Moment, ...] = ("before", "before, and seen at once", "after, and seen at once")


class Interrupted:
    """A shop where something happens at one moment of what the processor writes.

    Whatever it is, the order's processor sees it when it comes to it, or at once, when there is another one.
    """

    def __init__(self, street: Street, step: int, moment: Moment) -> None:
        self.cancelled = False
        self.happens: Callable[[], Awaitable[object]] = self._cancel
        self._at_once = "at once" in moment
        self._meanwhile: Meanwhile
        when: Literal["before", "after"] = "after" if moment.startswith("after") else "before"

        def through(store: RememberingStore) -> Meanwhile:
            self._meanwhile = Meanwhile(store, self._interrupt, step, when)
            return self._meanwhile

        self.shop = street.shop(through=through)

    @property
    def over(self) -> bool:
        """Whether there was no such step any more."""
        return not self._meanwhile.happened

    async def _interrupt(self) -> None:
        shop = self.shop
        await self.happens()
        if self._at_once:
            await OrderPump(shop.store, shop.clock).run(shop.order_id, new_cause(shop.order_id))

    async def _cancel(self) -> None:
        self.cancelled = await self.shop.cancel()

    async def ended(self) -> Placed:
        """The order when it and its payments have come to rest, and agree."""
        await self.shop.rest()
        await self.shop.agrees()
        return await self.shop.order()


@pytest.mark.parametrize("provider", WAYS)
async def test_an_order_cancelled_at_any_step_of_its_payment_keeps_no_money(street: Street, provider: str) -> None:
    for moment in MOMENTS:
        ends = []
        for step in range(MOST_STEPS):
            case = Interrupted(street, step, moment)
            await case.shop.place(WAYS[provider])
            order = await case.ended()
            assert status_of(order) is (OrderStatus.CANCELLED if case.cancelled else OrderStatus.CONFIRMED)
            ends.append(order.attempts[0].status)
            if case.over:
                break
        # From the first step, where nothing was taken, to the last, where it is too late.
        assert (ends[0], ends[-1]) == (AttemptStatus.ENDED, AttemptStatus.PAID)
        assert AttemptStatus.RETURNED in ends or AttemptStatus.STUCK in ends


@pytest.mark.parametrize("provider", WAYS)
async def test_an_order_cancelled_at_any_step_of_its_second_payment_keeps_no_money(
    street: Street, provider: str
) -> None:
    way = WAYS[provider]
    refused = replace(WAYS["sandbox"], price=way.price, method=card("sandbox", "tok_decline"))
    ends = []
    for step in range(STEPS_OF_THE_FIRST, MOST_STEPS):
        case = Interrupted(street, step, "before, and seen at once")
        case.shop.other_ways.append(way)
        await case.shop.place(refused, expires_in=timedelta(hours=1))
        order = await case.ended()
        assert status_of(order) is (OrderStatus.CANCELLED if case.cancelled else OrderStatus.CONFIRMED)
        ends.append(len(order.attempts))
        if case.over:
            break
    assert (ends[0], ends[-1]) == (1, 2)


LATE_AND_SECOND = [
    (replace(WAYS["sandbox"], method=card("sandbox", "tok_authenticate")), WAYS["stripe"]),
    (replace(WAYS["stripe"], method=card("stripe", "pm_card_authenticationRequired")), WAYS["paypal"]),
    (WAYS["momo"], WAYS["vietqr"]),
    (WAYS["zalopay"], replace(WAYS["sandbox"], price=WAYS["zalopay"].price)),
    (WAYS["vnpay"], WAYS["momo"]),
    (WAYS["vietqr"], WAYS["zalopay"]),
]


@pytest.mark.parametrize(("first", "second"), LATE_AND_SECOND, ids=lambda way: way.provider)
async def test_a_late_success_at_any_step_of_another_payment_pays_the_order_once(
    street: Street, first: Way, second: Way
) -> None:
    by_the_late_one = []
    for step in range(STEPS_OF_THE_FIRST, MOST_STEPS):
        case = Interrupted(street, step, "before, and seen at once" if step % 2 else "before")
        shop = case.shop
        case.happens = partial(_the_first_is_paid_late, shop)
        shop.other_ways.append(second)
        late = await shop.place(first, expires_in=timedelta(days=1), pay_within=timedelta(minutes=5))
        shop.reluctant.add(late)
        order = await case.ended()
        assert isinstance(order, Confirmed)
        if late in shop.paid:
            by_the_late_one.append(order.payment_id == late)
        if case.over:
            break
    # First the late one is in time to pay the order, in the end it is not.
    assert (by_the_late_one[0], by_the_late_one[-1]) == (True, False)


async def _the_first_is_paid_late(shop: Shop) -> None:
    first = next(iter(shop.ways))
    if len(shop.ways) == 2 and await shop.pay(first):
        await shop.hear_of(first)
