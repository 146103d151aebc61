"""VNPay behind the provider port: which calls, in which order.

There is no call to begin with: the customer's address is made here, and what is not begun there is unknown to VNPay.
The money is taken as the customer pays.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from app.domain.payment.events import Operation, RedirectAction
from app.domain.reports import ActionNeeded, Declined, Expired, ProviderReport, Unknown, Voided
from app.providers.http import ProviderHttp, ProviderRequest, open_http
from app.providers.notices import NoticeReader
from app.providers.port import (
    Authorization,
    Capabilities,
    CaptureCall,
    Clock,
    Confirmation,
    PaymentProvider,
    PaymentTerms,
    ProviderContext,
    Query,
    RefundCall,
    VoidCall,
)
from app.providers.vnpay import requests, translate
from app.providers.vnpay.notices import VNPayNotices
from app.providers.vnpay.settings import VNPaySettings
from app.providers.vnpay.signature import HASH, QUERY_ANSWER_FIELDS, REFUND_ANSWER_FIELDS, is_signed, joined
from app.settings import load

NAME = "vnpay"
LATEST_NEWS = timedelta(minutes=5)
"""How long after the last moment to pay a payment that was begun may still end well."""
REASON_COMES = timedelta(seconds=15)
"""How long after a failure its notice, which says why, is waited for."""

_CAPABILITIES = Capabilities(
    methods=frozenset({"redirect"}),
    currencies=frozenset({"VND"}),
    # Twelve digits, two of which are hundredths.
    amounts={"VND": (1, 9_999_999_999)},
    manual_capture=False,
    last_refund_only=True,
    session_life=requests.LONGEST_TIME_TO_PAY + LATEST_NEWS,
)


@asynccontextmanager
async def open_provider(context: ProviderContext) -> AsyncIterator[PaymentProvider]:
    """VNPay, as the settings `PAYGATE_VNPAY_…` say; raises `SettingsError`."""
    settings = load(VNPaySettings)
    base, _, _ = settings.api_url.rpartition("/")
    async with open_http(base) as client:
        http = ProviderHttp(client, NAME, context.settings.provider_timeout)
        yield VNPayProvider(http, settings, context.clock)


class VNPayProvider:
    """Payments on VNPay's page, by bank account, card or QR code."""

    def __init__(self, http: ProviderHttp, settings: VNPaySettings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self._secret = settings.hash_secret.get_secret_value()
        self._path = f"/{settings.api_url.rpartition('/')[2]}"
        self._clock = clock
        self._readers = (VNPayNotices(settings.tmn_code, self._secret),)

    @property
    def name(self) -> str:
        """What clients write in `provider`."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Customers are sent to VNPay; money is never held. Most sessions are over long before the longest."""
        return _CAPABILITIES

    @property
    def notice_readers(self) -> Sequence[NoticeReader]:
        """One, for the IPN."""
        return self._readers

    async def authorize(self, call: Authorization) -> ProviderReport:
        """Say where the customer pays."""
        money = call.terms.money
        least, most = _CAPABILITIES.amounts["VND"]
        if call.terms.method != "redirect" or money.currency != "VND" or not least <= money.amount <= most:
            return Declined("amount_not_offered", f"VNPay does not take {money}.")
        return self._to_page(call.terms)

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """Never asked for: what the customer pays is taken at once."""
        return Unknown(f"VNPay has nothing to confirm for {call.terms.payment_id}")

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Never asked for: nothing is held."""
        return Declined("capture_not_offered", f"VNPay holds nothing for {call.terms.payment_id}.")

    async def void(self, call: VoidCall) -> ProviderReport:
        """A session cannot be ended, and nothing moves unless the customer pays."""
        return Voided(call.reference)

    async def refund(self, call: RefundCall) -> ProviderReport:
        """Give money back."""
        answer = await self._ask(requests.refund(call, self._clock(), self._settings), REFUND_ANSWER_FIELDS)
        if isinstance(answer, Unknown):
            return answer
        return translate.report_of_refund_call(answer)

    async def look_up(self, query: Query) -> ProviderReport:
        """Ask how the payment stands."""
        now = self._clock()
        question = requests.query(query.terms, query.key, now, self._settings)
        answer = await self._ask(question, QUERY_ANSWER_FIELDS)
        if isinstance(answer, Unknown):
            return answer
        if query.operation is Operation.REFUND:
            return translate.report_of_refund(answer, query.key, conclusive=query.conclusive)
        report = translate.report_of_payment(answer, requests.written(now - REASON_COMES))
        if report is not None:
            return report
        if now >= requests.expires_at(query.terms) + LATEST_NEWS:
            return Expired(query.terms.payment_id)
        return self._to_page(query.terms)

    def _to_page(self, terms: PaymentTerms) -> ActionNeeded:
        return ActionNeeded(terms.payment_id, RedirectAction(url=requests.pay_url(terms, self._settings)))

    async def _ask(self, question: Mapping[str, str], fields: Sequence[str]) -> Mapping[str, str] | Unknown:
        """The answer, once it is known to be VNPay's and about the question."""
        outcome = await self._http.send(ProviderRequest("POST", self._path, body={**question}))
        if isinstance(outcome, Unknown):
            return outcome
        body = outcome.body
        if HASH not in body and body.get("vnp_ResponseCode") == translate.NOT_FOUND and fields == QUERY_ANSWER_FIELDS:
            # Without a signature it is believed as far as it moves nothing: the customer has not begun to pay.
            return {"vnp_ResponseCode": translate.NOT_FOUND}
        if not is_signed(joined(body, fields), body.get(HASH), self._secret):
            return Unknown("an answer that VNPay has not signed")
        answer = {name: "" if value is None else str(value) for name, value in body.items()}
        about = ("vnp_Command", "vnp_TmnCode", "vnp_TxnRef")
        if any(answer.get(name) not in {question[name], "", None} for name in about):
            return Unknown("an answer to another question")
        if answer.get("vnp_ResponseCode") == translate.DONE and answer.get("vnp_TxnRef") != question["vnp_TxnRef"]:
            return Unknown("an answer to another question")
        return answer
