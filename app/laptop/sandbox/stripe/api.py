"""The calls of Stripe's API that take part in a card payment."""

import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.laptop.sandbox.answers import Refused
from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.stripe import intents
from app.laptop.sandbox.stripe.cards import CARDS
from app.laptop.sandbox.stripe.desk import Desk, seen, send
from app.laptop.sandbox.stripe.protocol import (
    NAME,
    Asked,
    Document,
    StripeError,
    answered,
    invalid,
    missing,
    understood,
)

Call = Callable[[Desk, Asked], Document]

_QUERY = re.compile(r"""metadata\[['"]payment_id['"]\]:['"]([^'"]{1,255})['"]""")
_OF_A_NEW_INTENT = {
    "allowed_payment_method_types",
    "amount",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "currency",
    "description",
    "metadata",
    "off_session",
    "payment_method",
    "payment_method_data",
    "return_url",
    "statement_descriptor_suffix",
}
"""As version 2026-10-28.endive names them."""
_LATEST = 2**40
_KEY_REUSED = "Keys for idempotent requests can only be used with the same parameters they were first used with."


@dataclass(frozen=True, slots=True)
class Answered:
    """What a call comes to, and the events it caused."""

    status: int
    body: Document
    events: Sequence[Document] = ()
    replayed: bool = False


async def answer(bench: Bench, call: Call, request: Request) -> Response:
    """Answer one request; the first answer of an idempotency key is that of every repeat, a 500 too."""
    try:
        asked = await understood(request)
        found = await bench.ledger.transact(lambda books: _once(Desk(books, bench.public_url), call, asked))
    except StripeError as error:
        return answered(error.status, error.body)
    except Refused as refused:
        return answered(refused.answer.status, refused.answer.body)
    send(bench, found.events)
    return answered(found.status, found.body, replayed=found.replayed)


def _once(desk: Desk, call: Call, asked: Asked) -> Answered:
    key = asked.key
    if key is None:
        return _carried_out(desk, call, asked)
    digest = hashlib.sha256(repr((asked.request.url.path, sorted(asked.fields.items()))).encode()).hexdigest()
    known = desk.books.paper(NAME, "answer", key)
    if known is not None:
        if known["digest"] != digest:
            raise StripeError(400, "idempotency_error", "idempotency_key_reused", _KEY_REUSED)
        return Answered(known["status"], known["body"], replayed=True)
    first = _carried_out(desk, call, asked)
    desk.books.file(NAME, "answer", key, {"digest": digest, "status": first.status, "body": first.body})
    return first


def _carried_out(desk: Desk, call: Call, asked: Asked) -> Answered:
    try:
        return Answered(200, call(desk, asked), desk.events)
    except StripeError as error:
        if not error.kept:
            raise
        return Answered(error.status, error.body, desk.events)


def create(desk: Desk, asked: Asked) -> Document:
    """`POST /v1/payment_intents`."""
    _secret_key_only(asked)
    unknown = {name.partition("[")[0] for name in asked.fields} - _OF_A_NEW_INTENT
    if unknown:
        name = min(unknown)
        raise invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")
    amount = asked.amount("amount")
    if amount is None:
        raise invalid("Missing required param: amount.", "amount", "parameter_missing")
    intent = intents.new_intent(
        desk.books.now(),
        amount=amount,
        currency=_currency(asked),
        capture_method=asked.fields.get("capture_method", "automatic_async"),
        description=asked.fields.get("description"),
        metadata=asked.metadata(),
        payment_method=asked.token(),
        payment_method_types=["card"],
        return_url=asked.fields.get("return_url"),
    )
    if asked.fields.get("confirm") != "true":
        desk.tell("payment_intent.created", desk.keep(intent))
        return seen(intent)
    return _confirmed(desk, intent, asked)


def update(desk: Desk, asked: Asked) -> Document:
    """`POST /v1/payment_intents/{id}`: new words on it."""
    _secret_key_only(asked)
    intent = desk.intent(asked.path("intent"))
    return seen(desk.keep({**intent, "metadata": {**intent["metadata"], **asked.metadata()}}))


def confirm(desk: Desk, asked: Asked) -> Document:
    """`POST /v1/payment_intents/{id}/confirm`, with the secret key, or by a browser that knows the intent's secret."""
    intent = _visible(desk, asked)
    given = {"payment_method": asked.token(), "return_url": asked.fields.get("return_url")}
    return _confirmed(desk, intent | {name: value for name, value in given.items() if value}, asked)


def capture(desk: Desk, asked: Asked) -> Document:
    """`POST /v1/payment_intents/{id}/capture`."""
    _secret_key_only(asked)
    intent = desk.intent(asked.path("intent"))
    taken = intents.captured(intent, asked.amount("amount_to_capture"))
    return seen(desk.moved(intent, taken, asked.key or ""))


def cancel(desk: Desk, asked: Asked) -> Document:
    """`POST /v1/payment_intents/{id}/cancel`."""
    _secret_key_only(asked)
    intent = desk.intent(asked.path("intent"))
    ended = intents.cancelled(intent, asked.fields.get("cancellation_reason"), desk.books.now())
    return seen(desk.moved(intent, ended, asked.key or ""))


