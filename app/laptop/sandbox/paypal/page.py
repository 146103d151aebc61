"""Where the customer approves an order, or leaves; and where a pending payment is brought to its end."""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.pages import decision_form, page
from app.laptop.sandbox.paypal import rules
from app.laptop.sandbox.paypal.bodies import written
from app.laptop.sandbox.paypal.documents import WAITING, Event, Paper, Url, found
from app.laptop.sandbox.paypal.refusals import Refused
from app.laptop.sandbox.paypal.webhooks import Webhooks

_TITLE = "Sandbox PayPal"
_DECISIONS = {
    "approve": "Approve",
    "card": "Approve, with a card that will be declined",
    "cheque": "Approve, by bank cheque",
    "decline": "Approve, and be refused",
    "cancel": "Cancel and return",
    "expire": "Be too late",
}
_REVIEWS = {"approve": "The money has come", "decline": "The money has not come"}


@dataclass(frozen=True, slots=True)
class CustomerPages:
    """Both pages."""

    bench: Bench
    webhooks: Webhooks
    url: Url

    async def show(self, request: Request) -> Response:
        """The buttons, or how the order stands."""
        order = await self._order(request.query_params.get("token", ""))
        if order is None:
            return page(_TITLE, "<p>There is no such payment.</p>", 404)
        if order["status"] not in WAITING:
            return page(_TITLE, f"<p>This payment is {order['status']}. You may close the page.</p>")
        return page(_TITLE, decision_form(_summary(order), _DECISIONS))

    async def decide(self, request: Request) -> Response:
        """Take in what the customer pressed, and send the customer back to the shop."""
        decision = await _decision(request, _DECISIONS)
        if decision is None:
            return page(_TITLE, "<p>That is no decision.</p>", 400)

        def work(books: Books) -> tuple[Paper, list[Event]]:
            order = found(books, "order", request.query_params.get("token", ""))
            return order, rules.approve(books, order, decision, self.url)

        try:
            order, events = await self.bench.ledger.transact(work)
        except Refused:
            return page(_TITLE, "<p>There is no such payment.</p>", 404)
        await self.webhooks.send(events)
        return RedirectResponse(_back(order, left=decision in {"cancel", "expire"}), 303)

    async def show_review(self, request: Request) -> Response:
        """The buttons that end what is pending."""
        order = await self._order(request.path_params["order"])
        if order is None:
            return page(_TITLE, "<p>There is no such payment.</p>", 404)
        return page(_TITLE, decision_form(f"Pending: {_summary(order)}", _REVIEWS))

    async def review(self, request: Request) -> Response:
        """End what is pending."""
        decision = await _decision(request, _REVIEWS)
        if decision is None:
            return page(_TITLE, "<p>That is no decision.</p>", 400)

        def work(books: Books) -> list[Event]:
            order = found(books, "order", request.path_params["order"])
            return rules.review(books, order, good=decision == "approve")

        try:
            await self.webhooks.send(await self.bench.ledger.transact(work))
        except Refused:
            return page(_TITLE, "<p>There is no such payment.</p>", 404)
        return page(_TITLE, "<p>Done.</p>")

    async def _order(self, order_id: str) -> Paper | None:
        try:
            return await self.bench.ledger.transact(lambda books: found(books, "order", order_id))
        except Refused:
            return None


def _summary(order: Paper) -> str:
    amount = written(order["amount"], order["currency"])
    text = f"{amount['value']} {amount['currency_code']}"
    return f"{text}: {order['description']}" if order["description"] else text


def _back(order: Paper, *, left: bool) -> str:
    address: str = order["cancel_url"] if left else order["return_url"]
    added = {"token": order["id"]} if left else {"token": order["id"], "PayerID": "SANDBOXPAYER1"}
    return f"{address}{'&' if '?' in address else '?'}{urlencode(added)}"


async def _decision(request: Request, known: dict[str, str]) -> str | None:
    form = parse_qs((await read_limited(request)).decode("ascii", "replace"))
    chosen = form.get("decision", [""])[-1]
    return chosen if chosen in known else None
