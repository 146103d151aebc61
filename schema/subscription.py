"""Subscriptions: authorise, call the hub, map."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from app.gateway.merchant_updates import merchant_updates
from app.live.hub import Delivery
from projections.names import Topic
from projections.readmodel import InvalidCursor
from projections.views import Update
from schema import mapping, orders
from schema.context import Info
from schema.errors import api_error
from schema.orders import Order
from schema.types import Payment, PaymentUpdate

_AFTER = "Every version above this one, `-1` for all of them; without it the present state first."
_AFTER_CURSOR = "Every change after this cursor; without it what happens from now on."
_DELIVERY = (
    "`ALL`: each change; who is too slow is sent away with a cursor. `LATEST`: while you are slow, changes of one "
    "payment may be merged into the last of them, but none by which money is held, moves or will not."
)


@strawberry.type
class Subscription:
    """What can be watched."""

    @strawberry.subscription(
        description="A payment's status, each transition once and in order; completes after the final one."
    )
    async def payment_status(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 — the contract's name
        after: Annotated[int | None, strawberry.argument(description=_AFTER)] = None,
    ) -> AsyncGenerator[Payment, None]:
        """Watch one payment."""
        position = _version(after, info)
        if await info.context.services.queries.payment(info.context.caller, id) is None:
            raise api_error("PAYMENT_NOT_FOUND", "there is no such payment")
        async with aclosing(_updates(Topic("payment", id), position, info)) as updates:
            async for update in updates:
                yield mapping.payment_update(update)

    @strawberry.subscription(
        description="An order's status, each transition once and in order; completes after the final one."
    )
    async def order_status(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 — the contract's name
        after: Annotated[int | None, strawberry.argument(description=_AFTER)] = None,
    ) -> AsyncGenerator[Order, None]:
        """Watch one order."""
        position = _version(after, info)
        if await info.context.services.queries.order(info.context.caller, id) is None:
            raise api_error("ORDER_NOT_FOUND", "there is no such order")
        async with aclosing(_updates(Topic("order", id), position, info)) as updates:
            async for update in updates:
                yield orders.order(update.order)

    @strawberry.subscription(description="Every change of any of your payments, in order; it does not complete.")
    async def merchant_payments(
        self,
        info: Info,
        after: Annotated[str | None, strawberry.argument(description=_AFTER_CURSOR)] = None,
        delivery: Annotated[Delivery | None, strawberry.argument(description=_DELIVERY)] = Delivery.ALL,
    ) -> AsyncGenerator[PaymentUpdate, None]:
        """Watch all payments of the caller's merchant."""
        context = info.context
        position = after if context.resume_after is None else context.resume_after
        if isinstance(position, int):
            raise InvalidCursor("a number is no cursor")
        news = merchant_updates(context.services.hub, context.caller, position, delivery or Delivery.ALL)
        async with aclosing(news) as updates:
            async for update in updates:
                context.position = update.cursor
                yield mapping.merchant_update(update)


def _version(after: int | None, info: Info) -> int | None:
    """Where to go on: what the transport says is newer than the argument, which is repeated unchanged."""
    position = after if info.context.resume_after is None else info.context.resume_after
    if isinstance(position, str) or (position is not None and position < -1):
        raise api_error("INVALID_INPUT", "after: takes a version, or -1 for all of them", field="after")
    return position


async def _updates(topic: Topic, position: int | None, info: Info) -> AsyncGenerator[Update, None]:
    async with aclosing(info.context.services.hub.watch(topic, position)) as updates:
        async for update in updates:
            info.context.position = update.version
            yield update
