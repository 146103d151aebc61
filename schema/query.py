"""Queries: check, call one service, map."""

from typing import Annotated

import strawberry

from app.domain.payment.model import PaymentStatus
from projections.readmodel import PaymentFilter
from schema import mapping, orders
from schema.context import Info
from schema.endpoint_operations import EndpointQueries
from schema.errors import api_error
from schema.orders import Order
from schema.types import Payment, PaymentConnection

_MOST_AT_ONCE = 100


@strawberry.type
class Query(EndpointQueries):
    """What can be read."""

    @strawberry.field(description="A payment of yours, or null.")
    async def payment(self, info: Info, id: strawberry.ID) -> Payment | None:  # noqa: A002 — the contract's name
        """One payment."""
        view = await info.context.services.queries.payment(info.context.caller, id)
        return None if view is None else mapping.payment(view)

    @strawberry.field(description="An order of yours, or null.")
    async def order(self, info: Info, id: strawberry.ID) -> Order | None:  # noqa: A002 — the contract's name
        """One order."""
        view = await info.context.services.queries.order(info.context.caller, id)
        return None if view is None else orders.order(view)

    @strawberry.field(description="Your payments, newest first.")
    async def payments(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="At most 100.")] = 20,
        after: str | None = None,
        status: list[PaymentStatus] | None = None,
        order_id: strawberry.ID | None = None,
    ) -> PaymentConnection:
        """A page of payments."""
        count = 20 if first is None else first
        if not 0 <= count <= _MOST_AT_ONCE:
            raise api_error("INVALID_INPUT", f"first: takes 0 to {_MOST_AT_ONCE}", field="first")
        wanted = PaymentFilter(None if status is None else frozenset(status), order_id)
        page = await info.context.services.queries.payments(
            info.context.caller, first=count, after=after, wanted=wanted
        )
        return mapping.connection(page, after=after)

    @strawberry.field(description="What browsers subscribe to push with (`applicationServerKey`); null without push.")
    async def push_key(self, info: Info) -> str | None:
        """The public key of the push channel."""
        return info.context.services.push.channels.push_key
