"""All payments of a merchant as they change, by cursors that only this merchant can use."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from app.access.model import Caller
from app.access.permissions import can_list
from app.gateway.payments import Forbidden
from app.live.hub import Delivery, Hub, PositionAhead
from app.live.mailbox import SlowConsumer
from projections.cursors import feed_cursor, feed_place
from projections.views import Update


class CursorAhead(Exception):
    """The cursor is ahead of everything that has happened."""


@dataclass(frozen=True, slots=True)
class MerchantUpdate:
    """An update of one payment, the cursor to resume after it, and how many updates it stands for."""

    update: Update
    cursor: str
    merged: int


async def merchant_updates(
    hub: Hub, caller: Caller, after: str | None, delivery: Delivery
) -> AsyncGenerator[MerchantUpdate, None]:
    """Every update after a cursor, for ever; without one, from now on.

    Raises `Forbidden`, `InvalidCursor`, `CursorAhead`, `CursorExpired`, `SlowConsumer` with a cursor and, when it
    cannot begin, `RedisError` or `StoreUnavailable`.
    """
    if not can_list(caller):
        raise Forbidden("this credential may not watch all payments")
    merchant_id = caller.merchant_id
    place = None if after is None else feed_place(merchant_id, after)
    try:
        async with aclosing(hub.watch_merchant(merchant_id, place, delivery)) as entries:
            async for entry in entries:
                yield MerchantUpdate(entry.update, feed_cursor(merchant_id, entry.place), entry.merged)
    except PositionAhead:
        # Where everything is now is the sum of what all merchants do, and no business of one of them.
        raise CursorAhead("the cursor is ahead of everything that has happened") from None
    except SlowConsumer as slow:
        last = feed_cursor(merchant_id, slow.position) if isinstance(slow.position, int) else slow.position
        raise SlowConsumer(last) from None
