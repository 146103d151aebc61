"""ZaloPay's words as reports. Pure and total: a code that is not known is `Pending`, no document is `Unknown`.

`return_code` is 1 for done, 2 for refused, 3 for not yet; why something was refused is in `sub_return_code`.
"""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.money import Money
from app.domain.payment.events import RedirectAction
from app.domain.reports import (
    ActionNeeded,
    Captured,
    Declined,
    Expired,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
)
from app.providers.answer import Answer

CURRENCY = "VND"
SESSION_LOST = Declined(
    "session_lost", "The wallet's page was made, and its address never arrived: nobody can pay there.", retryable=True
)

_DONE, _REFUSED, _NOT_YET = 1, 2, 3
_USED_BEFORE = -68
_OVER = -54
_NOT_FOUND = -101
_OUR_FAULT: Mapping[int, str] = {-401: "request_malformed", -402: "signature_refused"}
_NO_WORD = frozenset({-429, -500, -999})
"""Too many requests, an error, maintenance: whether anything was done has to be asked."""
_UNREADABLE = Unknown("an answer nobody understands")
_LONGEST_MESSAGE = 500


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    return_code: int
    return_message: str | None = None
    sub_return_code: int | None = None
    sub_return_message: str | None = None


class _Made(_Read):
    order_url: str | None = Field(None, pattern=r"^https?://", max_length=2048)


class _Order(_Read):
    is_processing: bool = False
    amount: int | None = Field(None, ge=0)
    zp_trans_id: int | None = None


class _Refund(_Read):
    refund_id: int | None = None


_Model = TypeVar("_Model", bound=_Read)


def report_of_create(transaction: str, answer: Answer) -> ProviderReport:
    """What the answer to `create` says of the payment; one that was made before has to be asked about."""
    made = _parsed(_Made, answer)
    if made is None:
        return _UNREADABLE
    match made.return_code, made.sub_return_code:
        case code, _ if code == _DONE:
            if made.order_url is None:
                return _UNREADABLE
            return ActionNeeded(transaction, RedirectAction(url=made.order_url))
        case code, _ if code != _REFUSED:
            return Pending()
        case _, sub if sub == _USED_BEFORE:
            return Pending()
        case _, sub if sub in _NO_WORD:
            return Unknown(f"answered {sub}")
    return _declined(made, "order_refused")


def report_of_order(transaction: str, answer: Answer, *, conclusive: bool) -> ProviderReport:
    """What a query says of the payment."""
    found = _parsed(_Order, answer)
    if found is None:
        return _UNREADABLE
    sub = found.sub_return_code
    if found.return_code == _DONE:
        if found.amount is None or not found.zp_trans_id:
            return _UNREADABLE
        return Captured(str(found.zp_trans_id), Money(found.amount, CURRENCY))
    if found.return_code == _REFUSED:
        if sub == _OVER:
            return Expired(transaction)
        return _about_the_question(sub, conclusive=conclusive) or _declined(found, "payment_failed")
    if found.return_code == _NOT_YET and not found.is_processing:
        return ActionNeeded(transaction, None)
    return Pending()


def report_of_refund(name: str, money: Money, answer: Answer) -> ProviderReport:
    """What the answer to `refund` says of giving back `money`; ZaloPay does not repeat the amount."""
    found = _parsed(_Refund, answer)
    if found is None:
        return _UNREADABLE
    if found.return_code == _REFUSED:
        if found.sub_return_code == _USED_BEFORE:
            return Pending()
        if found.sub_return_code in _NO_WORD:
            return Unknown(f"answered {found.sub_return_code}")
        return _declined(found, "refund_refused")
    return _refunded(name, money, found)


def report_of_refund_query(name: str, money: Money, answer: Answer, *, conclusive: bool) -> ProviderReport:
    """What `query_refund` says of giving back `money`."""
    found = _parsed(_Refund, answer)
    if found is None:
        return _UNREADABLE
    if found.return_code == _REFUSED:
        sub = found.sub_return_code
        return _about_the_question(sub, conclusive=conclusive) or _declined(found, "refund_refused")
    return _refunded(name, money, found)


def _refunded(name: str, money: Money, found: _Refund) -> ProviderReport:
    # The answer to a question may not name the refund as the answer to the call does; ours is the same in both.
    return Refunded(name, money) if found.return_code == _DONE else Pending()


def _about_the_question(sub: int | None, *, conclusive: bool) -> Missing | Unknown | None:
    """What a refused question says, when it is not about the payment."""
    if sub == _NOT_FOUND:
        return Missing(conclusive)
    if sub in _NO_WORD or sub in _OUR_FAULT or sub == _USED_BEFORE:
        return Unknown(f"the query was answered {sub}")
    return None


def _declined(found: _Read, usual: str) -> Declined:
    message = found.sub_return_message or found.return_message or ""
    return Declined(_OUR_FAULT.get(found.sub_return_code or 0, usual), message[:_LONGEST_MESSAGE])


def _parsed(model: type[_Model], answer: Answer) -> _Model | None:
    try:
        return model.model_validate(answer.body)
    except ValidationError:
        return None
