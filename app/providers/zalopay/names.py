"""What our payments and refunds are called at ZaloPay: a day in Vietnam, then a part that names them."""

import base64
import hashlib
from datetime import datetime, timedelta, timezone

from app.domain.ids import PaymentId

VIETNAM = timezone(timedelta(hours=7))

_PREFIX = "pay_"


def transaction_name(payment_id: PaymentId, begun_at: datetime) -> str:
    """`app_trans_id`, up to 40 characters: the day the payment was begun, and its id without `pay_`."""
    return f"{_day(begun_at)}_{payment_id.removeprefix(_PREFIX)}"


def payment_named(transaction: str) -> PaymentId:
    """The payment an `app_trans_id` names; of one that we never gave out, an id that nothing has."""
    return PaymentId(_PREFIX + transaction.partition("_")[2])


def refund_name(app_id: int, key: str, begun_at: datetime) -> str:
    """`m_refund_id`, up to 45 characters: the payment's day, the application, a digest of the refund's key.

    The day is not that of the refund: the name has to be the same whenever the call is repeated.
    """
    digest = base64.b32encode(hashlib.sha256(key.encode()).digest()[:15]).decode().lower()
    return f"{_day(begun_at)}_{app_id}_{digest}"


def _day(at: datetime) -> str:
    return at.astimezone(VIETNAM).strftime("%y%m%d")
