"""What can happen to one order."""

import asyncio
from typing import Any

from benchmarks.mixed.floor import Begun, Later, Stage
from benchmarks.mixed.ways import WAYS

_FOR_ANOTHER_TRY_SECONDS = 600


async def ordered(stage: Stage) -> Later:
    order_id, payment = await _place(stage)
    await stage.act(payment)
    await stage.order_ends(order_id)
    return None


async def order_declined(stage: Stage) -> Later:
    order_id, payment = await _place(stage, "decline")
    await stage.act(payment, "decline")
    await stage.order_ends(order_id)
    return None


async def second_attempt(stage: Stage) -> Later:
    """In another way, after the first has failed."""
    order_id, payment = await _place(stage, "decline", expiresIn=_FOR_ANOTHER_TRY_SECONDS)
    await stage.act(payment, "decline")
    status = await stage.ends(payment["id"])
    if status == "FAILED" and await _payable(stage, order_id, payment["id"]):
        stage.way = stage.chance.choice([way for way in WAYS if way.currency == stage.way.currency])
        again = await stage.begin(amount=payment["amount"], orderId=order_id)
        await stage.act(again)
    if await stage.order_ends(order_id) is None:
        await stage.merchant.cancel_order(order_id)
    return None


async def order_cancelled(stage: Stage) -> Later:
    """At any moment: before, while and after its customer pays."""
    order_id, payment = await _place(stage, wait=stage.chance.random() < 0.7)
    async with asyncio.TaskGroup() as both:
        both.create_task(stage.act(payment))
        await asyncio.sleep(stage.chance.random() ** 2)
        await stage.merchant.cancel_order(order_id)
    await stage.order_ends(order_id)
    return None


async def order_abandoned(stage: Stage) -> Later:
    await _place(stage, "abandon", expiresIn=stage.floor.expiry)
    return None


async def order_paid_late(stage: Stage) -> Later:
    """The order's time is over when its customer pays: the money goes back."""
    order_id, payment = await _place(stage, "pay late", expiresIn=stage.floor.expiry)

    async def later() -> None:
        if await stage.order_ends(order_id) == "REJECTED":
            await stage.act(payment)

    return later()


async def _place(stage: Stage, wish: str = "approve", *, wait: bool = True, **given: Any) -> tuple[str, dict[str, Any]]:
    price = stage.way.price(stage.chance)
    items = [
        {"sku": "coffee", "quantity": 2, "unitAmount": price // 4},
        {"sku": "cake", "quantity": 1, "unitAmount": price // 2},
    ]
    method = stage.way.method(wish, stage.chance)
    terms = {"items": items, "total": price, "currency": stage.way.currency, "method": method, **given}
    order_id, payment = await stage.merchant.place(wait=wait, idempotencyKey=stage.key(), **terms)
    stage.floor.begun.append(Begun("order", order_id, stage.way.provider, stage.name))
    return order_id, {**payment, "amount": price}


async def _payable(stage: Stage, order_id: str, failed: str) -> bool:
    """Wait until the order has heard that its payment is lost: then another may be begun."""
    document = "query($id: ID!) { answer: order(id: $id) { status attempts { paymentId status } } }"
    for _ in range(200):
        order = await stage.merchant.ask(document, id=order_id)
        if order["status"] != "PENDING":
            return False
        if {each["paymentId"]: each["status"] for each in order["attempts"]}.get(failed) == "ENDED":
            return True
        await asyncio.sleep(0.25)
    return False
