"""What can happen to one payment."""

import asyncio

from benchmarks.mixed.floor import Later, Stage


async def paid(stage: Stage) -> Later:
    payment = await stage.begin()
    await stage.act(payment)
    await stage.ends(payment["id"])
    return None


async def declined(stage: Stage) -> Later:
    payment = await stage.begin("decline")
    await stage.act(payment, "decline")
    await stage.ends(payment["id"])
    return None


async def called_off(stage: Stage) -> Later:
    """By the customer, on the provider's page."""
    payment = await stage.begin("cancel")
    await stage.act(payment, "cancel")
    await stage.ends(payment["id"])
    return None


async def too_late(stage: Stage) -> Later:
    """The provider's own time is over."""
    payment = await stage.begin("expire")
    await stage.act(payment, "expire")
    await stage.ends(payment["id"])
    return None


async def abandoned(stage: Stage) -> Later:
    """Nobody does anything until our deadline has passed."""
    await stage.begin("abandon", expiresIn=stage.floor.expiry)
    return None


async def paid_late(stage: Stage) -> Later:
    """The customer pays after our deadline."""
    payment = await stage.begin("pay late", expiresIn=stage.floor.expiry)

    async def later() -> None:
        if await stage.ends(payment["id"]) == "EXPIRED":
            await stage.act(payment)

    return later()


async def cancelled(stage: Stage) -> Later:
    """By the merchant, at any moment."""
    payment = await stage.begin()
    async with asyncio.TaskGroup() as both:
        both.create_task(stage.act(payment))
        await asyncio.sleep(stage.chance.random() ** 2)
        await stage.merchant.command("cancelPayment", payment["id"])
    await stage.ends(payment["id"])
    return None


async def refunded(stage: Stage) -> Later:
    payment = await stage.begin()
    await stage.act(payment)
    if await stage.ends(payment["id"]) == "SUCCEEDED":
        await stage.merchant.command("refundPayment", payment["id"], idempotencyKey=stage.key())
    return None


async def partly_refunded(stage: Stage) -> Later:
    """Once or twice a quarter of it."""
    payment = await stage.begin()
    await stage.act(payment)
    if await stage.ends(payment["id"]) == "SUCCEEDED":
        for _ in range(stage.chance.randint(1, 2)):
            part = {"amount": payment["amount"] // 4, "idempotencyKey": stage.key()}
            await stage.merchant.command("refundPayment", payment["id"], **part)
    return None


async def held_and_taken(stage: Stage) -> Later:
    payment = await stage.begin(capture="MANUAL")
    await stage.act(payment)
    if await stage.reaches(payment["id"], "AUTHORIZED"):
        await stage.merchant.command("capturePayment", payment["id"])
    await stage.ends(payment["id"])
    return None


async def held_and_released(stage: Stage) -> Later:
    payment = await stage.begin(capture="MANUAL")
    await stage.act(payment)
    if await stage.reaches(payment["id"], "AUTHORIZED"):
        await stage.merchant.command("cancelPayment", payment["id"])
    await stage.ends(payment["id"])
    return None


async def held_and_left(stage: Stage) -> Later:
    """Until the end of everything, when it is released."""
    payment = await stage.begin(capture="MANUAL")
    await stage.act(payment)
    await stage.reaches(payment["id"], "AUTHORIZED")
    return None


async def in_two_parts(stage: Stage) -> Later:
    payment = await stage.begin()
    part = payment["amount"] // 4
    await stage.transfer(payment, part)
    await stage.transfer(payment, payment["amount"] - part)
    await stage.ends(payment["id"])
    return None


async def underpaid(stage: Stage) -> Later:
    """A part of it comes, and no more until the deadline."""
    payment = await stage.begin(expiresIn=stage.floor.expiry)
    await stage.transfer(payment, payment["amount"] // 4)
    return None


async def overpaid(stage: Stage) -> Later:
    payment = await stage.begin()
    await stage.transfer(payment, payment["amount"] + 5_000)
    await stage.ends(payment["id"])
    return None
