"""HMAC-SHA512 in VNPay's two forms: over a sorted query, and over values joined by `|`."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote_plus

HASH = "vnp_SecureHash"
_UNSIGNED = frozenset({HASH, "vnp_SecureHashType"})
_HEX = re.compile(r"[0-9A-Fa-f]{128}")

QUERY_FIELDS = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TxnRef", "vnp_TransactionDate"),
    *("vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo"),
)
REFUND_FIELDS = (
    *("vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode", "vnp_TransactionType", "vnp_TxnRef", "vnp_Amount"),
    *("vnp_TransactionNo", "vnp_TransactionDate", "vnp_CreateBy", "vnp_CreateDate", "vnp_IpAddr", "vnp_OrderInfo"),
)
REFUND_ANSWER_FIELDS = (
    *("vnp_ResponseId", "vnp_Command", "vnp_ResponseCode", "vnp_Message", "vnp_TmnCode", "vnp_TxnRef", "vnp_Amount"),
    *("vnp_BankCode", "vnp_PayDate", "vnp_TransactionNo", "vnp_TransactionType", "vnp_TransactionStatus"),
    "vnp_OrderInfo",
)
QUERY_ANSWER_FIELDS = (*REFUND_ANSWER_FIELDS, "vnp_PromotionCode", "vnp_PromotionAmount")


def signed_query(parameters: Mapping[str, str], secret: str) -> str:
    """The query string with its signature at the end."""
    text = query_text(parameters)
    return f"{text}&{HASH}={signature(text, secret)}"


def query_text(parameters: Mapping[str, str]) -> str:
    """What is signed of a query: what is not empty, sorted by name, with a space as `+`."""
    kept = sorted((name, value) for name, value in parameters.items() if value and name not in _UNSIGNED)
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in kept)


def joined(values: Mapping[str, object], fields: Iterable[str]) -> str:
    """What is signed of a message: its values as they stand, what is absent as nothing."""
    found = (values.get(name) for name in fields)
    return "|".join("" if value is None else str(value) for value in found)


def signature(text: str, secret: str) -> str:
    """In lower-case hex."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()


def is_signed(text: str, given: object, secret: str) -> bool:
    """Whether `given` is the signature of the text; in constant time."""
    if not isinstance(given, str) or not _HEX.fullmatch(given):
        return False
    return hmac.compare_digest(given.lower(), signature(text, secret))
