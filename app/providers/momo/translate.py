"""MoMo's words as reports. Pure and total: a code that is not known is `Pending`, no document is `Unknown`.

In the answer to `create`, 0 says that the session is made; everywhere else it says that the money is taken.
"""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.domain.money import Money
from app.domain.payment.events import CaptureMode, Operation, RedirectAction
from app.domain.reports import (
    ActionNeeded,
    Authorized,
    Captured,
    Declined,
    Expired,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
    Voided,
)
from app.providers.answer import Answer
from app.providers.momo import codes

CURRENCY = "VND"
SESSION_LOST = Declined(
    "session_lost", "The wallet's page was made, and its address never arrived: nobody can pay there.", retryable=True
)

_UNREADABLE = Unknown("an answer nobody understands")
_LONGEST_MESSAGE = 500


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    resultCode: int  # noqa: N815 - MoMo's name
    message: str | None = None


class _Made(_Read):
    orderId: str | None = None  # noqa: N815
    payUrl: str | None = Field(None, pattern=r"^https?://", max_length=2048)  # noqa: N815


class Transaction(_Read):
    """How an order or a refund stands; also what an IPN says."""

    orderId: str | None = None  # noqa: N815
    amount: int | None = Field(None, ge=0)
    transId: int | None = None  # noqa: N815


class _RefundTransaction(_Read):
    orderId: str  # noqa: N815
    amount: int = Field(ge=0)
    transId: int | None = None  # noqa: N815


class _RefundFound(Transaction):
    refundTrans: list[_RefundTransaction] | None = None  # noqa: N815


_Model = TypeVar("_Model", bound=_Read)


def report_of_create(order_id: str, answer: Answer) -> ProviderReport:
    """What the answer to `create` says of the payment."""
    made = _parsed(_Made, answer)
    if made is None:
        return _UNREADABLE
    if made.resultCode == codes.SUCCESS:
        if made.payUrl is None or made.orderId != order_id:
            return _UNREADABLE
        return ActionNeeded(order_id, RedirectAction(url=made.payUrl))
    return _refused(made) or _ended(made, order_id) or Pending()


def report_of_order(operation: Operation, capture: CaptureMode, order_id: str, answer: Answer) -> ProviderReport:
    """What a query says of the payment: of the operation asked for, or of the money whatever was asked for.

    For a capture or a release that has left no trace it is a `Missing` that is not conclusive.
    """
    found = _parsed(Transaction, answer)
    if found is None:
        return _UNREADABLE
    code = found.resultCode
    if code == codes.NOT_FOUND:
        return Missing(conclusive=False)
    if code in codes.OUR_FAULT or code in codes.USED_BEFORE or code == 10:
        return Unknown(f"the query was answered {code}")
    if found.orderId != order_id:
        return _UNREADABLE
    if code == codes.WAITING:
        return Voided(order_id) if operation is Operation.VOID else ActionNeeded(order_id, None)
    return report_of_transaction(operation, capture, found)


def report_of_transaction(operation: Operation, capture: CaptureMode, found: Transaction) -> ProviderReport:
    """What a transaction says of its money."""
    order_id = found.orderId or ""
    match found.resultCode:
        case codes.SUCCESS:
            return _captured(found)
        case codes.HELD if capture is CaptureMode.MANUAL:
            return _held(found) if operation is Operation.AUTHORIZE else Missing(conclusive=False)
        case code if code in codes.REFUSALS:
            return _declined(codes.REFUSALS[code], found)
    return _ended(found, order_id) or Pending()


def report_of_confirmation(operation: Operation, order_id: str, answer: Answer) -> ProviderReport:
    """What the answer to `confirm` says of the capture or the release asked for."""
    found = _parsed(Transaction, answer)
    if found is None:
        return _UNREADABLE
    if found.resultCode == codes.SUCCESS:
        return Voided(order_id) if operation is Operation.VOID else _captured(found)
    return _refused(found) or _ended(found, order_id) or Pending()


def report_of_refund(answer: Answer) -> ProviderReport:
    """What the answer to `refund` says."""
    found = _parsed(Transaction, answer)
    if found is None:
        return _UNREADABLE
    if found.resultCode == codes.SUCCESS:
        return _refunded(found)
    return _refused(found) or Pending()


def report_of_refund_query(order_id: str, answer: Answer) -> ProviderReport:
    """What `refund/query` says of the refund that has this order id of its own."""
    found = _parsed(_RefundFound, answer)
    if found is None:
        return _UNREADABLE
    for transaction in found.refundTrans or []:
        if transaction.orderId == order_id:
            return _refund_found(Transaction.model_validate(transaction.model_dump()))
    if found.resultCode == codes.NOT_FOUND:
        return Missing(conclusive=False)
    if found.resultCode in codes.OUR_FAULT or found.resultCode in codes.USED_BEFORE or found.resultCode == 10:
        return Unknown(f"the query was answered {found.resultCode}")
    return _refund_found(found) if found.orderId == order_id else _UNREADABLE


def _refund_found(found: Transaction) -> ProviderReport:
    if found.resultCode == codes.SUCCESS:
        return _refunded(found)
    refusal = codes.REFUSALS.get(found.resultCode)
    return _declined(refusal, found) if refusal else Pending()


def maybe_refunded(answer: Answer) -> bool:
    """Whether a refund was refused in words that leave open whether it was made before."""
    return answer.body.get("resultCode") == codes.MAYBE_REFUNDED


def _captured(found: Transaction) -> ProviderReport:
    if found.amount is None or not found.transId:
        return _UNREADABLE
    return Captured(str(found.transId), Money(found.amount, CURRENCY))


def _held(found: Transaction) -> ProviderReport:
    if found.amount is None:
        return _UNREADABLE
    # `confirm` goes by the order's id; the transaction's may only be known once the money is taken.
    return Authorized(str(found.transId or found.orderId), Money(found.amount, CURRENCY))


def _refunded(found: Transaction) -> ProviderReport:
    if found.amount is None or not found.transId:
        return _UNREADABLE
    return Refunded(str(found.transId), Money(found.amount, CURRENCY))


def _refused(found: _Read) -> ProviderReport | None:
    """What a call's answer says besides success: a refusal, or that it has to be asked about."""
    code = found.resultCode
    if code in codes.NO_WORD:
        return Unknown(f"answered {code}")
    refusal = codes.OUR_FAULT.get(code) or codes.REFUSALS.get(code)
    return _declined(refusal, found) if refusal else None


def _ended(found: _Read, order_id: str) -> ProviderReport | None:
    if found.resultCode in codes.CALLED_OFF:
        return Voided(order_id)
    return Expired(order_id) if found.resultCode in codes.EXPIRED else None


def _declined(refusal: str, found: _Read) -> Declined:
    return Declined(refusal, (found.message or "")[:_LONGEST_MESSAGE], retryable=found.resultCode in codes.RETRYABLE)


def _parsed(model: type[_Model], answer: Answer) -> _Model | None:
    try:
        return model.model_validate(answer.body)
    except ValidationError:
        return None
