"""What clients see of a day's payments and orders, beside their streams."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from app.domain.payment.next_action import Policy
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS
from app.providers.statements import Span
from app.reconciling import views
from app.reconciling.model import Difference
from app.reconciling.records import Subject
from app.reconciling.streams import ids_of, subject_of, unreadable
from projections.names import Topic
from projections.stored import StoredRecords
from projections.whole import UnreadableStream, read_whole

T = TypeVar("T")
One = TypeVar("One")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was compared, and what differs."""

    subjects: Sequence[Subject]
    orders: int
    differences: Sequence[Difference]


@dataclass(frozen=True)
class Clients:
    """Compares, `at_once` streams at a time. Raises `EventStoreError` and `RedisError`."""

    store: EventStore
    records: StoredRecords
    policy: Policy
    at_once: int

    async def compare(self, day: Span) -> Seen:
        """Every payment and order of the day, and every one that somebody is to look at."""
        payments, orders = await asyncio.gather(*(ids_of(self.store, kind, day) for kind in (PAYMENTS, ORDERS)))
        waiting = [*await self._waiting_besides("payment", payments), *await self._waiting_besides("order", orders)]
        looked_at = await self._each(payments, self._payment)
        of_orders = await self._each(orders, self._order)
        of_waiting = await self._each(waiting, self._due)
        subjects = [subject for subject, _ in looked_at if subject]
        of_payments = [found for _, found in looked_at]
        return Seen(
            subjects, len(orders), [each for found in (*of_payments, *of_orders, *of_waiting) for each in found]
        )

    async def _waiting_besides(self, kind: Literal["payment", "order"], ids: Sequence[str]) -> list[Topic]:
        return [Topic(kind, one) for one in sorted(set(await self.records.due_ids(kind)) - set(ids))]

    async def _each(self, ones: Sequence[One], look: Callable[[One], Awaitable[T]]) -> list[T]:
        places = asyncio.Semaphore(self.at_once)

        async def placed(one: One) -> T:
            async with places:
                return await look(one)

        async with asyncio.TaskGroup() as tasks:
            looks = [tasks.create_task(placed(one)) for one in ones]
        return [look.result() for look in looks]

    async def _payment(self, payment_id: str) -> tuple[Subject | None, list[Difference]]:
        try:
            found = await subject_of(self.store, payment_id, self.policy)
        except UnreadableStream as fault:
            return None, [unreadable(payment_id, fault)]
        if found is None:
            return None, []
        subject, whole = found
        return subject, views.differences(whole, await self.records.of(whole.topic, whole.view.merchant_id))

    async def _order(self, order_id: str) -> list[Difference]:
        try:
            whole = await read_whole(self.store, Topic("order", order_id), self.policy)
        except UnreadableStream as fault:
            return [unreadable(order_id, fault)]
        if whole is None:
            return []
        return views.differences(whole, await self.records.of(whole.topic, whole.view.merchant_id))

    async def _due(self, topic: Topic) -> list[Difference]:
        """What belongs to another day, and is not at its end."""
        try:
            whole = await read_whole(self.store, topic, self.policy)
        except UnreadableStream as fault:
            return [unreadable(topic.id, fault)]
        if whole is None:
            return [views.due_of_nothing(topic)]
        return views.differences(whole, await self.records.of(topic, whole.view.merchant_id))
