"""ZaloPay's orders in the sandbox's books: what each call does to them, and what it is answered.

Everything here runs inside one transaction of the ledger.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from pydantic import ValidationError

from app.laptop.sandbox.books import Books, Movement
from app.laptop.sandbox.zalopay.wire import Create, Query, QueryRefund, Refund, Texts

NAME = "zalopay"
VIETNAM = timezone(timedelta(hours=7))
TOLERANCE = timedelta(minutes=15)

USED_BEFORE, ILLEGAL, NOT_SIGNED, OVER, NOT_FOUND = -68, -401, -402, -54, -101
OPEN, PAID = "open", "paid"
DECISIONS = {"decline": ("declined", -1), "cancel": ("cancelled", -49), "expire": ("expired", OVER)}
"""What the page's buttons amount to, beside `approve`: how the order then stands, and the code a query gives."""

_REASONS = dict(DECISIONS.values())
Document = dict[str, Any]


def refused(code: int) -> Document:
    """A refusal."""
    return _answer(2, code)


def create(books: Books, request: Create, page_url: str) -> Document:
    """Make an order that waits for its customer."""
    now = books.now()
    if abs(now - datetime.fromtimestamp(request.app_time / 1000, UTC)) > TOLERANCE:
        return refused(ILLEGAL)
    if request.app_trans_id[:6] != now.astimezone(VIETNAM).strftime("%y%m%d"):
        return refused(ILLEGAL)
    try:
        texts = Texts.model_validate({"embed_data": request.embed_data, "item": request.item})
    except ValidationError:
        return refused(ILLEGAL)
    if books.paper(NAME, "order", request.app_trans_id) is not None:
        return refused(USED_BEFORE)
    order = {
        **request.model_dump(exclude={"mac", "expire_duration_seconds"}),
        "redirect_url": texts.embed_data.redirecturl,
        "until": (now + timedelta(seconds=request.expire_duration_seconds)).isoformat(),
        "status": OPEN,
        "zp_trans_id": 261_120_000_000_000 + books.count(NAME, "order"),
        "refunded": 0,
    }
    books.file(NAME, "order", request.app_trans_id, order)
    return _answer(1, 1, order_url=page_url, zp_trans_token=f"token-{order['zp_trans_id']}")


def find(books: Books, transaction: str) -> Document | None:
    """An order as it stands now: one whose time is over has expired."""
    order = books.paper(NAME, "order", transaction)
    if order and order["status"] == OPEN and books.now() >= datetime.fromisoformat(order["until"]):
        order["status"] = "expired"
        books.file(NAME, "order", transaction, order)
    return order


def query(books: Books, request: Query) -> Document:
    """How an order stands."""
    order = find(books, request.app_trans_id)
    if order is None:
        return refused(NOT_FOUND)
    if order["status"] == PAID:
        shown = {"amount": order["amount"], "discount_amount": 0, "zp_trans_id": order["zp_trans_id"]}
        return _answer(1, 1, is_processing=False, **shown)
    if order["status"] == OPEN:
        return _answer(3, 3, is_processing=False, amount=0, zp_trans_id=0)
    return refused(_REASONS[order["status"]])


def refund(books: Books, request: Refund) -> Document:
    """Give back what was taken, or a part."""
    if abs(books.now() - datetime.fromtimestamp(request.timestamp / 1000, UTC)) > TOLERANCE:
        return refused(ILLEGAL)
    if books.paper(NAME, "refund", request.m_refund_id) is not None:
        return refused(USED_BEFORE)
    orders = books.papers(NAME, "order", request.zp_trans_id)
    order = next((found for found in orders if found["zp_trans_id"] == request.zp_trans_id), None)
    if order is None or order["status"] != PAID:
        return refused(NOT_FOUND)
    if order["refunded"] + request.amount > order["amount"]:
        return refused(ILLEGAL)
    order["refunded"] += request.amount
    books.file(NAME, "order", order["app_trans_id"], order)
    books.file(NAME, "refund", request.m_refund_id, {"amount": request.amount})
    _move(books, "refund", order, request.m_refund_id, request.amount)
    return _answer(1, 1, refund_id=books.count(NAME, "refund"))


def query_refund(books: Books, request: QueryRefund) -> Document:
    """How a refund stands."""
    known = books.paper(NAME, "refund", request.m_refund_id) is not None
    return _answer(1, 1) if known else refused(NOT_FOUND)


def decide(books: Books, transaction: str, decision: str) -> tuple[Document, bool] | None:
    """Take in what the customer pressed, and whether it changed anything; None when there is no such order."""
    order = find(books, transaction)
    if order is None or order["status"] != OPEN:
        return None if order is None else (order, False)
    if decision == "approve":
        order["status"] = PAID
        _move(books, "capture", order, transaction, order["amount"])
    else:
        order["status"] = DECISIONS[decision][0]
    books.file(NAME, "order", transaction, order)
    return order, True


def status_code(order: Document) -> int:
    """How an order stands, as the browser is told."""
    return 1 if order["status"] == PAID else _REASONS.get(order["status"], 3)


def _answer(code: int, sub: int, **more: object) -> Document:
    message = {1: "Success", 3: "Not paid yet"}.get(code, "Refused")
    known = {"return_code": code, "return_message": message, "sub_return_code": sub}
    return {**known, "sub_return_message": f"{message} ({sub})", **more}


def _move(books: Books, operation: str, order: Document, key: str, amount: int) -> None:
    # Its caller's payment is named by what follows the day.
    reference = "pay_" + order["app_trans_id"].partition("_")[2]
    at = books.now().isoformat()
    books.record(Movement(operation, str(order["zp_trans_id"]), reference, amount, "VND", key, at, NAME))
