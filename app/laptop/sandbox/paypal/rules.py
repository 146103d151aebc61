"""What may happen to orders, holds and captures. Every function here runs inside one transaction of the ledger."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from app.laptop.sandbox.books import Books
from app.laptop.sandbox.paypal.bodies import CaptureBody, OrderBody, RefundBody
from app.laptop.sandbox.paypal.documents import (
    NAME,
    WAITING,
    Event,
    Paper,
    Url,
    approval_url,
    document_json,
    found,
    move,
    of_order,
    order_json,
    save,
)
from app.laptop.sandbox.paypal.refusals import Link, Refused

INSTRUMENTS = {"approve": "good", "card": "declined", "cheque": "slow", "decline": "refused"}
"""From what the customer presses to what comes of it when the shop goes on."""


@dataclass(slots=True)
class Done:
    """Which paper a call made or changed, the webhooks that tell of it, and whether it was done before."""

    kind: str
    id: str
    events: list[Event] = field(default_factory=list)
    refused: Refused | None = None
    """Refused, but not without consequences."""
    repeated: bool = False


def once(books: Books, call: str, key: str, digest: str, effect: Callable[[], Done]) -> Done:
    """Carry out a call, or find what it did before. A refused call leaves nothing and may be made again."""
    known = books.paper(NAME, "request", f"{call} {key}")
    if known is not None:
        if known["digest"] != digest:
            raise Refused("DUPLICATE_REQUEST_ID", "The request id was used with another request.")
        return Done(known["kind"], known["paper"], repeated=True)
    done = effect()
    if done.refused is None:
        books.file(NAME, "request", f"{call} {key}", {"digest": digest, "kind": done.kind, "paper": done.id})
    return done


def create(books: Books, body: OrderBody) -> Done:
    """A new order."""
    unit = body.purchase_units[0]
    amount = unit.amount.minor()
    if amount == 0:
        raise Refused("CANNOT_BE_ZERO_OR_NEGATIVE", "Must be greater than zero.")
    _check_invoice(books, unit.invoice_id, "")
    of_today = body.payment_source is not None
    order: Paper = {
        "id": _new_id(),
        "intent": body.intent,
        "status": "PAYER_ACTION_REQUIRED" if of_today else "CREATED",
        "link": "payer-action" if of_today else "approve",
        "custom_id": unit.custom_id,
        "invoice_id": unit.invoice_id,
        "description": unit.description,
        "amount": amount,
        "currency": unit.amount.currency_code,
        "created_at": books.now().isoformat(),
        "approved_at": None,
        "instrument": None,
        "return_url": body.context.return_url,
        "cancel_url": body.context.cancel_url,
    }
    save(books, "order", order)
    return Done("order", order["id"])


def approve(books: Books, order: Paper, decision: str, url: Url) -> list[Event]:
    """Take in what the customer pressed; afterwards only the shop can go on. A second decision changes nothing."""
    if order["status"] not in WAITING:
        return []
    if decision == "expire":
        order["status"] = "VOIDED"
        save(books, "order", order)
        return []
    if decision == "cancel":
        return []
    order |= {
        "status": "APPROVED",
        "instrument": INSTRUMENTS[decision],
        "approved_at": books.now().isoformat(),
    }
    save(books, "order", order)
    return [Event("CHECKOUT.ORDER.APPROVED", order_json(books, order, url))]


def complete(books: Books, order: Paper, intent: str, key: str, url: Url) -> Done:
    """Capture or authorise an approved order."""
    _check_payable(books, order, intent, url)
    if order["instrument"] == "declined":
        order |= {"status": "PAYER_ACTION_REQUIRED", "instrument": None}
        save(books, "order", order)
        back = Link("redirect", approval_url(order, url))
        return Done("order", order["id"], refused=Refused("INSTRUMENT_DECLINED", "Choose another one.", link=back))
    if order["instrument"] == "refused":
        raise Refused("TRANSACTION_REFUSED", "The request was refused.")
    order["status"] = "COMPLETED"
    save(books, "order", order)
    if order["invoice_id"]:
        books.file(NAME, "invoice", order["invoice_id"], {"order": order["id"]})
    kind = "capture" if intent == "CAPTURE" else "authorization"
    paper = {
        "id": _new_id(),
        "order": order["id"],
        "status": "PENDING",
        "amount": order["amount"],
        "key": key,
        "refunded": 0,
        "at": books.now().isoformat(),
    }
    if order["instrument"] == "slow":
        save(books, kind, paper)
        return Done("order", order["id"], [_event(books, kind, paper)])
    return Done("order", order["id"], _settle(books, kind, paper, order))


def review(books: Books, order: Paper, *, good: bool) -> list[Event]:
    """Bring what is pending to its end, as the bank would days later."""
    for kind, refused in (("capture", "DECLINED"), ("authorization", "DENIED")):
        for paper in of_order(books, kind, order["id"]):
            if paper["status"] == "PENDING":
                return _settle(books, kind, paper, order) if good else _denied(books, kind, paper, refused)
    return []


def capture_hold(books: Books, hold: Paper, body: CaptureBody, key: str) -> Done:
    """Take what is held, or a part of it and release the rest."""
    order = found(books, "order", hold["order"])
    match hold["status"]:
        case "VOIDED":
            raise Refused("AUTHORIZATION_VOIDED", "The hold was released.")
        case "CAPTURED" | "PARTIALLY_CAPTURED":
            raise Refused("AUTHORIZATION_ALREADY_CAPTURED", "The hold was captured.")
        case "PENDING" | "DENIED":
            raise Refused("AUTHORIZATION_DENIED", "Nothing is held.")
    amount = hold["amount"] if body.amount is None else _in(order, body.amount.currency_code, body.amount.minor())
    if amount > hold["amount"]:
        raise Refused("MAX_CAPTURE_AMOUNT_EXCEEDED", "More than is held.")
    hold["status"] = "CAPTURED" if amount == hold["amount"] or body.final_capture else "PARTIALLY_CAPTURED"
    save(books, "authorization", hold)
    paper = {
        "id": _new_id(),
        "order": order["id"],
        "authorization": hold["id"],
        "status": "PENDING",
        "amount": amount,
        "key": key,
        "refunded": 0,
        "at": books.now().isoformat(),
    }
    return Done("capture", paper["id"], _settle(books, "capture", paper, order))


def void(books: Books, hold: Paper, key: str) -> Done:
    """Release what is held."""
    if hold["status"] == "VOIDED":
        raise Refused("PREVIOUSLY_VOIDED", "The hold was released before.")
    if hold["status"] != "CREATED":
        raise Refused("PREVIOUSLY_CAPTURED", "The hold was captured.")
    hold["status"] = "VOIDED"
    save(books, "authorization", hold)
    order = found(books, "order", hold["order"])
    move(books, "void", order, hold["amount"], key)
    return Done("authorization", hold["id"], [_event(books, "authorization", hold)])


def refund(books: Books, capture: Paper, body: RefundBody, key: str) -> Done:
    """Give back what was taken."""
    order, left = found(books, "order", capture["order"]), capture["amount"] - capture["refunded"]
    if capture["status"] == "PENDING":
        raise Refused("PENDING_CAPTURE", "The capture is pending.")
    if capture["status"] == "DECLINED":
        raise Refused("REFUND_FAILED_INSUFFICIENT_FUNDS", "Nothing was taken.")
    if left == 0:
        raise Refused("CAPTURE_FULLY_REFUNDED", "Nothing is left.")
    amount = left if body.amount is None else _in(order, body.amount.currency_code, body.amount.minor())
    if amount > left:
        raise Refused("REFUND_AMOUNT_EXCEEDED", "More than is left.")
    capture["refunded"] += amount
    capture["status"] = "REFUNDED" if capture["refunded"] == capture["amount"] else "PARTIALLY_REFUNDED"
    save(books, "capture", capture)
    paper = {
        "id": _new_id(),
        "order": order["id"],
        "capture": capture["id"],
        "custom_id": body.custom_id,
        "status": "COMPLETED",
        "amount": amount,
        "at": books.now().isoformat(),
    }
    save(books, "refund", paper)
    move(books, "refund", order, amount, key)
    return Done("refund", paper["id"], [Event("PAYMENT.CAPTURE.REFUNDED", document_json(books, "refund", paper))])


def _check_payable(books: Books, order: Paper, intent: str, url: Url) -> None:
    if order["intent"] != intent:
        raise Refused("ACTION_DOES_NOT_MATCH_INTENT", "The order was made with the other intent.")
    match order["status"]:
        case "COMPLETED":
            raise Refused("ORDER_ALREADY_CAPTURED" if intent == "CAPTURE" else "ORDER_ALREADY_AUTHORIZED")
        case "VOIDED":
            raise Refused("ORDER_EXPIRED", "The order's time is over.")
        case "APPROVED":
            _check_invoice(books, order["invoice_id"], order["id"])
        case _:
            link = Link("payer-action", approval_url(order, url))
            raise Refused("ORDER_NOT_APPROVED", "The payer has not approved the order.", link=link)


def _check_invoice(books: Books, invoice_id: str | None, order_id: str) -> None:
    paid = books.paper(NAME, "invoice", invoice_id) if invoice_id else None
    if paid is not None and paid["order"] != order_id:
        raise Refused("DUPLICATE_INVOICE_ID", "The invoice was paid before.")


def _settle(books: Books, kind: str, paper: Paper, order: Paper) -> list[Event]:
    paper["status"] = "COMPLETED" if kind == "capture" else "CREATED"
    save(books, kind, paper)
    move(books, "capture" if kind == "capture" else "authorize", order, paper["amount"], paper["key"])
    return [_event(books, kind, paper)]


def _denied(books: Books, kind: str, paper: Paper, status: str) -> list[Event]:
    paper["status"] = status
    save(books, kind, paper)
    return [_event(books, kind, paper)]


def _event(books: Books, kind: str, paper: Paper) -> Event:
    words = {"DECLINED": "DENIED"} if kind == "capture" else {"PENDING": "CREATED", "DENIED": "VOIDED"}
    word = words.get(paper["status"], paper["status"])
    return Event(f"PAYMENT.{kind.upper()}.{word}", document_json(books, kind, paper))


def _in(order: Paper, currency: str, amount: int) -> int:
    if currency != order["currency"]:
        raise Refused("CURRENCY_MISMATCH", "The currency is another one.")
    return amount


def _new_id() -> str:
    return secrets.token_hex(9)[:17].upper()
