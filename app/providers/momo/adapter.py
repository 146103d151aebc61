"""MoMo behind the provider port: which requests, in which order.

A session cannot be ended. MoMo takes no money unless the customer pays, and an ended payment is watched for as long as
one can.
"""

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from app.domain.payment.events import Operation
from app.domain.reports import ActionNeeded, Declined, Expired, Missing, Pending, ProviderReport, Unknown, Voided
from app.domain.reports import Captured as Taken
from app.providers.answer import Answer
from app.providers.http import ProviderHttp, ProviderRequest, open_http
from app.providers.momo import translate
from app.providers.momo.notices import MomoNotices
from app.providers.momo.requests import Body, Requests
from app.providers.momo.settings import MomoSettings
from app.providers.notices import NoticeReader
from app.providers.port import (
    Authorization,
    Capabilities,
    CaptureCall,
    Confirmation,
    PaymentProvider,
    PaymentTerms,
    ProviderContext,
    Query,
    RefundCall,
    VoidCall,
)
from app.settings import load

NAME = "momo"
LEAST, GREATEST = 1_000, 50_000_000

_CREATE = "/v2/gateway/api/create"
_QUERY = "/v2/gateway/api/query"
_CONFIRM = "/v2/gateway/api/confirm"
_REFUND = "/v2/gateway/api/refund"
_REFUND_QUERY = "/v2/gateway/api/refund/query"


@asynccontextmanager
async def open_provider(context: ProviderContext) -> AsyncIterator[PaymentProvider]:
    """MoMo as the settings name it."""
    settings = load(MomoSettings)
    async with open_http(settings.url) as client:
        http = ProviderHttp(client, NAME, context.settings.provider_timeout)
        yield MomoProvider(http, settings, context.notice_url(NAME))


class MomoProvider:
    """One-time wallet payments, taken at once or held first."""

    def __init__(self, http: ProviderHttp, settings: MomoSettings, ipn_url: str) -> None:
        self._http = http
        self._requests = Requests(settings, ipn_url)
        self._readers = (MomoNotices(settings),)
        self._capabilities = Capabilities(
            methods=frozenset({"redirect"}),
            currencies=frozenset({translate.CURRENCY}),
            amounts={translate.CURRENCY: (LEAST, GREATEST)},
            partial_capture=False,
            least_refund=LEAST,
            visibility_delay=timedelta(seconds=settings.visibility_seconds),
            session_life=timedelta(minutes=settings.session_minutes),
        )

    @property
    def name(self) -> str:
        """What clients write in `provider`."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Đồng, in a wallet."""
        return self._capabilities

    @property
    def notice_readers(self) -> Sequence[NoticeReader]:
        """The IPN."""
        return self._readers

    async def authorize(self, call: Authorization) -> ProviderReport:
        """Begin the customer's session."""
        terms = call.terms
        if terms.method != "redirect" or terms.money.currency != translate.CURRENCY:
            return Declined("method_not_supported", "MoMo takes wallet payments in VND only.")
        return await self._create(terms, call.key)

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """Never asked for: what the customer has approved is held or taken at once."""
        return Unknown(f"MoMo has nothing to confirm for {call.terms.payment_id}")

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Take all that is held. A part of it is refused without a call, and what is held can then be released."""
        if call.money != call.terms.money:
            return Declined("partial_capture_not_supported", "MoMo captures all that is held, or nothing.")
        return await self._confirm(
            Operation.CAPTURE, call.terms, self._requests.confirm(call.terms, call.key, "capture")
        )

    async def void(self, call: VoidCall) -> ProviderReport:
        """Release what is held; a session that waits cannot be ended."""
        if not call.held:
            return Voided(call.reference)
        return await self._confirm(Operation.VOID, call.terms, self._requests.confirm(call.terms, call.key, "cancel"))

    async def refund(self, call: RefundCall) -> ProviderReport:
        """Give money back, and ask when MoMo's refusal leaves open whether it was given back before."""
        if not (call.reference.isascii() and call.reference.isdecimal()):
            return Declined("transaction_unknown", "The payment has no transaction at MoMo.")
        outcome = await self._send(_REFUND, self._requests.refund(call, int(call.reference)))
        if isinstance(outcome, Unknown):
            return outcome
        refused = translate.report_of_refund(outcome)
        if not translate.maybe_refunded(outcome):
            return refused
        found = await self._look_up_refund(call.key)
        return refused if isinstance(found, Missing) else found

    async def look_up(self, query: Query) -> ProviderReport:
        """Ask how the order, or the refund, stands."""
        if query.operation is Operation.REFUND:
            return _concluded(await self._look_up_refund(query.key), query)
        report = await self._look_up_order(query.operation, query.terms)
        lost = query.operation is Operation.AUTHORIZE and query.reference is None
        if lost and isinstance(report, ActionNeeded):
            return await self._find_session(query)
        return _concluded(report, query)

    async def _find_session(self, query: Query) -> ProviderReport:
        """The address of a page that was made, when the answer with it was lost: a repeat is answered as the first."""
        report = await self._create(query.terms, query.key)
        if isinstance(report, ActionNeeded | Unknown):
            return report
        return translate.SESSION_LOST if query.conclusive else Pending()

    async def _create(self, terms: PaymentTerms, key: str) -> ProviderReport:
        outcome = await self._send(_CREATE, self._requests.create(terms, key))
        return outcome if isinstance(outcome, Unknown) else translate.report_of_create(terms.payment_id, outcome)

    async def _confirm(self, operation: Operation, terms: PaymentTerms, body: Body) -> ProviderReport:
        outcome = await self._send(_CONFIRM, body)
        if isinstance(outcome, Unknown):
            return outcome
        report = translate.report_of_confirmation(operation, terms.payment_id, outcome)
        if not isinstance(report, Declined):
            return report
        # Refused, perhaps for having been done before: how the money stands is what counts.
        found = await self._look_up_order(operation, terms)
        return found if isinstance(found, Taken | Voided | Expired) else report

    async def _look_up_order(self, operation: Operation, terms: PaymentTerms) -> ProviderReport:
        outcome = await self._send(_QUERY, self._requests.query(terms.payment_id, _new_request_id()))
        if isinstance(outcome, Unknown):
            return outcome
        return translate.report_of_order(operation, terms.capture, terms.payment_id, outcome)

    async def _look_up_refund(self, order_id: str) -> ProviderReport:
        outcome = await self._send(_REFUND_QUERY, self._requests.query(order_id, _new_request_id()))
        return outcome if isinstance(outcome, Unknown) else translate.report_of_refund_query(order_id, outcome)

    async def _send(self, path: str, body: Body) -> Answer | Unknown:
        return await self._http.send(ProviderRequest("POST", path, body=body))


def _concluded(report: ProviderReport, query: Query) -> ProviderReport:
    return replace(report, conclusive=query.conclusive) if isinstance(report, Missing) else report


def _new_request_id() -> str:
    # A question asked twice under one id is answered as the first time.
    return uuid.uuid4().hex
