"""What VNPay is sent: the address of its page, queries and refunds. Pure."""

import hashlib
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone

from app.domain.money import Money
from app.providers.port import PaymentTerms, RefundCall
from app.providers.vnpay.settings import VNPaySettings
from app.providers.vnpay.signature import HASH, QUERY_FIELDS, REFUND_FIELDS, joined, signature, signed_query

VERSION = "2.1.0"
REFUND_INFO = "Hoan tien "
"""How the text of every refund of ours begins."""
TIME_TO_PAY = timedelta(minutes=15)
"""Where the payment has no deadline of its own."""
LONGEST_TIME_TO_PAY = timedelta(days=1)

_VIETNAM = timezone(timedelta(hours=7))
_LONGEST_INFO = 255


def expires_at(terms: PaymentTerms) -> datetime:
    """Until when the customer can begin to pay."""
    latest = terms.initiated_at + LONGEST_TIME_TO_PAY
    return min(terms.expires_at or terms.initiated_at + TIME_TO_PAY, latest)


def pay_url(terms: PaymentTerms, settings: VNPaySettings) -> str:
    """The address of VNPay's page for this payment."""
    parameters = {
        "vnp_Version": VERSION,
        "vnp_Command": "pay",
        "vnp_TmnCode": settings.tmn_code,
        "vnp_Amount": _hundredfold(terms.money),
        "vnp_CurrCode": terms.money.currency,
        "vnp_CreateDate": written(terms.initiated_at),
        "vnp_ExpireDate": written(expires_at(terms)),
        "vnp_IpAddr": settings.ip_address,
        "vnp_Locale": settings.locale,
        "vnp_OrderInfo": plain(terms.description or "") or f"Thanh toan {plain(terms.payment_id)}",
        "vnp_OrderType": settings.order_type,
        "vnp_ReturnUrl": terms.return_url,
        "vnp_TxnRef": terms.payment_id,
    }
    return f"{settings.pay_url}?{signed_query(parameters, settings.hash_secret.get_secret_value())}"


def query(terms: PaymentTerms, key: str, now: datetime, settings: VNPaySettings) -> Mapping[str, str]:
    """A question about a payment; no two may have the same id within a day."""
    request_id = _digest(f"{key} {now.isoformat()}")
    values = {
        "vnp_RequestId": request_id,
        "vnp_Version": VERSION,
        "vnp_Command": "querydr",
        "vnp_TmnCode": settings.tmn_code,
        "vnp_TxnRef": terms.payment_id,
        "vnp_OrderInfo": f"Truy van {request_id}",
        "vnp_TransactionDate": written(terms.initiated_at),
        "vnp_CreateDate": written(now),
        "vnp_IpAddr": settings.ip_address,
    }
    return {**values, HASH: signature(joined(values, QUERY_FIELDS), settings.hash_secret.get_secret_value())}


def refund(call: RefundCall, now: datetime, settings: VNPaySettings) -> Mapping[str, str]:
    """A refund: its id follows from the key, so that VNPay knows a repeat for one; the date is that of the sending."""
    values = {
        "vnp_RequestId": _digest(call.key),
        "vnp_Version": VERSION,
        "vnp_Command": "refund",
        "vnp_TmnCode": settings.tmn_code,
        "vnp_TransactionType": "02" if call.money == call.captured else "03",
        "vnp_TxnRef": call.terms.payment_id,
        "vnp_Amount": _hundredfold(call.money),
        "vnp_OrderInfo": refund_info(call.key),
        "vnp_TransactionNo": call.reference,
        "vnp_TransactionDate": written(call.terms.initiated_at),
        "vnp_CreateBy": "paygate",
        "vnp_CreateDate": written(now),
        "vnp_IpAddr": settings.ip_address,
    }
    return {**values, HASH: signature(joined(values, REFUND_FIELDS), settings.hash_secret.get_secret_value())}


def refund_info(key: str) -> str:
    """A refund's text, by which it is known again."""
    return f"{REFUND_INFO}{_digest(key)}"


def written(at: datetime) -> str:
    """A time as VNPay writes it, whatever zone the server is in."""
    return at.astimezone(_VIETNAM).strftime("%Y%m%d%H%M%S")


def plain(text: str) -> str:
    """Without accents and special characters, as VNPay wants it."""
    bare = unicodedata.normalize("NFKD", text.replace("đ", "d").replace("Đ", "D"))
    letters = "".join(each if each.isascii() and each.isalnum() else " " for each in bare if not _is_accent(each))
    return " ".join(letters.split())[:_LONGEST_INFO].rstrip()


def _is_accent(letter: str) -> bool:
    return unicodedata.combining(letter) != 0


def _hundredfold(money: Money) -> str:
    # The đồng has no minor unit, and VNPay counts in hundredths of it nevertheless.
    return str(money.amount * 100)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]
