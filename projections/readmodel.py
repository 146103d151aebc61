"""The read side: views by id, a merchant's payments page by page, and what is due."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from redis.asyncio import Redis

from app.domain.payment.model import PaymentStatus
from projections.deliveries import DeliveryLog
from projections.due import due_by
from projections.lists import InvalidCursor, cursor_at, entries_after, place_in
from projections.merchant_feed import MerchantFeeds
from projections.names import PARTITIONS, Topic, due_key, merchant_payments_key
from projections.views import OrderView, PaymentView, Update

__all__ = ["InvalidCursor", "Page", "PaymentFilter", "ReadModel", "cursor_of"]


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Which of a merchant's payments are wanted."""

    statuses: frozenset[PaymentStatus] | None = None
    order_id: str | None = None

    def admits(self, view: PaymentView) -> bool:
        """Whether the payment is wanted."""
        return (self.statuses is None or view.status in self.statuses) and self.order_id in (None, view.order_id)


@dataclass(frozen=True, slots=True)
class Page:
    """Payments, newest first, and whether there are more."""

    payments: tuple[PaymentView, ...]
    has_more: bool


class ReadModel:
    """Reads what the projection wrote. Raises `RedisError` when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.feeds = MerchantFeeds(redis)
        self.deliveries = DeliveryLog(redis)

    async def payment(self, payment_id: str) -> PaymentView | None:
        """The view of a payment, or None when the projection has not seen it."""
        stored = await self._redis.hget(Topic("payment", payment_id).view_key, "view")
        return None if stored is None else PaymentView.model_validate_json(stored)

    async def order(self, order_id: str) -> OrderView | None:
        """The view of an order, or None when the projection has not seen it."""
        stored = await self._redis.hget(Topic("order", order_id).view_key, "view")
        return None if stored is None else OrderView.model_validate_json(stored)

    async def last_updates(self, topics: Sequence[Topic]) -> list[Update | None]:
        """The last update published of each topic, in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for topic in topics:
            pipeline.hget(topic.view_key, "update")
        return [None if stored is None else Update.decode(stored) for stored in await pipeline.execute()]

    async def payments(self, merchant_id: str, *, first: int, after: str | None, wanted: PaymentFilter) -> Page:
        """At most `first` of a merchant's payments, newest first, after a cursor. Raises `InvalidCursor`."""
        position = None if after is None else place_in(after)
        found: list[PaymentView] = []
        while len(found) <= first:
            entries = await entries_after(self._redis, merchant_payments_key(merchant_id), position)
            if not entries:
                break
            position = entries[-1]
            views = await self._views([payment_id for _, payment_id in entries])
            found.extend(view for view in views if wanted.admits(view))
        return Page(tuple(found[:first]), has_more=len(found) > first)

    async def _views(self, payment_ids: Sequence[str]) -> list[PaymentView]:
        pipeline = self._redis.pipeline(transaction=False)
        for payment_id in payment_ids:
            pipeline.hget(Topic("payment", payment_id).view_key, "view")
        return [PaymentView.model_validate_json(stored) for stored in await pipeline.execute() if stored is not None]

    async def due(self, kind: Literal["payment", "order"], now: datetime, *, at_most: int) -> list[str]:
        """Ids of what of a kind the processor has to look at by now, `at_most` of each partition."""
        keys = [due_key(kind, partition) for partition in range(PARTITIONS)]
        return await due_by(self._redis, keys, now, at_most=at_most)

    async def check(self) -> None:
        """Return when Redis answers."""
        await self._redis.ping()


def cursor_of(view: PaymentView) -> str:
    """The opaque cursor after which the payment's successors in the list stand."""
    return cursor_at(round(view.initiated_at.timestamp() * 1000), view.id)
