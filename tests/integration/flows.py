"""Every way an order's life can go, from its placement to its end, and where such lives are played."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from tests.integration.ordering import Shop
from tests.integration.ways import WAYS, card

Flow = Callable[[Shop], Awaitable[None]]
"""What a shop's customer and merchant do; the rest is the processor's."""


async def _paid_by_card(shop: Shop) -> None:
    await shop.place(WAYS["sandbox"])


async def _declined_then_paid(shop: Shop) -> None:
    shop.other_ways.append(WAYS["sandbox"])
    declined = replace(WAYS["sandbox"], method=card("sandbox", "tok_decline"))
    await shop.place(declined, expires_in=timedelta(hours=1))


async def _paid_by_wallet(shop: Shop) -> None:
    await shop.place(WAYS["momo"])


async def _paid_by_transfer(shop: Shop) -> None:
    await shop.place(WAYS["vietqr"])


async def _cancelled_while_the_customer_is_asked(shop: Shop) -> None:
    asking = replace(WAYS["sandbox"], method=card("sandbox", "tok_authenticate"))
    shop.reluctant.add(await shop.place(asking))
    shop.cancels_when_asked = True


async def _cancelled_after_the_capture(shop: Shop) -> None:
    payment_id = await shop.place(WAYS["sandbox"])
    await shop.take_money(payment_id)
    assert await shop.cancel()


async def _expired(shop: Shop) -> None:
    asking = replace(WAYS["sandbox"], method=card("sandbox", "tok_authenticate"))
    shop.reluctant.add(await shop.place(asking, expires_in=timedelta(minutes=5)))


FLOWS: Mapping[str, Flow] = {
    "paid by card": _paid_by_card,
    "declined, then paid": _declined_then_paid,
    "paid by wallet": _paid_by_wallet,
    "paid by transfer": _paid_by_transfer,
    "cancelled while the customer is asked": _cancelled_while_the_customer_is_asked,
    "cancelled after the capture": _cancelled_after_the_capture,
    "expired": _expired,
}
