"""What a merchant can see."""

from dataclasses import dataclass

import structlog

from app.access.model import Caller
from app.access.permissions import can_list, can_see
from app.domain.ids import MerchantId, OrderId, PaymentId
from app.domain.order.model import AttemptStatus
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
        view = await self._projected_payment(payment_id)
        # A payment accepted a moment ago may not have reached the read model; whoever made it must find it.
        return await self._if_seen(caller, view or await self._stored_payment(payment_id))

    async def payment_of_order(self, caller: Caller, payment_id: str, outcome: AttemptStatus) -> PaymentView | None:
        """One of an order's payments, no older than what the order has written down of it as `outcome`."""
        view = await self._projected_payment(payment_id)
        # Payments and orders are projected apart, so the read model may have the order's end before the payment's; the
        # stream has both, as the payment's came first.
        if view is None or _may_be_older(view, outcome):
            view = await self._stored_payment(payment_id)
        return await self._if_seen(caller, view)

    async def _projected_payment(self, payment_id: str) -> PaymentView | None:
        try:
            return await self.read_model.payment(payment_id)
        except RedisError as fault:
            log.warning("read model unavailable", fault=type(fault).__name__)
            return None

    async def _stored_payment(self, payment_id: str) -> PaymentView | None:
        history = await load(self.store, PAYMENTS, payment_id)
        folded, _ = payment_updates(history.events)
        return folded.view if folded else None

    async def _if_seen(self, caller: Caller, view: PaymentView | None) -> PaymentView | None:
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


def _may_be_older(view: PaymentView, outcome: AttemptStatus) -> bool:
    """Whether the payment may look as it did before what the order knows of it."""
    match outcome:
        case AttemptStatus.OPEN:
            return False
        case AttemptStatus.ENDED | AttemptStatus.PAID:
            return not view.status.final
        case AttemptStatus.REFUSED | AttemptStatus.RETURNED | AttemptStatus.STUCK:
            return True
