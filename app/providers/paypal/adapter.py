"""PayPal behind the provider port: which calls, in which order.

    authorize ─▶ order ─▶ the customer approves ─▶ confirm ─▶ capture, or authorization ─▶ capture or void

Every call that moves money has its key as PayPal-Request-Id, which makes a repeat harmless: PayPal answers with the
latest state of what was done. There is no way to ask for something by its key, so of an order whose id never arrived
there is "no trace", and asking for it again brings it to light.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote

from pydantic import JsonValue

from app.domain.money import Money
from app.domain.payment.events import CaptureMode, Operation
from app.domain.reports import Declined, Expired, Missing, ProviderReport, Unknown, Voided
from app.providers.answer import Answer
from app.providers.http import ProviderHttp, open_http
from app.providers.notices import NoticeReader
from app.providers.paypal import translate
from app.providers.paypal.amounts import CURRENCIES, written
from app.providers.paypal.calls import AccessTokens, PayPalCalls
from app.providers.paypal.certificates import authorities, open_certificates
from app.providers.paypal.documents import Authorization as Hold
from app.providers.paypal.documents import Capture, Order, Refund, parsed
from app.providers.paypal.notices import PayPalNotices
from app.providers.paypal.settings import PayPalSettings
from app.providers.paypal.statement import movements
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
from app.settings import SettingsError, load

NAME = "paypal"

_CAPABILITIES = Capabilities(
    methods=frozenset({"redirect"}),
    currencies=CURRENCIES,
    # Whole units only, of currencies that have a minor one.
    multiples={"HUF": 100, "TWD": 100},
    # Long enough for a request to arrive; one that comes later still is harmless, by its key.
    visibility_delay=timedelta(seconds=2),
    # Three hours to approve, three more to be captured in.
    session_life=timedelta(hours=6),
)
_LONGEST_DESCRIPTION = 127
_Document = TypeVar("_Document", Order, Hold, Capture)


@asynccontextmanager
async def open_provider(context: ProviderContext) -> AsyncIterator[PaymentProvider]:
    """PayPal, as the settings `PAYGATE_PAYPAL_…` say; raises `SettingsError`."""
    settings = load(PayPalSettings)
    try:
        store = authorities(settings.authorities_pem())
    except (OSError, ValueError) as error:
        message = "PAYGATE_PAYPAL_CERTIFICATE_AUTHORITIES: holds no certificate that can be read"
        raise SettingsError(message) from error
    async with (
        open_http(settings.url) as client,
        open_certificates(settings.certificate_origins, store) as certificates,
    ):
        http = ProviderHttp(client, NAME, context.settings.provider_timeout)
        secret = settings.client_secret.get_secret_value()
        tokens = AccessTokens(http, settings.client_id, secret, context.clock)
        reader = PayPalNotices(settings.webhook_id, certificates)
        yield PayPalProvider(PayPalCalls(http, tokens), settings, reader)


class PayPalProvider:
    """Payments on PayPal's page."""

    def __init__(self, calls: PayPalCalls, settings: PayPalSettings, reader: NoticeReader) -> None:
        self._calls = calls
        self._settings = settings
        self._readers = (reader,)

    @property
    def name(self) -> str:
        """What clients write in `provider`."""
        return NAME

    @property
    def capabilities(self) -> Capabilities:
        """Customers are sent to PayPal; money can be held."""
        return _CAPABILITIES

    @property
    def notice_readers(self) -> Sequence[NoticeReader]:
        """One, for all webhooks."""
        return self._readers

    async def authorize(self, call: Authorization) -> ProviderReport:
        """Make an order, and say where the customer approves it."""
        value = written(call.terms.money)
        if call.terms.method not in _CAPABILITIES.methods or value is None:
            return _not_payable(call.terms.money)
        body = self._order(call.terms, value)
        outcome = await self._calls.post("/v2/checkout/orders", call.key, body)
        if isinstance(outcome, Unknown):
            return outcome
        if not outcome.positive:
            # An order with this invoice id that we do not know of: nothing definite, and no reason to fail.
            report = translate.report_of_refusal(outcome, None)
            return report or Unknown("an earlier order has this payment's invoice id")
        order = parsed(Order, outcome.body)
        if order is None:
            return translate.UNREADABLE
        return translate.report_of_order(Operation.AUTHORIZE, order, conclusive=False)

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """Take or hold what the customer has approved; or send the customer back to choose another way to pay."""
        end = "capture" if call.terms.capture is CaptureMode.AUTOMATIC else "authorize"
        path = _path("/v2/checkout/orders", call.reference)
        outcome = await self._calls.post(f"{path}/{end}", call.key, {})
        if isinstance(outcome, Unknown):
            return outcome
        if translate.not_found(outcome):
            return Expired(call.reference)
        if not outcome.positive:
            return await self._refused_confirmation(call.reference, outcome)
        order = parsed(Order, outcome.body)
        if order is None:
            return translate.UNREADABLE
        return translate.report_of_order(Operation.CONFIRM, order, conclusive=False)

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Take held money; what is not taken is released."""
        value = written(call.money)
        if value is None:
            return _not_payable(call.money)
        path = _path("/v2/payments/authorizations", call.reference)
        body: dict[str, JsonValue] = {"amount": _amount(call.money, value), "final_capture": True}
        outcome = await self._calls.post(f"{path}/capture", call.key, body)
        if isinstance(outcome, Answer) and outcome.positive:
            capture = parsed(Capture, outcome.body)
            return translate.UNREADABLE if capture is None else translate.report_of_capture(capture)
        return await self._refused_on_hold(call.reference, outcome)

    async def void(self, call: VoidCall) -> ProviderReport:
        """Release held money. An order cannot be ended, and need not be: it takes us to go on with it."""
        if not call.held:
            return Voided(call.reference)
        path = _path("/v2/payments/authorizations", call.reference)
        outcome = await self._calls.post(f"{path}/void", call.key, {})
        if isinstance(outcome, Answer) and outcome.positive:
            return Voided(call.reference)
        return await self._refused_on_hold(call.reference, outcome)

    async def refund(self, call: RefundCall) -> ProviderReport:
        """Give money back, with the key as the refund's `custom_id`, so that it can be found again."""
        value = written(call.money)
        if value is None:
            return _not_payable(call.money)
        path = _path("/v2/payments/captures", call.reference)
        body: dict[str, JsonValue] = {"amount": _amount(call.money, value), "custom_id": call.key}
        outcome = await self._calls.post(f"{path}/refund", call.key, body)
        if isinstance(outcome, Unknown):
            return outcome
        if outcome.positive:
            refund = parsed(Refund, outcome.body)
            return translate.UNREADABLE if refund is None else translate.report_of_refund(refund)
        report = translate.report_of_refusal(outcome, None)
        if report is not None:
            return report
        found = await self._find_refund(call.reference, call.key, conclusive=True)
        return Declined("capture_fully_refunded", "Nothing is left.") if isinstance(found, Missing) else found

    async def look_up(self, query: Query) -> ProviderReport:
        """Look at the order, the hold or the capture that the operation was about."""
        if query.reference is None:
            return Missing(query.conclusive)
        match query.operation:
            case Operation.AUTHORIZE | Operation.CONFIRM:
                return await self._look_at_order(query, query.reference)
            case Operation.CAPTURE | Operation.VOID:
                return await self._look_at_hold(query.reference, conclusive=query.conclusive)
            case Operation.REFUND:
                return await self._find_refund(query.reference, query.key, conclusive=query.conclusive)

    async def statement(self, span: Span) -> Sequence[Movement] | Unknown:
        """What moved in the account in `span`; see `KeepsStatement`."""
        return await movements(self._calls, span)

    async def _look_at_order(self, query: Query, reference: str) -> ProviderReport:
        outcome = await self._calls.show(_path("/v2/checkout/orders", reference))
        if isinstance(outcome, Unknown):
            return outcome
        if translate.not_found(outcome):
            # It was there once: its life is over. Unless it was made just now.
            return Expired(reference) if query.conclusive else Missing(conclusive=False)
        order = _shown(Order, outcome)
        if isinstance(order, Unknown):
            return order
        return translate.report_of_order(query.operation, order, conclusive=query.conclusive)

    async def _look_at_hold(self, reference: str, *, conclusive: bool) -> ProviderReport:
        outcome = await self._calls.show(_path("/v2/payments/authorizations", reference))
        if isinstance(outcome, Answer) and translate.not_found(outcome):
            return Missing(conclusive)
        hold = _shown(Hold, outcome)
        if isinstance(hold, Unknown):
            return hold
        report = translate.report_of_hold(hold, conclusive=conclusive)
        if report is not None:
            return report
        order = await self._order_of(hold)
        return order if isinstance(order, Unknown) else translate.report_of_captures(order)

    async def _find_refund(self, reference: str, key: str, *, conclusive: bool) -> ProviderReport:
        capture = _shown(Capture, await self._calls.show(_path("/v2/payments/captures", reference)))
        if isinstance(capture, Unknown):
            return capture
        order = await self._order_of(capture)
        if isinstance(order, Unknown):
            return order
        found = (refund for refund in order.payments.refunds if refund.custom_id == key)
        ours = next(found, None)
        return Missing(conclusive) if ours is None else translate.report_of_refund(ours)

    async def _order_of(self, document: Hold | Capture) -> Order | Unknown:
        order_id = document.related.order_id
        if order_id is None:
            return Unknown("a document without its order")
        return _shown(Order, await self._calls.show(_path("/v2/checkout/orders", order_id)))

    async def _refused_confirmation(self, reference: str, refused: Answer) -> ProviderReport:
        report = translate.report_of_refusal(refused, reference)
        if report is not None:
            return report
        order = _shown(Order, await self._calls.show(_path("/v2/checkout/orders", reference)))
        return order if isinstance(order, Unknown) else translate.report_after_refusal(refused, order)

    async def _refused_on_hold(self, reference: str, outcome: Answer | Unknown) -> ProviderReport:
        if isinstance(outcome, Unknown):
            return outcome
        report = translate.report_of_refusal(outcome, reference)
        if report is not None:
            return report
        return await self._look_at_hold(reference, conclusive=False)

    def _order(self, terms: PaymentTerms, value: str) -> dict[str, JsonValue]:
        unit: dict[str, JsonValue] = {
            "reference_id": "default",
            "custom_id": terms.payment_id,
            # A second wall: PayPal takes money for an invoice id once, whatever has become of the request's key.
            "invoice_id": terms.payment_id,
            "amount": _amount(terms.money, value),
        }
        if terms.description:
            unit["description"] = terms.description[:_LONGEST_DESCRIPTION]
        context: dict[str, JsonValue] = {
            "return_url": terms.return_url,
            "cancel_url": terms.return_url,
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
            "payment_method_preference": self._settings.payment_method_preference,
        }
        if self._settings.brand_name:
            context["brand_name"] = self._settings.brand_name
        return {
            "intent": "CAPTURE" if terms.capture is CaptureMode.AUTOMATIC else "AUTHORIZE",
            "purchase_units": [unit],
            "payment_source": {"paypal": {"experience_context": context}},
        }


def _shown(kind: type[_Document], outcome: Answer | Unknown) -> _Document | Unknown:
    if isinstance(outcome, Unknown):
        return outcome
    if not outcome.positive:
        return Unknown(f"a look-up was answered {outcome.status}")
    return parsed(kind, outcome.body) or translate.UNREADABLE


def _amount(money: Money, value: str) -> dict[str, JsonValue]:
    return {"currency_code": money.currency, "value": value}


def _not_payable(money: Money) -> Declined:
    return Declined("amount_not_offered", f"PayPal does not take {money}.")


def _path(collection: str, reference: str) -> str:
    return f"{collection}/{quote(reference, safe='')}"
