"""ZaloPay behind the provider port: which requests, in which order.

Nothing is ever held, and an order cannot be called off: ZaloPay takes no money unless the customer pays, and says when
an order's time is over.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from app.domain.payment.events import Operation
from app.domain.reports import ActionNeeded, Captured, Declined, Pending, ProviderReport, Unknown, Voided
from app.providers.answer import Answer
from app.providers.http import ProviderHttp, ProviderRequest, open_http
from app.providers.notices import NoticeReader
from app.providers.port import (
    Authorization,
    Capabilities,
    CaptureCall,
    Clock,
    Confirmation,
    PaymentProvider,
    ProviderContext,
    Query,
    RefundCall,
    VoidCall,
)
from app.providers.zalopay import translate
from app.providers.zalopay.names import refund_name, transaction_name
from app.providers.zalopay.notices import ZaloPayNotices
from app.providers.zalopay.requests import Body, Requests
from app.providers.zalopay.settings import LONGEST_ORDER, ZaloPaySettings
from app.settings import load

NAME = "zalopay"


@asynccontextmanager
async def open_provider(context: ProviderContext) -> AsyncIterator[PaymentProvider]:
    """ZaloPay as the settings name it."""
    settings = load(ZaloPaySettings)
    async with open_http(settings.url) as client:
        http = ProviderHttp(client, NAME, context.settings.provider_timeout)
        yield ZaloPayProvider(http, settings, context.notice_url(NAME), context.clock)


class ZaloPayProvider:
    """Wallet payments, taken at once."""

    def __init__(self, http: ProviderHttp, settings: ZaloPaySettings, callback_url: str, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._app_id = settings.app_id
        self._requests = Requests(settings, callback_url)
        self._readers = (ZaloPayNotices(settings),)
        self._capabilities = Capabilities(
            methods=frozenset({"redirect"}),
            currencies=frozenset({translate.CURRENCY}),
            manual_capture=False,
            visibility_delay=timedelta(seconds=settings.visibility_seconds),
            # At the most. ZaloPay itself says when an order's time is over, mostly much earlier.
            session_life=timedelta(seconds=LONGEST_ORDER),
        )

    @property
    def name(self) -> str:
        """What clients write in `provider`."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Đồng, taken at once."""
        return self._capabilities

    @property
    def notice_readers(self) -> Sequence[NoticeReader]:
        """The callback."""
        return self._readers

    async def authorize(self, call: Authorization) -> ProviderReport:
        """Make the order; the customer pays it on ZaloPay's page."""
        terms = call.terms
        if terms.method != "redirect" or terms.money.currency != translate.CURRENCY:
            return Declined("method_not_supported", "ZaloPay takes wallet payments in VND only.")
        outcome = await self._send("/create", self._requests.create(terms))
        if isinstance(outcome, Unknown):
            return outcome
        return translate.report_of_create(transaction_name(terms.payment_id, terms.initiated_at), outcome)

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """Never asked for: what the customer has approved is taken at once."""
        return Unknown(f"ZaloPay has nothing to confirm for {call.terms.payment_id}")

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Never asked for: nothing is held."""
        return Unknown(f"ZaloPay holds nothing for {call.terms.payment_id}")

    async def void(self, call: VoidCall) -> ProviderReport:
        """An order cannot be called off; it runs out."""
        return Voided(call.reference)

    async def refund(self, call: RefundCall) -> ProviderReport:
        """Give money back. One that was asked for before is looked up by whoever asks next."""
        if not (call.reference.isascii() and call.reference.isdecimal()):
            return Declined("transaction_unknown", "The payment has no transaction at ZaloPay.")
        outcome = await self._send("/refund", self._requests.refund(call, int(call.reference), self._clock()))
        if isinstance(outcome, Unknown):
            return outcome
        name = refund_name(self._app_id, call.key, call.terms.initiated_at)
        return translate.report_of_refund(name, call.money, outcome)

    async def look_up(self, query: Query) -> ProviderReport:
        """Ask how the order, or the refund, stands."""
        if query.operation is Operation.REFUND:
            return await self._look_up_refund(query)
        terms = query.terms
        outcome = await self._send("/query", self._requests.query(terms))
        if isinstance(outcome, Unknown):
            return outcome
        transaction = transaction_name(terms.payment_id, terms.initiated_at)
        report = translate.report_of_order(transaction, outcome, conclusive=query.conclusive)
        if query.operation is Operation.VOID and not isinstance(report, Captured | Unknown):
            return Voided(query.reference or transaction)
        if query.reference is None and isinstance(report, ActionNeeded):
            # The order was made, the answer with its page's address was lost, and ZaloPay tells it only once.
            return translate.SESSION_LOST if query.conclusive else Pending()
        return report

    async def _look_up_refund(self, query: Query) -> ProviderReport:
        terms = query.terms
        if query.refund is None:
            return Unknown("a refund is asked about without its amount")
        outcome = await self._send("/query_refund", self._requests.query_refund(terms, query.key, self._clock()))
        if isinstance(outcome, Unknown):
            return outcome
        name = refund_name(self._app_id, query.key, terms.initiated_at)
        return translate.report_of_refund_query(name, query.refund, outcome, conclusive=query.conclusive)

    async def _send(self, path: str, body: Body) -> Answer | Unknown:
        return await self._http.send(ProviderRequest("POST", path, body=body))
