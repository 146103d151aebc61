"""Places become cursors on their way to a merchant, and only to it."""

from collections.abc import AsyncGenerator
from typing import cast

import pytest

from app.access.model import Caller, MerchantCaller, Scope, Watcher
from app.domain.ids import MerchantId, PaymentId
from app.gateway.merchant_updates import CursorAhead, MerchantUpdate, merchant_updates
from app.gateway.payments import Forbidden
from app.live.hub import Delivery, Hub, PositionAhead
from app.live.mailbox import SlowConsumer
from projections.cursors import feed_cursor
from projections.merchant_feed import FeedEntry
from projections.readmodel import InvalidCursor
from projections.views import Update

ACME = MerchantCaller(MerchantId("acme"))
UPDATE = Update(None, 0, final=False, shown=b"{}")


class OneFeed:
    """A hub on which one thing happens, and then the watch ends with a fault."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.asked: list[object] = []
        self._fault = fault

    async def watch_merchant(
        self, merchant_id: str, after: int | None, delivery: Delivery
    ) -> AsyncGenerator[FeedEntry, None]:
        self.asked = [merchant_id, after, delivery]
        yield FeedEntry(3, 7, "pay_1", UPDATE, merged=2)
        if self._fault:
            raise self._fault


async def watched(feed: OneFeed, caller: Caller = ACME, after: str | None = None) -> list[MerchantUpdate]:
    updates = merchant_updates(cast("Hub", feed), caller, after, Delivery.LATEST)
    return [update async for update in updates]


async def test_a_cursor_is_the_place_to_go_on_from() -> None:
    feed = OneFeed()
    assert await watched(feed, after=feed_cursor("acme", 3)) == [MerchantUpdate(UPDATE, feed_cursor("acme", 7), 2)]
    assert feed.asked == ["acme", 3, Delivery.LATEST]


async def test_without_a_cursor_there_is_no_place() -> None:
    feed = OneFeed()
    await watched(feed)
    assert feed.asked == ["acme", None, Delivery.LATEST]


async def test_another_merchants_cursor_is_not_used() -> None:
    feed = OneFeed()
    with pytest.raises(InvalidCursor):
        await watched(feed, after=feed_cursor("globex", 3))
    assert feed.asked == []


async def test_who_is_too_slow_is_given_a_cursor() -> None:
    with pytest.raises(SlowConsumer) as fault:
        await watched(OneFeed(SlowConsumer(7)))
    assert fault.value.position == feed_cursor("acme", 7)


async def test_who_is_ahead_learns_nothing_of_how_much_has_happened() -> None:
    with pytest.raises(CursorAhead) as fault:
        await watched(OneFeed(PositionAhead(9, 8)))
    assert "8" not in str(fault.value)


@pytest.mark.parametrize(
    "caller",
    [
        Watcher(PaymentId("pay_1"), "key_1"),
        MerchantCaller(MerchantId("acme"), scopes=frozenset({Scope.WRITE})),
    ],
)
async def test_who_may_not_list_payments_may_not_watch_them(caller: Caller) -> None:
    with pytest.raises(Forbidden):
        await watched(OneFeed(), caller)
