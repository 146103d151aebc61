"""Subscriptions: authorise, call the hub, map."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from projections.names import Topic
from schema import mapping
from schema.context import Info
from schema.errors import api_error
from schema.types import Payment

_AFTER = "Every version above this one, `-1` for all of them; without it the present state first."


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
        services = info.context.services
        position = info.context.resume_after if after is None else after
        if isinstance(position, str) or (position is not None and position < -1):
            raise api_error("INVALID_INPUT", "after: takes a version, or -1 for all of them", field="after")
        if await services.queries.payment(info.context.caller, id) is None:
            raise api_error("PAYMENT_NOT_FOUND", "there is no such payment")
        async with aclosing(services.hub.watch(Topic("payment", id), position)) as updates:
            async for update in updates:
                info.context.position = update.version
                yield mapping.payment_update(update)
