"""Holding an answer until a payment is where the client wants it, or the time is up."""

import asyncio
from contextlib import aclosing

from app.domain.payment.model import PaymentStatus
from app.gateway.requests import WaitFor
from app.live.hub import Hub
from projections.names import Topic
from projections.views import OrderView, PaymentView


async def wait_for(hub: Hub, payment: PaymentView, goal: WaitFor, *, timeout_ms: int) -> PaymentView:
    """`payment` as soon as it has reached `goal`, or as it is after `timeout_ms` milliseconds."""
    if _reached(payment, goal):
        return payment
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            async with aclosing(hub.watch(Topic("payment", payment.id), after=payment.version)) as updates:
                async for update in updates:
                    payment = update.payment
                    if _reached(payment, goal):
                        break
    except TimeoutError:
        pass
    return payment


async def wait_for_order(
    hub: Hub, order: OrderView, payment: PaymentView, goal: WaitFor, *, timeout_ms: int
) -> tuple[OrderView, PaymentView]:
    """As `wait_for`, for an order and its payment: final is what the order is."""
    until = asyncio.get_running_loop().time() + timeout_ms / 1000
    if goal == "ACTION_OR_FINAL":
        payment = await wait_for(hub, payment, goal, timeout_ms=timeout_ms)
        if not payment.status.final:
            return order, payment
    try:
        async with asyncio.timeout_at(until), aclosing(hub.watch(Topic("order", order.id), order.version)) as updates:
            async for update in updates:
                order = update.order
    except TimeoutError:
        pass
    return order, payment


def _reached(payment: PaymentView, goal: WaitFor) -> bool:
    # A payment that waits for the merchant to capture it is as far as it gets by itself.
    rests = payment.status in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.AUTHORIZED)
    return payment.status.final or (goal == "ACTION_OR_FINAL" and rests)
