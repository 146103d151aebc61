"""What ZaloPay is sent: bodies and their macs.

Beginning an order is a pure function of the call. A refund, and the question after it, carry the time they are sent at,
as ZaloPay demands; what makes them the same is their name.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import JsonValue

from app.providers.port import PaymentTerms, RefundCall
from app.providers.zalopay.names import refund_name, transaction_name
from app.providers.zalopay.settings import LONGEST_ORDER, SHORTEST_ORDER, ZaloPaySettings
from app.providers.zalopay.signature import joined, sign

_LONGEST_DESCRIPTION = 256
_USER = "paygate"
_NO_ITEMS = "[]"
Body = dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Requests:
    """Made with the application's keys; `callback_url` is where ZaloPay is to send its callbacks."""

    settings: ZaloPaySettings
    callback_url: str

    def create(self, terms: PaymentTerms) -> Body:
        """Make an order for the customer to pay."""
        begun = _milliseconds(terms.initiated_at)
        transaction = transaction_name(terms.payment_id, terms.initiated_at)
        embedded = json.dumps({"redirecturl": terms.return_url}, separators=(",", ":"))
        app_id, amount = self.settings.app_id, terms.money.amount
        return {
            "app_id": app_id,
            "app_user": _USER,
            "app_trans_id": transaction,
            "app_time": begun,
            "expire_duration_seconds": self._seconds(terms),
            "amount": amount,
            "item": _NO_ITEMS,
            "embed_data": embedded,
            "description": _description(terms),
            "bank_code": "",
            "callback_url": self.callback_url,
            "mac": self._mac(app_id, transaction, _USER, amount, begun, embedded, _NO_ITEMS),
        }

    def query(self, terms: PaymentTerms) -> Body:
        """Ask how an order stands."""
        app_id, transaction = self.settings.app_id, transaction_name(terms.payment_id, terms.initiated_at)
        mac = self._mac(app_id, transaction, self.settings.key1.get_secret_value())
        return {"app_id": app_id, "app_trans_id": transaction, "mac": mac}

    def refund(self, call: RefundCall, transaction: int, now: datetime) -> Body:
        """Give money back of ZaloPay's `transaction`."""
        app_id, amount, timestamp = self.settings.app_id, call.money.amount, _milliseconds(now)
        description = f"Refund {call.terms.payment_id}"
        return {
            "app_id": app_id,
            "m_refund_id": refund_name(app_id, call.key, call.terms.initiated_at),
            "zp_trans_id": transaction,
            "amount": amount,
            "timestamp": timestamp,
            "description": description,
            "mac": self._mac(app_id, transaction, amount, description, timestamp),
        }

    def query_refund(self, terms: PaymentTerms, key: str, now: datetime) -> Body:
        """Ask how a refund stands."""
        app_id, timestamp = self.settings.app_id, _milliseconds(now)
        refund = refund_name(app_id, key, terms.initiated_at)
        mac = self._mac(app_id, refund, timestamp)
        return {"app_id": app_id, "m_refund_id": refund, "timestamp": timestamp, "mac": mac}

    def _mac(self, *fields: object) -> str:
        return sign(self.settings.key1.get_secret_value(), joined(*fields))

    def _seconds(self, terms: PaymentTerms) -> int:
        """How long the order is to be open: as long as the payment, within what ZaloPay takes."""
        if terms.expires_at is None:
            return self.settings.session_seconds
        seconds = int((terms.expires_at - terms.initiated_at).total_seconds())
        return min(max(seconds, SHORTEST_ORDER), LONGEST_ORDER)


def _description(terms: PaymentTerms) -> str:
    text = " ".join((terms.description or "").split())[:_LONGEST_DESCRIPTION].strip()
    return text or f"Payment {terms.payment_id}"


def _milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=at.tzinfo)) // timedelta(milliseconds=1)
