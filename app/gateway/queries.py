"""What a merchant can see."""

from dataclasses import dataclass

import structlog

from app.access.model import Caller
from app.access.permissions import can_list, can_see
from app.domain.ids import MerchantId, OrderId, PaymentId
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS, load
from app.gateway.payments import Forbidden
from app.redisio import RedisError
from projections.fold import order_updates, payment_updates
from projections.readmodel import Page, PaymentFilter, ReadModel
from projections.views import OrderView, PaymentView

log = structlog.get_logger()


@dataclass(frozen=True)
class Queries:
    """Reads. They raise `StoreUnavailable` and, for a list, `RedisError` and `InvalidCursor`."""

    store: EventStore
    read_model: ReadModel

    async def payment(self, caller: Caller, payment_id: str) -> PaymentView | None:
        """The payment, or None when there is none or it is another merchant's."""
        try:
            view = await self.read_model.payment(payment_id)
        except RedisError as fault:
            log.warning("read model unavailable", fault=type(fault).__name__)
            view = None
        if view is None:
            # A payment accepted a moment ago may not have reached the read model; whoever made it must find it.
            history = await load(self.store, PAYMENTS, payment_id)
            folded, _ = payment_updates(history.events)
            view = folded.view if folded else None
        if view is None:
            return None
        seen = can_see(caller, PaymentId(view.id), MerchantId(view.merchant_id))
        return view if seen or await self._is_of_watched_order(caller, view) else None

    async def _is_of_watched_order(self, caller: Caller, view: PaymentView) -> bool:
        if view.order_id is None or not can_see(caller, OrderId(view.order_id), MerchantId(view.merchant_id)):
            return False
        order = await self.order(caller, view.order_id)
        return order is not None and any(attempt.payment_id == view.id for attempt in order.attempts)

    async def order(self, caller: Caller, order_id: str) -> OrderView | None:
        """The order, or None when there is none or it is another merchant's."""
        try:
            view = await self.read_model.order(order_id)
        except RedisError as fault:
            log.warning("read model unavailable", fault=type(fault).__name__)
            view = None
        if view is None:
            history = await load(self.store, ORDERS, order_id)
            folded, _ = order_updates(history.events)
            view = folded.view if folded else None
        if view is None or not can_see(caller, OrderId(view.id), MerchantId(view.merchant_id)):
            return None
        return view

    async def payments(self, caller: Caller, *, first: int, after: str | None, wanted: PaymentFilter) -> Page:
        """A page of the merchant's payments, newest first. Raises `Forbidden`."""
        if not can_list(caller):
            raise Forbidden("this credential may not list payments")
        return await self.read_model.payments(caller.merchant_id, first=first, after=after, wanted=wanted)
