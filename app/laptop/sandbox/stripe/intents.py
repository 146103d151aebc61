"""What may happen to a PaymentIntent: pure rules over its document; a refusal is a `StripeError`."""

import secrets
from datetime import datetime

from app.laptop.sandbox.stripe.cards import Card
from app.laptop.sandbox.stripe.protocol import Document, StripeError, invalid

_CANCELLABLE = {"requires_payment_method", "requires_capture", "requires_confirmation", "requires_action"}


def new_intent(now: datetime, **given: object) -> Document:
    """An intent that nobody has tried to pay yet; `given` is what the caller asked for."""
    intent_id = f"pi_{secrets.token_hex(12)}"
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "client_secret": f"{intent_id}_secret_{secrets.token_hex(8)}",
        "created": int(now.timestamp()),
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "next_action": None,
        "status": "requires_payment_method",
        **given,
    }


def tried(intent: Document, card: Card, now: datetime, page: str) -> Document:
    """The intent after the card was tried; `page` is where its holder authenticates."""
    if intent["status"] not in {"requires_payment_method", "requires_confirmation"}:
        raise unexpected_state(intent, "confirmed")
    cleared = {**intent, "last_payment_error": None, "hold_seconds": card.hold.total_seconds()}
    if card.authenticates:
        shown = {"url": page, "return_url": intent["return_url"]}
        return {
            **cleared,
            "status": "requires_action",
            "next_action": {"type": "redirect_to_url", "redirect_to_url": shown},
        }
    if card.code is not None:
        return failed(cleared, "card_error", card.code, card.decline_code)
    return held(cleared, now)


def held(intent: Document, now: datetime) -> Document:
    """The intent once its card has paid: held, or taken at once when nobody asked for a hold."""
    charge = f"ch_{secrets.token_hex(12)}"
    paid = {**intent, "next_action": None, "latest_charge": charge}
    if intent["capture_method"] != "manual":
        return {**paid, "status": "succeeded", "amount_received": intent["amount"]}
    deadline = now.timestamp() + intent["hold_seconds"]
    return {
        **paid,
        "status": "requires_capture",
        "amount_capturable": intent["amount"],
        "capture_before": deadline,
    }


def failed(intent: Document, kind: str, code: str, decline_code: str | None = None) -> Document:
    """The intent after a try that came to nothing: another may follow."""
    error = {"type": kind, "code": code, "decline_code": decline_code, "message": "Your card was declined."}
    return {**intent, "status": "requires_payment_method", "next_action": None, "last_payment_error": error}


def captured(intent: Document, amount: int | None) -> Document:
    """Take what is held, or a part of it; the rest is released."""
    if intent["status"] != "requires_capture":
        raise unexpected_state(intent, "captured")
    taken = intent["amount_capturable"] if amount is None else amount
    if taken > intent["amount_capturable"]:
        raise invalid("More than can be captured.", "amount_to_capture", "amount_too_large")
    return {**intent, "status": "succeeded", "amount_capturable": 0, "amount_received": taken}


def cancelled(intent: Document, reason: str | None, now: datetime) -> Document:
    """End the intent."""
    if intent["status"] not in _CANCELLABLE:
        raise unexpected_state(intent, "canceled")
    return {
        **intent,
        "status": "canceled",
        "amount_capturable": 0,
        "next_action": None,
        "cancellation_reason": reason,
        "canceled_at": int(now.timestamp()),
    }


def has_run_out(intent: Document, now: datetime) -> bool:
    """Whether the bank has released the hold."""
    return intent["status"] == "requires_capture" and now.timestamp() >= float(intent["capture_before"])


def unexpected_state(intent: Document, wish: str) -> StripeError:
    """The state forbids it."""
    message = f"This PaymentIntent could not be {wish} because it has a status of {intent['status']}."
    code = "payment_intent_unexpected_state"
    return StripeError(400, "invalid_request_error", code, message, kept=True, payment_intent=intent)