def refund(desk: Desk, asked: Asked) -> Document:
    """`POST /v1/refunds`."""
    _secret_key_only(asked)
    intent = desk.intent(asked.fields.get("payment_intent", ""))
    if intent["status"] != "succeeded":
        raise intents.unexpected_state(intent, "refunded")
    left = intent["amount_received"] - sum(known["amount"] for known in desk.refunds_of(intent["id"]))
    amount = asked.amount("amount") or left
    if left == 0:
        raise StripeError(400, "invalid_request_error", "charge_already_refunded", "Refunded already.", kept=True)
    if amount > left:
        raise invalid("More than is left.", "amount", "amount_too_large")
    made = {
        "id": f"re_{secrets.token_hex(12)}",
        "object": "refund",
        "amount": amount,
        "charge": intent["latest_charge"],
        "created": int(desk.books.now().timestamp()),
        "currency": intent["currency"],
        "metadata": asked.metadata(),
        "payment_intent": intent["id"],
        "status": "succeeded",
    }
    desk.keep_refund(made)
    desk.record("refund", intent, amount, asked.key or "")
    desk.tell("refund.created", made)
    return made


def show(desk: Desk, asked: Asked) -> Document:
    """`GET /v1/payment_intents/{id}`."""
    return seen(_visible(desk, asked))


def listed(desk: Desk, asked: Asked) -> Document:
    """`GET /v1/payment_intents`."""
    _secret_key_only(asked)
    found = [intent for intent in desk.books.papers(NAME, "intent")[::-1] if _made_in(asked, intent)]
    return _page(asked, [seen(desk.intent(intent["id"])) for intent in found], "/v1/payment_intents")


def search(desk: Desk, asked: Asked) -> Document:
    """`GET /v1/payment_intents/search`, by the payment that intents name."""
    _secret_key_only(asked)
    wanted = _QUERY.fullmatch(asked.fields.get("query", ""))
    if wanted is None:
        raise invalid("We were unable to parse your search query.", "query")
    found = [seen(intent) for intent in desk.intents_of(wanted[1])]
    return {"object": "search_result", "url": "/v1/payment_intents/search", "has_more": False, "data": found}


def refunds(desk: Desk, asked: Asked) -> Document:
    """`GET /v1/refunds`: those of an intent, or all."""
    _secret_key_only(asked)
    intent = asked.fields.get("payment_intent")
    found = desk.books.papers(NAME, "refund")[::-1] if intent is None else desk.refunds_of(intent)
    return _page(asked, [refund for refund in found if _made_in(asked, refund)], "/v1/refunds")


def show_refund(desk: Desk, asked: Asked) -> Document:
    """`GET /v1/refunds/{id}`."""
    _secret_key_only(asked)
    found = desk.books.paper(NAME, "refund", asked.path("refund"))
    if found is None:
        raise missing("refund", asked.path("refund"), "id")
    return found


def events(desk: Desk, asked: Asked) -> Document:
    """`GET /v1/events`, newest first."""
    _secret_key_only(asked)
    kind = asked.fields.get("type")
    found = [event for event in desk.books.papers(NAME, "event") if kind in (None, event["type"])]
    return _page(asked, found[::-1], "/v1/events")


def _confirmed(desk: Desk, intent: Document, asked: Asked) -> Document:
    token = intent["payment_method"]
    if token is None:
        raise invalid("You cannot confirm this PaymentIntent: it has no payment method.", "payment_method")
    card = CARDS.get(token)
    if card is None:
        raise invalid(f"No such PaymentMethod: '{token}'", "payment_method", "resource_missing")
    if card.authenticates and not intent["return_url"]:
        raise invalid("A return_url is needed.", "return_url", "parameter_missing")
    page = f"{desk.public_url}/{NAME}/3ds/{intent['id']}"
    tried = intents.tried(intent, card, desk.books.now(), page)
    desk.moved(intent, tried, asked.key or "")
    if card.breaks:
        raise StripeError(500, "api_error", "", "An unknown error occurred.", kept=True)
    error = tried["last_payment_error"]
    if error is not None:
        shown = {"decline_code": error["decline_code"], "payment_intent": seen(tried)}
        raise StripeError(402, "card_error", error["code"], error["message"], kept=True, **shown)
    return seen(tried)


def _visible(desk: Desk, asked: Asked) -> Document:
    intent = desk.intent(asked.path("intent"))
    if asked.publishable and asked.fields.get("client_secret") != intent["client_secret"]:
        raise missing("payment_intent", asked.path("intent"), "intent")
    return intent


def _secret_key_only(asked: Asked) -> None:
    if asked.publishable:
        message = "This API call cannot be made with a publishable API key."
        raise StripeError(403, "invalid_request_error", "secret_key_required", message)


def _currency(asked: Asked) -> str:
    currency = asked.fields.get("currency", "")
    if not re.fullmatch(r"[a-z]{3}", currency):
        raise invalid("Invalid currency: give a lower-case code.", "currency")
    return currency


def _made_in(asked: Asked, document: Document) -> bool:
    begin, end = asked.amount("created[gte]", _LATEST), asked.amount("created[lt]", _LATEST)
    return int(document["created"]) in range(begin or 0, end or _LATEST)


def _page(asked: Asked, found: list[Document], url: str) -> Document:
    after, limit = asked.fields.get("starting_after"), min(asked.amount("limit") or 10, 100)
    ids = [document["id"] for document in found]
    rest = found[ids.index(after) + 1 :] if after in ids else found
    return {"object": "list", "url": url, "has_more": len(rest) > limit, "data": rest[:limit]}
