"""MoMo's signatures: HMAC-SHA256 in hex over `key=value` pairs joined with `&`, keys in alphabetical order, values raw.

An empty value stays (`extraData=`). What is not named here is not signed.
"""

import hashlib
import hmac
from collections.abc import Mapping

CREATE = "accessKey amount extraData ipnUrl orderId orderInfo partnerCode redirectUrl requestId requestType"
"""The names of what is signed, in their order."""
NOTICE = (
    "accessKey amount extraData message orderId orderInfo orderType partnerCode payType requestId responseTime"
    " resultCode transId"
)
"""The IPN, and the parameters of the browser's return."""
QUERY = "accessKey orderId partnerCode requestId"
"""Also the question after a refund."""
CONFIRM = "accessKey amount description orderId partnerCode requestId requestType"
REFUND = "accessKey amount description orderId partnerCode requestId transId"


def string_to_sign(names: str, values: Mapping[str, object]) -> str:
    """The text a signature is made over; raises `KeyError` when a value is missing."""
    return "&".join(f"{name}={values[name]}" for name in names.split())


def sign(secret_key: str, text: str) -> str:
    """The signature, in lower-case hex."""
    return hmac.new(secret_key.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_signed(secret_key: str, text: str, signature: str) -> bool:
    """Whether a signature is the text's; compared in constant time, upper case is as good as lower."""
    return hmac.compare_digest(sign(secret_key, text).encode(), signature.lower().encode("utf-8", "replace"))
