"""PayPal's documents as reports. Pure and total: a status that is not known is `Pending`, no document is `Unknown`.

An order is judged by what was captured or authorised about it; that it is COMPLETED says nothing of the money.
"""

from collections.abc import Sequence
from typing import TypeVar

from app.domain.payment.events import Operation, RedirectAction
from app.domain.reports import (
    ActionNeeded,
    Approved,
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
from app.providers.paypal.documents import Authorization, Capture, Order, Refund, Refusal, approval_url, parsed

UNREADABLE = Unknown("an answer nobody understands")
RETRYABLE = frozenset({"instrument_declined", "transaction_refused", "max_number_of_payment_attempts_exceeded"})
"""Refusals after which the same customer may succeed in another payment."""

_NOT_ABOUT_THE_OPERATION = frozenset({408, 429})
_DONE_BEFORE = frozenset(
    {
        "ORDER_ALREADY_CAPTURED",
        "ORDER_ALREADY_AUTHORIZED",
        "AUTHORIZATION_ALREADY_CAPTURED",
        "PREVIOUSLY_CAPTURED",
        "ORDER_COMPLETED_OR_VOIDED",
        "PREVIOUSLY_VOIDED",
        "CAPTURE_FULLY_REFUNDED",
        "DUPLICATE_INVOICE_ID",
    }
)
_SENT_BACK = frozenset(
    {"ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED", "INSTRUMENT_DECLINED", "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING"}
)
_LATER = frozenset({"ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS", "PENDING_CAPTURE"})
_LATE = frozenset({"ORDER_EXPIRED", "AUTHORIZATION_EXPIRED"})
_WAITS_FOR_CUSTOMER = frozenset({"CREATED", "SAVED", "PAYER_ACTION_REQUIRED"})
_LONGEST_MESSAGE = 500
_Document = TypeVar("_Document", Authorization, Capture)


def report_of_order(operation: Operation, order: Order, *, conclusive: bool) -> ProviderReport:
    """What an order says of its beginning (AUTHORIZE) or of its confirmation (CONFIRM)."""
    done = _done(order)
    if done is not None:
        return done
    match order.status:
        case "VOIDED":
            return Expired(order.id)
        case "APPROVED":
            return Approved(order.id) if operation is Operation.AUTHORIZE else Missing(conclusive)
        case status if status in _WAITS_FOR_CUSTOMER:
            return _sent_to_page(order) or Pending()
    return Pending()


def _done(order: Order) -> ProviderReport | None:
    """What has become of the money, if anything has."""
    refusal_stands = order.status not in {*_WAITS_FOR_CUSTOMER, "APPROVED"}
    capture = _telling(order.payments.captures, ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED", "PENDING"))
    if capture is not None:
        report = report_of_capture(capture)
        return None if isinstance(report, Declined) and not refusal_stands else report
    authorization = _telling(order.payments.authorizations, ("CREATED", "CAPTURED", "PARTIALLY_CAPTURED", "PENDING"))
    if authorization is not None:
        report = report_of_authorization(authorization)
        return None if isinstance(report, Declined) and not refusal_stands else report
    return None


def _telling(documents: Sequence[_Document], statuses: Sequence[str]) -> _Document | None:
    """Of several attempts, the one that moved money, or may; else the last."""
    for status in statuses:
        for document in documents:
            if document.status == status:
                return document
    return documents[-1] if documents else None


def _sent_to_page(order: Order) -> ActionNeeded | None:
    url = approval_url(order.links)
    return ActionNeeded(order.id, RedirectAction(url=url)) if url else None


def report_of_captures(order: Order) -> ProviderReport:
    """What an order says of the capture of what was held for it."""
    captures = order.payments.captures
    return (_done(order) or Pending()) if captures else Pending()


def report_of_capture(capture: Capture) -> ProviderReport:
    """What a capture says of itself."""
    match capture.status:
        case "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED":
            return Captured(capture.id, capture.amount.money) if capture.amount else UNREADABLE
        case "DECLINED" | "FAILED":
            return Declined(f"capture_{capture.status.lower()}", "PayPal did not take the money.", reference=capture.id)
    return Pending()


def report_of_authorization(authorization: Authorization) -> ProviderReport:
    """What held money says of itself."""
    match authorization.status:
        case "CREATED":
            return Authorized(authorization.id, authorization.amount.money) if authorization.amount else UNREADABLE
        case "DENIED":
            return Declined("authorization_denied", "PayPal did not hold the money.", reference=authorization.id)
        case "VOIDED":
            return Voided(authorization.id)
        case "EXPIRED":
            return Expired(authorization.id)
    return Pending()


def report_of_hold(authorization: Authorization, *, conclusive: bool) -> ProviderReport | None:
    """What held money says of a capture or a release of it; None when it was captured, which its order tells more of.

    A hold that is untouched has no trace of either.
    """
    match authorization.status:
        case "CAPTURED" | "PARTIALLY_CAPTURED":
            return None
        case "CREATED":
            return Missing(conclusive)
    return report_of_authorization(authorization)


def report_of_refund(refund: Refund) -> ProviderReport:
    """What a refund says of itself."""
    match refund.status:
        case "COMPLETED":
            return Refunded(refund.id, refund.amount.money) if refund.amount else UNREADABLE
        case "CANCELLED" | "FAILED":
            return Declined(f"refund_{refund.status.lower()}", "PayPal did not give it back.", reference=refund.id)
    return Pending()


def report_of_refusal(answer: Answer, reference: str | None) -> ProviderReport | None:
    """What a refusal says of the operation; None when the document it was about has to be looked at."""
    refusal = parsed(Refusal, answer.body)
    if refusal is None or answer.status >= 500 or answer.status in _NOT_ABOUT_THE_OPERATION:
        return Unknown(f"answered {answer.status}")
    issue = refusal.issue
    if issue in _DONE_BEFORE:
        return None
    if issue in _SENT_BACK and reference is not None:
        url = approval_url(refusal.links)
        return ActionNeeded(reference, RedirectAction(url=url)) if url else None
    if issue in _LATER or answer.status == 409:
        return Pending()
    if issue in _LATE:
        return Expired(reference)
    if issue == "AUTHORIZATION_VOIDED" and reference is not None:
        return Voided(reference)
    return declined(refusal, reference)


def report_after_refusal(answer: Answer, order: Order) -> ProviderReport:
    """What a refused confirmation means, seen with its order: done before, sent back to PayPal's page, or refused."""
    report = report_of_order(Operation.CONFIRM, order, conclusive=True)
    if not isinstance(report, Missing):
        return report
    refusal = parsed(Refusal, answer.body)
    if refusal is None:
        return UNREADABLE
    back = _sent_to_page(order) if refusal.issue in _SENT_BACK else None
    return back or declined(refusal, order.id)


def declined(refusal: Refusal, reference: str | None) -> Declined:
    """A definite no, with PayPal's word for it in lower case."""
    code = refusal.issue.lower()
    return Declined(code, refusal.description[:_LONGEST_MESSAGE], retryable=code in RETRYABLE, reference=reference)


def not_found(answer: Answer) -> bool:
    """Whether PayPal knows no such document."""
    refusal = parsed(Refusal, answer.body)
    return answer.status == 404 and refusal is not None and refusal.name == "RESOURCE_NOT_FOUND"
