"""`paygate reconcile --report`: streams, read model and providers' own records of one day, compared.

Streams are read before providers are asked. While payments go on, something is always on its way: a difference counts
when it is there twice, some seconds apart.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from app.providers.statements import Span
from app.reconciling import unmatched
from app.reconciling.books import Books
from app.reconciling.clients import Clients
from app.reconciling.model import Kind, Report
from app.webhooks.assigning import Assigning

_IN_ORDER = {kind: place for place, kind in enumerate(Kind)}


def day_of(day: date) -> Span:
    """A day in UTC."""
    begin = datetime.combine(day, time(), UTC)
    return Span(begin, begin + timedelta(days=1))


@dataclass(frozen=True)
class Reporting:
    """Compares everything; `settle_seconds` is how long it waits before it looks again at what differs."""

    clients: Clients
    books: Books
    assigning: Assigning
    settle_seconds: float

    async def run(self, day: date) -> Report:
        """The report of a day. Raises `EventStoreError`, `RedisError`, and `UnreadableEvent` of what was kept."""
        first = await self._compare(day)
        if not first.differences:
            return first
        await asyncio.sleep(self.settle_seconds)
        before = {difference.key for difference in first.differences}
        second = await self._compare(day)
        return replace(second, differences=tuple(each for each in second.differences if each.key in before))

    async def _compare(self, day: date) -> Report:
        span = day_of(day)
        seen = await self.clients.compare(span)
        notices, transfers = await self.assigning.kept()
        compared = await self.books.compare(span, seen.subjects, transfers)
        found = [
            *seen.differences,
            *(difference for each in compared for difference in each.differences),
            *unmatched.differences(notices, transfers, span),
        ]
        found.sort(key=lambda each: (_IN_ORDER[each.kind], each.provider, each.subject, each.reference))
        coverages = tuple(each.coverage for each in compared)
        return Report(day, len(seen.subjects), seen.orders, coverages, tuple(found))
