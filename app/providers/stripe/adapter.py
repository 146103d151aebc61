"""Stripe behind the provider port: which requests, in which order.

Money is always held first and taken by a call of its own. A token is a card (`pm_…`, `tok_…`), or a PaymentIntent
(`pi_…`) that the browser has confirmed for manual capture: that one is checked, and claimed for one payment.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from app.domain.payment.events import Operation
from app.domain.reports import Captured, Declined, Missing, ProviderReport, Unknown, Voided
from app.providers.answer import Answer
from app.providers.http import ProviderHttp, open_http
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
from app.providers.statements import Movement, Span
from app.providers.stripe import translate
from app.providers.stripe.amounts import CURRENCIES
from app.providers.stripe.documents import Intent, Intents, Refund, Refunds, Refusal, parsed
from app.providers.stripe.notices import StripeNotices
from app.providers.stripe.refusals import declined
from app.providers.stripe.requests import Requests
from app.providers.stripe.settings import StripeSettings
from app.providers.stripe.statement import movements
from app.settings import load

NAME = "stripe"

_PAGES_OF_REFUNDS = 10
_TO_AUTHENTICATE = timedelta(hours=1)
"""How long customers are taken to be able to authenticate: Stripe says no time, a bank's page lasts minutes.

An expired payment is watched for that long, since its PaymentIntent still takes the money.
"""


@asynccontextmanager
async def open_provider(context: ProviderContext) -> AsyncIterator[PaymentProvider]:
    """The Stripe account that the settings name; raises `SettingsError`."""
    settings = load(StripeSettings)
    async with open_http(settings.url) as client:
        yield StripeProvider(ProviderHttp(client, NAME, context.settings.provider_timeout), settings)


class StripeProvider:
    """Card payments by PaymentIntents."""

    def __init__(self, http: ProviderHttp, settings: StripeSettings) -> None:
        self._http = http
        self._requests = Requests(settings)
        self._reader = StripeNotices(settings)
        self._capabilities = Capabilities(
            methods=frozenset({"card"}),
            currencies=CURRENCIES,
            token_prefixes=("pm_", "pi_", "tok_"),
            visibility_delay=timedelta(seconds=settings.visibility_seconds),
            session_life=_TO_AUTHENTICATE,
        )

    @property
    def name(self) -> str:
        """What clients write in `provider`."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Cards, in the currencies whose minor unit is the same there and here."""
        return self._capabilities

    @property
    def notice_readers(self) -> Sequence[NoticeReader]:
        """Its events."""
        return (self._reader,)

    async def authorize(self, call: Authorization) -> ProviderReport:
        """Hold the money, or say where the customer has to authenticate."""
        terms = call.terms
        if terms.method not in self._capabilities.methods or call.token is None:
            return Declined("method_not_supported", "Stripe takes cards only.")
        if terms.money.currency not in CURRENCIES:
            return Declined("currency_not_supported", f"{terms.money.currency} is not offered through Stripe.")
        token = call.token.get_secret_value()
        if token.startswith("pi_"):
            return await self._take_over(terms, token)
        answer = await self._http.send(self._requests.create(call, token))
        if isinstance(answer, Unknown):
            return answer
        refusal = None if answer.positive else parsed(Refusal, answer.body)
        if refusal is not None and refusal.error.payment_intent is not None:
            left = refusal.error.payment_intent
            return await self._ended(left, translate.report_of_call(Operation.AUTHORIZE, answer))
        intent = parsed(Intent, answer.body)
        if answer.positive and intent is not None:
            return await self._ended(intent, translate.report_of_intent(Operation.AUTHORIZE, intent))
        return translate.report_of_call(Operation.AUTHORIZE, answer)

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """Never asked for: what the customer has approved is held at once."""
        return Unknown(f"Stripe has nothing to confirm for {call.terms.payment_id}")

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Take held money; what is not taken is released."""
        answer = await self._http.send(self._requests.capture(call))
        return answer if isinstance(answer, Unknown) else translate.report_of_call(Operation.CAPTURE, answer)

    async def void(self, call: VoidCall) -> ProviderReport:
        """Release held money, or end the customer's chance to authenticate."""
        answer = await self._http.send(self._requests.void(call))
        return answer if isinstance(answer, Unknown) else translate.report_of_call(Operation.VOID, answer)

    async def refund(self, call: RefundCall) -> ProviderReport:
        """Give money back."""
        answer = await self._http.send(self._requests.refund(call))
        return answer if isinstance(answer, Unknown) else translate.report_of_call(Operation.REFUND, answer)

    async def look_up(self, query: Query) -> ProviderReport:
        """Say what became of an operation.

        Moves no money; but an intent whose card was declined is ended before that is told, as `authorize` does, so
        that a crash between the decline and its end leaves nothing open.
        """
        if query.operation is Operation.REFUND:
            return await self._find_refund(query)
        found = await self._find(query)
        if not isinstance(found, Intent):
            return found
        report = translate.report_of_found(query.operation, found, conclusive=query.conclusive)
        return await self._ended(found, report) if query.operation is Operation.AUTHORIZE else report

    async def statement(self, span: Span) -> Sequence[Movement] | Unknown:
        """Its intents and refunds in `span`; see `KeepsStatement`."""
        return await movements(self._http, self._requests, span)

    async def _take_over(self, terms: PaymentTerms, intent_id: str) -> ProviderReport:
        intent = await self._show(intent_id)
        if not isinstance(intent, Intent):
            return declined("resource_missing") if isinstance(intent, Missing) else intent
        unfit = translate.unfit_token(intent, terms)
        if unfit is not None:
            return unfit
        if intent.payment_id != terms.payment_id:
            answer = await self._http.send(self._requests.claim(terms, intent_id))
            claimed = answer if isinstance(answer, Unknown) else await self._claimed(terms, intent_id, answer)
            if not isinstance(claimed, Intent):
                return claimed
            intent = claimed
        return await self._ended(intent, translate.report_of_intent(Operation.AUTHORIZE, intent))

    async def _claimed(self, terms: PaymentTerms, intent_id: str, answer: Answer) -> Intent | ProviderReport:
        """The intent, once it is this payment's; of two payments that want it at once, one gets it."""
        if answer.positive:
            return parsed(Intent, answer.body) or translate.UNREADABLE
        shown = await self._show(intent_id)
        if not isinstance(shown, Intent):
            return shown
        if shown.payment_id == terms.payment_id:
            return shown
        return declined("token_already_used") if shown.payment_id else Unknown("the token is being claimed")

    async def _ended(self, intent: Intent, report: ProviderReport) -> ProviderReport:
        """The report, once an intent that was declined can be paid no more; only then is the decline told."""
        if not translate.may_be_paid_after_decline(intent):
            return report
        answer = await self._http.send(self._requests.abandon(intent.id))
        if isinstance(answer, Unknown) or answer.positive:
            return answer if isinstance(answer, Unknown) else report
        match translate.report_of_call(Operation.VOID, answer):
            case Captured() as captured:
                return captured
            case Voided():
                return report
        return Unknown("declined, and not to be ended yet")

    async def _find(self, query: Query) -> Intent | Missing | Unknown:
        if query.reference is not None:
            return await self._fresh(query.reference, query)
        answer = await self._http.send(self._requests.find(query.terms))
        if isinstance(answer, Unknown):
            return answer
        found = parsed(Intents, answer.body) if answer.positive else None
        if found is None:
            return Unknown(f"the search was answered {answer.status}")
        ours = [intent for intent in found.data if intent.payment_id == query.terms.payment_id]
        # There is one, unless a key was used again after its life was over: then money comes before no money.
        with_money = (intent for intent in ours if intent.status in {"succeeded", "requires_capture"})
        best = next(with_money, None) or next(iter(ours), None)
        # What a search shows may be a minute old.
        return Missing(query.conclusive) if best is None else await self._fresh(best.id, query)

    async def _fresh(self, intent_id: str, query: Query) -> Intent | Missing | Unknown:
        shown = await self._show(intent_id)
        return Missing(query.conclusive) if isinstance(shown, Missing) else shown

    async def _show(self, intent_id: str) -> Intent | Missing | Unknown:
        answer = await self._http.send(self._requests.show(intent_id))
        if isinstance(answer, Unknown):
            return answer
        if answer.status == 404 and parsed(Refusal, answer.body) is not None:
            return Missing(conclusive=True)
        shown = parsed(Intent, answer.body) if answer.positive else None
        return shown or Unknown(f"the look-up was answered {answer.status}")

    async def _find_refund(self, query: Query) -> ProviderReport:
        if query.reference is None:
            return Missing(query.conclusive)
        after: str | None = None
        for _ in range(_PAGES_OF_REFUNDS):
            answer = await self._http.send(self._requests.refunds(query, after))
            if isinstance(answer, Unknown):
                return answer
            page = parsed(Refunds, answer.body) if answer.positive else None
            if page is None:
                return Unknown(f"the look-up was answered {answer.status}")
            match _with_key(page, query.key):
                case Refund() as refund:
                    return translate.report_of_refund(refund)
            if not page.has_more or not page.data:
                return Missing(query.conclusive)
            after = page.data[-1].id
        return Unknown("there are more refunds than are looked through")


def _with_key(page: Refunds, key: str) -> Refund | None:
    return next((refund for refund in page.data if refund.metadata.get("refund_key") == key), None)
