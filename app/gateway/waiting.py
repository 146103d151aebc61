"""Holding an answer until a payment is where the client wants it, or the time is up."""

import asyncio
from contextlib import aclosing
from typing import Literal

from app.domain.payment.model import PaymentStatus
from app.live.hub import Hub
from projections.names import Topic
from projections.views import PaymentView

WaitFor = Literal["ACTION_OR_FINAL", "FINAL"]


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


def _reached(payment: PaymentView, goal: WaitFor) -> bool:
    # A payment that waits for the merchant to capture it is as far as it gets by itself.
    rests = payment.status in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.AUTHORIZED)
    return payment.status.final or (goal == "ACTION_OR_FINAL" and rests)
