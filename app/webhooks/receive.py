"""Raw request in, reply out: read by its reader, found its payment, taken in by the one door, answered.

The reader has checked signature, time stamp and account before anything here is done; that the amount and the currency
are the payment's own, and that it was not said before, is for the domain to see.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from app.domain.ids import ID_GRAMMAR
from app.domain.payment.events import ContradictionRecorded
from app.domain.payment.evolve import ImpossibleHistory
from app.domain.payment.model import NotInitiated, PaymentCommand, RecordReport, RequestLookUp
from app.domain.reports import Transferred
from app.eventstore.codec import UnreadableEvent, new_cause
from app.eventstore.port import EventStore, EventStoreError
from app.eventstore.transact import PAYMENTS, load, transact
from app.eventstore.transfer_codes import payment_of
from app.observability.metrics import NOTICES
from app.providers.notices import (
    Notice,
    NoticeReader,
    NoticeRefused,
    NoticeReply,
    PaymentNamed,
    RawNotice,
    Reception,
    TransferNamed,
)
from app.providers.registry import ProviderRegistry
from app.webhooks import unmatched

_WORST_FIRST = tuple(reversed(Reception))

log = structlog.get_logger()


@dataclass(frozen=True)
class Webhooks:
    """Takes in what providers send; safe to be given anything, any number of times."""

    store: EventStore
    providers: ProviderRegistry
    clock: Callable[[], datetime]

    async def receive(self, name: str, raw: RawNotice) -> NoticeReply | None:
        """The reply to what came in at `/webhooks/{name}`, None when nobody reads there."""
        found = self.providers.reader(name)
        if found is None:
            return None
        provider, reader = found
        try:
            notices = await reader.read(raw)
        except NoticeRefused as refusal:
            NOTICES.labels(name, refusal.fault).inc()
            log.warning("notice refused", reader=name, fault=refusal.fault)
            return reader.reply(Reception.REFUSED, refusal.fault)
        receptions = {await self._counted(provider, reader, notice) for notice in notices}
        return reader.reply(next((worst for worst in _WORST_FIRST if worst in receptions), Reception.IGNORED))

    async def _counted(self, provider: str, reader: NoticeReader, notice: Notice) -> Reception:
        try:
            reception = await self._take(provider, reader, notice)
        except (EventStoreError, UnreadableEvent, ImpossibleHistory) as fault:
            log.warning("notice not stored", reader=reader.name, fault=type(fault).__name__)
            reception = Reception.UNAVAILABLE
        NOTICES.labels(reader.name, reception.value).inc()
        return reception

    async def _take(self, provider: str, reader: NoticeReader, notice: Notice) -> Reception:
        payment_id = await self._payment_of(notice)
        history = await load(self.store, PAYMENTS, payment_id) if payment_id else None
        # A provider's word counts for its own payments only.
        if payment_id is None or history is None or isinstance(history.state, NotInitiated):
            return await self._keep(reader, notice)
        if history.state.terms.method.provider != provider:
            return await self._keep(reader, notice)
        command = self._command(notice)
        outcome = await transact(self.store, PAYMENTS, payment_id, command, new_cause(payment_id), known=history)
        if any(isinstance(event, ContradictionRecorded) for event in outcome.appended):
            log.error("provider contradicts", payment=payment_id, reader=reader.name)
            return Reception.CONTRADICTED
        return Reception.RECORDED if outcome.appended else Reception.REPEATED

    async def _payment_of(self, notice: Notice) -> str | None:
        match notice.about:
            case PaymentNamed(payment_id):
                return payment_id if ID_GRAMMAR.fullmatch(payment_id) else None
            case TransferNamed(code):
                return await payment_of(self.store, code) if code else None

    async def _keep(self, reader: NoticeReader, notice: Notice) -> Reception:
        transfer = notice.report.amount if isinstance(notice.report, Transferred) else None
        await unmatched.keep(self.store, reader.name, notice.event_id, notice.evidence, self.clock(), transfer)
        return Reception.UNKNOWN_PAYMENT

    def _command(self, notice: Notice) -> PaymentCommand:
        if notice.report is None:
            return RequestLookUp("notice", self.clock())
        return RecordReport(notice.operation, notice.report, self.clock(), notice.refund_id)
