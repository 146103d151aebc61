"""The page of the customer's bank, where a card payment is authenticated (3-D Secure)."""

from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.laptop.sandbox.answers import Refused
from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.pages import decision_form, page
from app.laptop.sandbox.stripe import intents
from app.laptop.sandbox.stripe.desk import Desk, send
from app.laptop.sandbox.stripe.protocol import Document, StripeError

_TITLE = "3-D Secure"
_DECISIONS = {"approve": "Approve", "decline": "Decline"}


async def respond(bench: Bench, request: Request) -> Response:
    """Show the page, or take in what the customer pressed and send the customer back to the shop."""
    intent_id = request.path_params["intent"]
    try:
        if request.method != "POST":
            return _shown(await bench.ledger.transact(lambda books: Desk(books, bench.public_url).intent(intent_id)))
        match parse_qs((await read_limited(request)).decode("ascii", "replace")).get("decision"):
            case [("approve" | "decline") as decision]:
                return await _decided(bench, intent_id, approved=decision == "approve")
    except StripeError:
        return page(_TITLE, "<p>There is no such payment.</p>", 404)
    except Refused as refused:
        return page(_TITLE, "<p>That is too much.</p>", refused.answer.status)
    return page(_TITLE, "<p>Decide for approve or decline.</p>", 400)


def _shown(intent: Document) -> Response:
    if intent["status"] != "requires_action":
        return page(_TITLE, "<p>There is nothing to authenticate any more. You may close the page.</p>")
    amount = f"{intent['amount']} {intent['currency'].upper()} (in minor units)"
    return page(_TITLE, decision_form(f"Pay {amount}?", _DECISIONS))


async def _decided(bench: Bench, intent_id: str, *, approved: bool) -> Response:
    def work(books: Books) -> tuple[Document, list[Document]]:
        desk = Desk(books, bench.public_url)
        return _take_in(desk, desk.intent(intent_id), approved=approved), desk.events

    intent, events = await bench.ledger.transact(work)
    send(bench, events)
    return RedirectResponse(_way_back(intent), 303)


def _take_in(desk: Desk, intent: Document, *, approved: bool) -> Document:
    """The intent after the decision; a second one changes nothing."""
    if intent["status"] != "requires_action":
        return intent
    key = f"3ds.{intent['id']}"
    if approved:
        return desk.moved(intent, intents.held(intent, desk.books.now()), key)
    code = "payment_intent_authentication_failure"
    return desk.moved(intent, intents.failed(intent, "invalid_request_error", code), key)


def _way_back(intent: Document) -> str:
    """The shop's address with what Stripe adds to it."""
    parts = urlsplit(intent["return_url"])
    added = urlencode({"payment_intent": intent["id"], "payment_intent_client_secret": intent["client_secret"]})
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))
