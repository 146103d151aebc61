"""What MoMo is sent: bodies and their signatures, as pure functions of the call."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from app.domain.payment.events import CaptureMode
from app.providers.momo import signature
from app.providers.momo.settings import MomoSettings
from app.providers.port import PaymentTerms, RefundCall

_LONGEST_REQUEST_ID = 50
_LONGEST_ORDER_INFO = 255
Body = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Requests:
    """Made with the merchant's credentials; `ipn_url` is where MoMo is to send its notices."""

    settings: MomoSettings
    ipn_url: str

    def create(self, terms: PaymentTerms, key: str) -> Body:
        """Begin a session. The payment's id is MoMo's order id, so that everything MoMo says names it."""
        body: Body = {
            "requestId": request_id(key),
            "amount": terms.money.amount,
            "orderId": terms.payment_id,
            "orderInfo": _order_info(terms),
            "redirectUrl": terms.return_url,
            "ipnUrl": self.ipn_url,
            "requestType": "captureWallet",
            "extraData": "",
            "autoCapture": terms.capture is CaptureMode.AUTOMATIC,
        }
        return self._signed(signature.CREATE, body)

    def query(self, order_id: str, request: str) -> Body:
        """Ask how an order or a refund stands; `request` has to be new each time."""
        return self._signed(signature.QUERY, {"requestId": request, "orderId": order_id})

    def confirm(self, terms: PaymentTerms, key: str, kind: Literal["capture", "cancel"]) -> Body:
        """Take all that is held, or release it."""
        body: Body = {
            "requestId": request_id(key),
            "orderId": terms.payment_id,
            "requestType": kind,
            "amount": terms.money.amount,
            "description": "",
        }
        return self._signed(signature.CONFIRM, body)

    def refund(self, call: RefundCall, transaction: int) -> Body:
        """Give money back; the refund has an order id of its own, its key."""
        body: Body = {
            "requestId": request_id(call.key),
            "orderId": call.key,
            "amount": call.money.amount,
            "transId": transaction,
            "description": "",
        }
        return self._signed(signature.REFUND, body)

    def _signed(self, names: str, body: Body) -> Body:
        settings = self.settings
        whole: Body = {"partnerCode": settings.partner_code, **body, "lang": settings.lang}
        text = signature.string_to_sign(names, {**whole, "accessKey": settings.access_key})
        return {**whole, "signature": signature.sign(settings.secret_key.get_secret_value(), text)}


def request_id(key: str) -> str:
    """A key as MoMo takes it: up to 50 characters; a longer one is replaced by its digest."""
    return key if len(key) <= _LONGEST_REQUEST_ID else hashlib.sha256(key.encode()).hexdigest()[:40]


def _order_info(terms: PaymentTerms) -> str:
    text = " ".join((terms.description or "").split())[:_LONGEST_ORDER_INFO].strip()
    return text or f"Payment {terms.payment_id}"
