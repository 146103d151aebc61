"""The requests themselves: the same bytes for the same call, however often it is made."""

from collections.abc import Mapping
from math import ceil
from urllib.parse import quote, urlencode

from app.providers.http import ProviderRequest
from app.providers.port import Authorization, CaptureCall, PaymentTerms, Query, RefundCall, VoidCall
from app.providers.statements import Span
from app.providers.stripe.amounts import wire_currency
from app.providers.stripe.settings import API_VERSION, StripeSettings
from app.providers.stripe.translate import AFTER_A_DECLINE, turned_away

_INTENTS = "/v1/payment_intents"
_LONGEST_DESCRIPTION = 1000


class Requests:
    """Writes requests with the account's key, for one version of the API."""

    def __init__(self, settings: StripeSettings) -> None:
        self._headers = {
            "Authorization": f"Bearer {settings.secret_key.get_secret_value()}",
            "Stripe-Version": API_VERSION,
        }
        if settings.account is not None:
            self._headers["Stripe-Account"] = settings.account

    def create(self, call: Authorization, token: str) -> ProviderRequest:
        """Hold the money, by a card that the browser made a token of."""
        terms = call.terms
        card = {"payment_method": token}
        if token.startswith("tok_"):
            card = {"payment_method_data[type]": "card", "payment_method_data[card][token]": token}
        fields = {
            "amount": str(terms.money.amount),
            "currency": wire_currency(terms.money),
            "confirm": "true",
            "capture_method": "manual",
            "allowed_payment_method_types[0]": "card",
            **card,
            "return_url": terms.return_url,
            "metadata[payment_id]": terms.payment_id,
        }
        if terms.description:
            fields["description"] = terms.description[:_LONGEST_DESCRIPTION]
        return self._post(_INTENTS, call.key, fields)

    def show(self, intent_id: str) -> ProviderRequest:
        """How an intent stands."""
        return self._get(_of(intent_id), {})

    def find(self, terms: PaymentTerms) -> ProviderRequest:
        """Every intent of a payment."""
        return self._get(f"{_INTENTS}/search", {"query": f"metadata['payment_id']:'{terms.payment_id}'", "limit": "10"})

    def claim(self, terms: PaymentTerms, intent_id: str) -> ProviderRequest:
        """Write on an intent which payment it belongs to.

        The key names the intent, not the payment: to whoever comes second with another payment, Stripe says that the
        key was used with other parameters. So of two payments with one token, only one gets it.
        """
        return self._post(_of(intent_id), f"claim.{intent_id}", {"metadata[payment_id]": terms.payment_id})

    def capture(self, call: CaptureCall) -> ProviderRequest:
        """Take held money; what is not taken is released."""
        return self._post(f"{_of(call.reference)}/capture", call.key, {"amount_to_capture": str(call.money.amount)})

    def void(self, call: VoidCall) -> ProviderRequest:
        """Release held money, or take the customer's chance to authenticate."""
        fields = {"cancellation_reason": "requested_by_customer"}
        return self._post(f"{_of(call.reference)}/cancel", call.key, fields)

    def abandon(self, intent_id: str) -> ProviderRequest:
        """End an intent whose card was declined, so that nobody can pay it with another."""
        fields = {"cancellation_reason": AFTER_A_DECLINE}
        return self._post(f"{_of(intent_id)}/cancel", f"abandon.{intent_id}", fields)

    def refund(self, call: RefundCall) -> ProviderRequest:
        """Give money back."""
        fields = {
            "payment_intent": call.reference,
            "amount": str(call.money.amount),
            "metadata[payment_id]": call.terms.payment_id,
            "metadata[refund_key]": call.key,
        }
        return self._post("/v1/refunds", call.key, fields)

    def refunds(self, query: Query, after: str | None) -> ProviderRequest:
        """A page of the refunds of an intent, those after the refund `after`."""
        fields = {"payment_intent": query.reference or "", "limit": "100"}
        return self._get("/v1/refunds", {**fields, "starting_after": after} if after else fields)

    def listed(self, path: str, span: Span, after: str | None) -> ProviderRequest:
        """A page of what was made in `span`, newest first, those after the document `after`."""
        fields = {
            "created[gte]": str(ceil(span.begin.timestamp())),
            "created[lt]": str(ceil(span.end.timestamp())),
            "limit": "100",
        }
        return self._get(path, {**fields, "starting_after": after} if after else fields)

    def _get(self, path: str, fields: Mapping[str, str]) -> ProviderRequest:
        address = f"{path}?{urlencode(fields)}" if fields else path
        return ProviderRequest("GET", address, self._headers, turned_away=turned_away)

    def _post(self, path: str, key: str, fields: Mapping[str, str]) -> ProviderRequest:
        headers = {
            **self._headers,
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": key,
        }
        return ProviderRequest("POST", path, headers, turned_away=turned_away, content=urlencode(fields).encode())


def _of(intent_id: str) -> str:
    return f"{_INTENTS}/{quote(intent_id, safe='')}"
