"""VNPay's checksums, from its documentation and by itself: over a sorted query, and over values joined by `|`."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

SECRET = "SANDBOXSECRETNOTREAL"  # noqa: S105 - known to everybody
HASH = "vnp_SecureHash"

QUERY = "RequestId Version Command TmnCode TxnRef TransactionDate CreateDate IpAddr OrderInfo"
REFUND = (
    "RequestId Version Command TmnCode TransactionType TxnRef Amount TransactionNo TransactionDate CreateBy "
    "CreateDate IpAddr OrderInfo"
)
REFUND_ANSWER = (
    "ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo TransactionType "
    "TransactionStatus OrderInfo"
)
QUERY_ANSWER = f"{REFUND_ANSWER} PromotionCode PromotionAmount"


def checksum(text: str) -> str:
    """Lower-case hex."""
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha512).hexdigest()


def query_checksum(pairs: Sequence[tuple[str, str]]) -> str:
    """Of a query; empty values and the checksum itself do not count."""
    return checksum(urlencode(sorted((name, value) for name, value in pairs if value and not name.startswith(HASH))))


def message_checksum(message: Mapping[str, str], fields: str) -> str:
    """Of a message, whose fields stand in an order of their own."""
    return checksum("|".join(message.get(f"vnp_{name}", "") for name in fields.split()))


def signed(message: Mapping[str, str], fields: str) -> dict[str, str]:
    """A message with its checksum."""
    return {**message, HASH: message_checksum(message, fields)}


def is_right(given: str, expected: str) -> bool:
    """Whether a checksum is the right one."""
    return hmac.compare_digest(given.lower().encode(), expected.encode())
