"""Stripe's words as reports. Pure and total: every answer means something, one nobody understands is `Unknown`.

A refused capture, cancellation or confirmation is judged by how the intent stands that came with the refusal. A status
that is not known is `Pending`, for the intent exists and may still come to an end.
"""

from app.domain.payment.events import CardAuthenticationAction, Operation
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
from app.providers.port import PaymentTerms
from app.providers.stripe.amounts import money_of
from app.providers.stripe.documents import Failure, Intent, Refund, Refusal, parsed
from app.providers.stripe.refusals import card_declined, declined

AFTER_A_DECLINE = "abandoned"
"""The reason intents are cancelled with after a decline, by which they are told from those the customer called off."""
UNREADABLE = Unknown("an answer nobody understands")


def turned_away(answer: Answer) -> bool:
    """Whether Stripe says that the request came no further than its door: wrong key, or too many requests."""
    return answer.status in {401, 429} and parsed(Refusal, answer.body) is not None


def report_of_call(operation: Operation, answer: Answer) -> ProviderReport:
    """What the answer of a call says of it."""
    if not answer.positive:
        return _refused(operation, answer)
    if operation is Operation.REFUND:
        refund = parsed(Refund, answer.body)
        return UNREADABLE if refund is None else report_of_refund(refund)
    intent = parsed(Intent, answer.body)
    return UNREADABLE if intent is None else report_of_intent(operation, intent)


def report_of_intent(operation: Operation, intent: Intent) -> ProviderReport:
    """What an intent says of an operation that was asked for."""
    if operation is not Operation.AUTHORIZE:
        return _settled(intent) or Pending()
    match intent.status:
        case "requires_capture":
            return Authorized(intent.id, intent.money(intent.amount_capturable))
        case "requires_payment_method" if intent.last_payment_error is not None:
            return _declined(intent.last_payment_error, intent.id)
        case "requires_action" if intent.next_action is not None and intent.next_action.redirect_to_url is not None:
            return ActionNeeded(intent.id, CardAuthenticationAction(url=intent.next_action.redirect_to_url.url))
        case "canceled" if _was_declined(intent):
            return _declined(intent.last_payment_error or Failure(), intent.id)
    return _settled(intent) or Pending()


def report_of_found(operation: Operation, intent: Intent, *, conclusive: bool) -> ProviderReport:
    """What an intent that was looked up says; one that a capture or a cancellation left no trace in, says `Missing`."""
    if operation is Operation.AUTHORIZE:
        return report_of_intent(operation, intent)
    settled = _settled(intent)
    if settled is not None:
        return settled
    return Pending() if intent.status == "processing" else Missing(conclusive)


def report_of_refund(refund: Refund) -> ProviderReport:
    """What a refund says of itself."""
    match refund.status:
        case "succeeded":
            return Refunded(refund.id, money_of(refund.amount, refund.currency))
        case "failed" | "canceled":
            return declined("refund_failed", refund.id)
    return Pending()


def may_be_paid_after_decline(intent: Intent) -> bool:
    """Whether the last try was declined and another one could still be made."""
    return intent.status == "requires_payment_method" and intent.last_payment_error is not None


def unfit_token(intent: Intent, terms: PaymentTerms) -> Declined | None:
    """Why an intent that was confirmed in the browser cannot pay, None when it can."""
    if intent.payment_id not in (None, "", terms.payment_id):
        return declined("token_already_used")
    if intent.money(intent.amount) != terms.money:
        return declined("token_amount_mismatch")
    if intent.payment_id == terms.payment_id:
        return None  # claimed by an earlier try: where it stands now is what counts
    if intent.capture_method != "manual" or intent.status != "requires_capture":
        return declined("token_not_held")
    return None


def _settled(intent: Intent) -> Captured | Voided | Expired | None:
    """What is true of the money whatever was asked for."""
    match intent.status, intent.cancellation_reason:
        case "succeeded", _:
            return Captured(intent.id, intent.money(intent.amount_received))
        case "canceled", "automatic" | "expired":
            return Expired(intent.id)
        case "canceled", _:
            return Voided(intent.id)
    return None


def _was_declined(intent: Intent) -> bool:
    return intent.cancellation_reason == AFTER_A_DECLINE


def _declined(failure: Failure, reference: str | None) -> Declined:
    return card_declined(failure.code, failure.decline_code, reference)


def _refused(operation: Operation, answer: Answer) -> ProviderReport:
    refusal = parsed(Refusal, answer.body)
    if refusal is None or answer.status not in {400, 402, 404, 409}:
        return Unknown(f"answered {answer.status}")
    error, intent = refusal.error, refusal.error.payment_intent
    if error.code in {"idempotency_key_in_use", "lock_timeout"}:
        return Pending()
    if error.type == "idempotency_error" or answer.status == 409:
        # Something was done under this key, and not what was asked now: only a look-up can tell what.
        return Unknown("the idempotency key was used with other parameters")
    if intent is not None and operation is not Operation.REFUND:
        settled = _settled(intent)
        if settled is not None:
            return settled
    reference = intent.id if intent else None
    if error.type == "card_error":
        return _declined(error, reference)
    return declined(error.code or "request_refused", reference)
