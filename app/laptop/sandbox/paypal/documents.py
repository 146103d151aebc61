"""The pretend PayPal's papers, and how clients see them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue

from app.laptop.sandbox.books import Books, Movement, OperationName
from app.laptop.sandbox.paypal.bodies import written
from app.laptop.sandbox.paypal.refusals import not_found

NAME = "paypal"
TIME_TO_APPROVE = timedelta(hours=3)
TIME_TO_CAPTURE = timedelta(hours=3)
WAITING = frozenset({"CREATED", "PAYER_ACTION_REQUIRED"})

Paper = dict[str, Any]
Url = Callable[[str], str]
"""From a path to its address."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a webhook tells of."""

    kind: str
    resource: dict[str, JsonValue]


def found(books: Books, kind: str, paper_id: str) -> Paper:
    """The paper; raises `Refused`. An order whose time is over is VOIDED."""
    paper = books.paper(NAME, kind, paper_id)
    if paper is None:
        raise not_found(kind)
    if kind == "order" and _over(paper, books.now()):
        paper["status"] = "VOIDED"
        save(books, kind, paper)
    return paper


def save(books: Books, kind: str, paper: Paper) -> None:
    """Keep a new or changed paper, and note with its order that it is there."""
    books.file(NAME, kind, paper["id"], paper)
    if kind != "order":
        books.file(NAME, f"{kind} of {paper['order']}", paper["id"], {"id": paper["id"]})


def of_order(books: Books, kind: str, order_id: str) -> list[Paper]:
    """The authorisations, captures or refunds of an order, oldest first."""
    return [found(books, kind, note["id"]) for note in books.papers(NAME, f"{kind} of {order_id}")]


def move(books: Books, operation: OperationName, order: Paper, amount: int, key: str) -> None:
    """Write down that money moved."""
    at, reference = books.now().isoformat(), order["custom_id"] or ""
    books.record(Movement(operation, order["id"], reference, amount, order["currency"], key, at, NAME))


def _over(order: Paper, now: datetime) -> bool:
    if order["status"] in WAITING:
        return now >= datetime.fromisoformat(order["created_at"]) + TIME_TO_APPROVE
    if order["status"] == "APPROVED":
        return now >= datetime.fromisoformat(order["approved_at"]) + TIME_TO_CAPTURE
    return False


def approval_url(order: Paper, url: Url) -> str:
    """The customer's page."""
    return url(f"/paypal/checkoutnow?token={order['id']}")


def order_json(books: Books, order: Paper, url: Url) -> dict[str, JsonValue]:
    """An order with what was done about it."""
    kinds = {"authorizations": "authorization", "captures": "capture", "refunds": "refund"}
    payments: dict[str, JsonValue] = {}
    for plural, kind in kinds.items():
        papers: list[JsonValue] = [_document(kind, paper, order) for paper in of_order(books, kind, order["id"])]
        if papers:
            payments[plural] = papers
    unit: dict[str, JsonValue] = {
        "reference_id": "default",
        "custom_id": order["custom_id"],
        "invoice_id": order["invoice_id"],
        "amount": _amount(order["amount"], order["currency"]),
    }
    if payments:
        unit["payments"] = payments
    links: list[JsonValue] = [_link("self", url(f"/paypal/v2/checkout/orders/{order['id']}"))]
    if order["status"] in WAITING:
        links.append(_link(order["link"], approval_url(order, url)))
    return {
        "id": order["id"],
        "intent": order["intent"],
        "status": order["status"],
        "purchase_units": [unit],
        "create_time": order["created_at"],
        "links": links,
    }


def document_json(books: Books, kind: str, paper: Paper) -> dict[str, JsonValue]:
    """An authorisation, capture or refund."""
    return _document(kind, paper, found(books, "order", paper["order"]))


def _document(kind: str, paper: Paper, order: Paper) -> dict[str, JsonValue]:
    related: dict[str, JsonValue] = {"order_id": order["id"]}
    for name in ("authorization", "capture"):
        if paper.get(name):
            related[f"{name}_id"] = paper[name]
    custom_id = paper["custom_id"] if kind == "refund" else order["custom_id"]
    return {
        "id": paper["id"],
        "status": paper["status"],
        "amount": _amount(paper["amount"], order["currency"]),
        "custom_id": custom_id,
        "invoice_id": order["invoice_id"],
        "supplementary_data": {"related_ids": related},
        "links": [],
    }


def _amount(minor: int, currency: str) -> dict[str, JsonValue]:
    return {**written(minor, currency)}


def _link(rel: str, href: str) -> dict[str, JsonValue]:
    return {"rel": rel, "href": href, "method": "GET"}
