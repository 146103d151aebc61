"""Intents and refunds in the books, the money they move, and the events that tell of it."""

import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.books import Books, Movement, OperationName
from app.laptop.sandbox.outbox import OutgoingNotice
from app.laptop.sandbox.stripe import intents
from app.laptop.sandbox.stripe.protocol import NAME, WEBHOOK_SECRET, Document, missing

_EVENT_OF = {
    "requires_action": "payment_intent.requires_action",
    "requires_capture": "payment_intent.amount_capturable_updated",
    "succeeded": "payment_intent.succeeded",
    "canceled": "payment_intent.canceled",
    "requires_payment_method": "payment_intent.payment_failed",
}
_PAUSES = (1.0, 5.0, 30.0)
_KEPT_TO_OURSELVES = {"hold_seconds", "capture_before", "return_url"}


@dataclass(frozen=True, slots=True)
class Desk:
    """What one transaction works with; `events` are to be sent once it is committed."""

    books: Books
    public_url: str
    events: list[Document] = field(default_factory=list)

    def intent(self, intent_id: str) -> Document:
        """An intent as it stands now: a hold that has run out is released. Raises `StripeError`."""
        found = self.books.paper(NAME, "intent", intent_id)
        if found is None:
            raise missing("payment_intent", intent_id, "intent")
        if not intents.has_run_out(found, self.books.now()):
            return found
        released = intents.cancelled(found, "automatic", self.books.now())
        return self.moved(found, released, f"expiry.{intent_id}")

    def intents_of(self, payment_id: str) -> list[Document]:
        """Those that name a payment, newest first."""
        return [self.intent(intent_id) for intent_id in reversed(self._linked("intents_of", payment_id))]

    def refunds_of(self, intent_id: str) -> list[Document]:
        """The refunds of an intent, newest first."""
        found = (self.books.paper(NAME, "refund", refund_id) for refund_id in self._linked("refunds_of", intent_id))
        return [refund for refund in found if refund][::-1]

    def keep(self, intent: Document) -> Document:
        """Keep a new intent, or one with other words on it."""
        self.books.file(NAME, "intent", intent["id"], intent)
        if payment_id := intent["metadata"].get("payment_id"):
            self._link("intents_of", payment_id, intent["id"])
        return intent

    def keep_refund(self, refund: Document) -> Document:
        """Keep a refund."""
        self.books.file(NAME, "refund", refund["id"], refund)
        self._link("refunds_of", refund["payment_intent"], refund["id"])
        return refund

    def moved(self, before: Document, after: Document, key: str) -> Document:
        """Keep a changed intent, the money that moved with it, and the event."""
        self.keep(after)
        was, now = before["status"], after["status"]
        if now == "requires_capture" and was != now:
            self.record("authorize", after, after["amount"], key)
        if now == "succeeded" and was != now:
            self.record("capture", after, after["amount_received"], key)
        if now == "canceled" and was == "requires_capture":
            self.record("void", after, before["amount"], key)
        self.tell(_EVENT_OF[now], after)
        return after

    def record(self, operation: OperationName, intent: Document, amount: int, key: str) -> None:
        """Write down that money moved."""
        reference = intent["metadata"].get("payment_id") or intent["id"]
        currency, at = intent["currency"].upper(), self.books.now().isoformat()
        self.books.record(Movement(operation, intent["id"], reference, amount, currency, key, at, NAME))

    def tell(self, kind: str, document: Document) -> None:
        """Write an event."""
        event: Document = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": int(self.books.now().timestamp()),
            "type": kind,
            "livemode": False,
            "data": {"object": seen(document)},
            "request": {"id": None, "idempotency_key": None},
        }
        self.books.file(NAME, "event", event["id"], event)
        self.events.append(event)

    def _linked(self, kind: str, name: str) -> list[str]:
        links: list[str] = (self.books.paper(NAME, kind, name) or {"ids": []})["ids"]
        return links

    def _link(self, kind: str, name: str, linked: str) -> None:
        known = self._linked(kind, name)
        if linked not in known:
            self.books.file(NAME, kind, name, {"ids": [*known, linked]})


def send(bench: Bench, events: Sequence[Document]) -> None:
    """Send events; the answer of the call that caused them may still be on its way."""
    for event in events:
        body = json.dumps(event).encode()
        seconds = int(bench.clock().timestamp())
        signature = hmac.new(WEBHOOK_SECRET.encode(), f"{seconds}.".encode() + body, "sha256").hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={seconds},v1={signature}"}
        url = f"{bench.notices_url}/{NAME}"
        bench.outbox.post(OutgoingNotice(NAME, url, body, headers=headers, pauses=_PAUSES))


def seen(document: Document) -> Document:
    """A document as callers see it, without what the sandbox keeps to itself."""
    return {name: value for name, value in document.items() if name not in _KEPT_TO_OURSELVES}
