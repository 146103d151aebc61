"""The model provider behind the provider port: one set of books for each payment."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from app.domain.money import Money
from app.domain.payment.events import Operation
from app.domain.reports import ProviderReport
from app.providers.notices import NoticeReader
from app.providers.port import (
    Authorization,
    Capabilities,
    CaptureCall,
    Confirmation,
    PaymentTerms,
    Query,
    RefundCall,
    VoidCall,
)
from tests.support.virtual_processor import Clock
from tests.unit.domain.payment.model_provider import VISIBILITY_DELAY, Fate, ModelProvider

SESSION_LIFE = timedelta(hours=2)

Moment = Literal["before", "after"]


@dataclass
class ModelAdapter:
    """`fate` is what becomes of the next `calls` calls, `refuses` and `falls_asleep` of the next one."""

    clock: Clock
    books: dict[str, ModelProvider] = field(default_factory=dict)
    fate: Fate = Fate.ANSWERED
    calls: int = 1
    refuses: bool = False
    falls_asleep: Moment | None = None
    said: dict[str, tuple[datetime, ProviderReport]] = field(default_factory=dict)
    """When each payment was last asked about, and the answer."""
    asleep: list[asyncio.Future[None]] = field(default_factory=list)
    """Callers that went to sleep just before their call, or between its answer and what they make of it."""
    name: str = "model"
    capabilities: Capabilities = field(
        default=Capabilities(
            methods=frozenset({"redirect"}), visibility_delay=VISIBILITY_DELAY, session_life=SESSION_LIFE
        )
    )
    notice_readers: Sequence[NoticeReader] = ()

    async def authorize(self, call: Authorization) -> ProviderReport:
        return await self._made(Operation.AUTHORIZE, call.terms, call.key, call.terms.money)

    async def confirm(self, call: Confirmation) -> ProviderReport:
        raise AssertionError(f"there is nothing to confirm for {call.terms.payment_id}")

    async def capture(self, call: CaptureCall) -> ProviderReport:
        return await self._made(Operation.CAPTURE, call.terms, call.key, call.money)

    async def void(self, call: VoidCall) -> ProviderReport:
        return await self._made(Operation.VOID, call.terms, call.key, call.terms.money)

    async def refund(self, call: RefundCall) -> ProviderReport:
        return await self._made(Operation.REFUND, call.terms, call.key, call.money)

    async def look_up(self, query: Query) -> ProviderReport:
        books = self.books[query.terms.payment_id]
        # What is conclusive is the caller's to say; the books know when a call can be seen.
        begun = self.clock.now - VISIBILITY_DELAY if query.conclusive else self.clock.now
        report = books.look_up(query.operation, query.key, started_at=begun, now=self.clock.now)
        if query.operation is Operation.AUTHORIZE:
            self.said[query.terms.payment_id] = self.clock.now, report
        return report

    async def _made(self, operation: Operation, terms: PaymentTerms, key: str, money: Money) -> ProviderReport:
        fate = self.fate
        self.calls -= 1
        if self.calls <= 0:
            self.fate = Fate.ANSWERED
        refuses, self.refuses = self.refuses, False
        moment, self.falls_asleep = self.falls_asleep, None
        if moment == "before":
            await self._sleep()
        refund_id = key.rpartition(".")[2] if operation is Operation.REFUND else None
        books = self.books[terms.payment_id]
        report = books.call(operation, key, money, refund_id, now=self.clock.now, fate=fate, refuses=refuses)
        if moment == "after":
            await self._sleep()
        return report

    async def _sleep(self) -> None:
        woken = asyncio.get_running_loop().create_future()
        self.asleep.append(woken)
        await woken
