"""What clients are answered about all payments and orders, and what the streams say they should be."""

import asyncio
from collections.abc import Sequence
from typing import Any

from benchmarks.mixed.merchant import Merchant
from projections.views import OrderView, PaymentView

_PAYMENT = """id status version previousVersion amount { amount currency } refundedAmount { amount }
  provider orderId failure { code } history { version status }"""
_ORDER = """id status version previousVersion total { amount currency } paymentId reason
  attempts { paymentId status } history { version status }"""
_PAGE = 100
_ORDERS_AT_ONCE = 10
_SIDE_BY_SIDE = 4


async def everything(merchant: Merchant, order_ids: Sequence[str]) -> dict[str, Any]:
    """All payments, from their list, and those orders, by id."""
    found = {payment["id"]: payment for payment in await _payments(merchant)}
    room = asyncio.Semaphore(_SIDE_BY_SIDE)
    parts = [order_ids[start : start + _ORDERS_AT_ONCE] for start in range(0, len(order_ids), _ORDERS_AT_ONCE)]
    for orders in await asyncio.gather(*(_orders(merchant, part, room) for part in parts)):
        found |= orders
    return found


async def _payments(merchant: Merchant) -> list[Any]:
    document = f"""query($first: Int!, $after: String) {{ answer: payments(first: $first, after: $after) {{
      nodes {{ {_PAYMENT} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
    found: list[Any] = []
    after: str | None = None
    while True:
        page = await merchant.ask(document, first=_PAGE, after=after)
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def _orders(merchant: Merchant, order_ids: Sequence[str], room: asyncio.Semaphore) -> dict[str, Any]:
    fields = " ".join(f'o{n}: order(id: "{order_id}") {{ {_ORDER} }}' for n, order_id in enumerate(order_ids))
    async with room:
        answer = await merchant.data(f"{{ {fields} }}")
    return {order["id"]: order for order in answer.values() if order is not None}


def payment_seen(view: PaymentView) -> dict[str, Any]:
    """A payment as the list shows it."""
    return {
        "id": view.id,
        "status": view.status.value,
        "version": view.version,
        "previousVersion": view.previous,
        "amount": {"amount": view.amount, "currency": view.currency},
        "refundedAmount": {"amount": view.refunded},
        "provider": view.provider,
        "orderId": view.order_id,
        "failure": None if view.failure is None else {"code": view.failure.code},
        "history": [{"version": step.version, "status": step.status.value} for step in view.history],
    }


def order_seen(view: OrderView) -> dict[str, Any]:
    """An order as the query shows it."""
    return {
        "id": view.id,
        "status": view.status.value,
        "version": view.version,
        "previousVersion": view.previous,
        "total": {"amount": view.total, "currency": view.currency},
        "paymentId": view.payment_id,
        "reason": view.reason,
        "attempts": [{"paymentId": each.payment_id, "status": each.status.value} for each in view.attempts],
        "history": [{"version": step.version, "status": step.status.value} for step in view.history],
    }
