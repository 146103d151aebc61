"""MoMo's orders in the sandbox's books: what each call does to them, and what it is answered.

Everything here runs inside one transaction of the ledger. Orders and refunds share their ids, as requests share theirs.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from app.laptop.sandbox.books import Books, Movement
from app.laptop.sandbox.momo.wire import PARTNER_CODE, Confirm, Create, Refund, Signed

NAME = "momo"
LEAST, GREATEST = 1_000, 50_000_000
LIFE = timedelta(minutes=100)

SUCCESS, HELD, WAITING = 0, 9000, 1000
BAD_REQUEST, BAD_AMOUNT, OUT_OF_RANGE, REQUEST_USED, ORDER_USED, NOT_FOUND = 20, 21, 22, 40, 41, 42
NOT_APPLICABLE, NOT_REFUNDABLE, RELEASED, EXPIRED = 47, 1088, 1017, 1005
DECISIONS = {"decline": 1002, "cancel": 1006, "expire": EXPIRED}
"""What the page's buttons amount to, beside `approve`."""

_MESSAGES = {SUCCESS: "Successful.", HELD: "Authorized.", WAITING: "Waiting for the customer.", EXPIRED: "Expired."}
Document = dict[str, Any]


def answer(request: Signed, code: int, **more: object) -> Document:
    """An answer of MoMo's, without its time."""
    known = {"partnerCode": PARTNER_CODE, "requestId": request.requestId, "orderId": request.orderId}
    return {**known, "resultCode": code, "message": message(code), **more}


def message(code: int) -> str:
    """What MoMo says of a code."""
    return _MESSAGES.get(code, f"Refused ({code}).")


def once(books: Books, call: str, request: Signed, effect: Callable[[], Document]) -> Document:
    """The answer a request id got first, for the same request; for another one it is used up."""
    whole = f"{call} {request.model_dump_json()}"
    digest = hashlib.sha256(whole.encode()).hexdigest()
    known = books.paper(NAME, "request", request.requestId)
    if known is not None:
        first: Document = known["answer"]
        return first if known["digest"] == digest else answer(request, REQUEST_USED)
    given = effect()
    books.file(NAME, "request", request.requestId, {"digest": digest, "answer": given})
    return given


def create(books: Books, request: Create, page_url: str) -> Document:
    """Make an order that waits for its customer."""
    if not LEAST <= request.amount <= GREATEST:
        return answer(request, OUT_OF_RANGE)
    if _taken(books, request.orderId):
        return answer(request, ORDER_USED)
    order = {
        "orderId": request.orderId,
        "requestId": request.requestId,
        "amount": request.amount,
        "orderInfo": request.orderInfo,
        "redirectUrl": request.redirectUrl,
        "ipnUrl": request.ipnUrl,
        "extraData": request.extraData,
        "autoCapture": request.autoCapture,
        "transId": 4_000_000_000 + books.count(NAME, "order"),
        "resultCode": WAITING,
        "until": (books.now() + LIFE).isoformat(),
        "refunded": 0,
    }
    books.file(NAME, "order", request.orderId, order)
    return answer(request, SUCCESS, amount=request.amount, payUrl=page_url)


def find(books: Books, order_id: str) -> Document | None:
    """An order as it stands now: one whose time is over has expired."""
    order = books.paper(NAME, "order", order_id)
    if order and order["resultCode"] == WAITING and books.now() >= datetime.fromisoformat(order["until"]):
        order["resultCode"] = EXPIRED
        books.file(NAME, "order", order_id, order)
    return order


def query(books: Books, request: Signed) -> Document:
    """How an order stands."""
    order = find(books, request.orderId)
    if order is None:
        return answer(request, NOT_FOUND)
    done = order["resultCode"] in {SUCCESS, HELD, RELEASED}
    shown = {"amount": order["amount"], "transId": order["transId"] if done else 0, "payType": "web", "refundTrans": []}
    return answer(request, order["resultCode"], **shown)


def confirm(books: Books, request: Confirm) -> Document:
    """Take what is held, or release it."""
    order = find(books, request.orderId)
    if order is None:
        return answer(request, NOT_FOUND)
    if order["resultCode"] != HELD:
        return answer(request, NOT_APPLICABLE)
    if request.amount != order["amount"]:
        return answer(request, BAD_AMOUNT)
    capture = request.requestType == "capture"
    order["resultCode"] = SUCCESS if capture else RELEASED
    books.file(NAME, "order", request.orderId, order)
    _move(books, "capture" if capture else "void", order, request.requestId)
    return answer(request, SUCCESS, amount=order["amount"], transId=order["transId"], requestType=request.requestType)


def refund(books: Books, request: Refund) -> Document:
    """Give back what was taken, or a part."""
    if request.amount < LEAST:
        return answer(request, OUT_OF_RANGE)
    if _taken(books, request.orderId):
        return answer(request, ORDER_USED)
    orders = books.papers(NAME, "order", request.transId)
    order = next((found for found in orders if found["transId"] == request.transId), None)
    if order is None:
        return answer(request, NOT_FOUND)
    if order["resultCode"] != SUCCESS or order["refunded"] + request.amount > order["amount"]:
        return answer(request, NOT_REFUNDABLE)
    order["refunded"] += request.amount
    books.file(NAME, "order", order["orderId"], order)
    transaction = 5_000_000_000 + books.count(NAME, "refund")
    books.file(NAME, "refund", request.orderId, {"amount": request.amount, "transId": transaction})
    _move(books, "refund", order, request.requestId, request.amount)
    return answer(request, SUCCESS, amount=request.amount, transId=transaction)


def query_refund(books: Books, request: Signed) -> Document:
    """How a refund stands."""
    found = books.paper(NAME, "refund", request.orderId)
    return answer(request, NOT_FOUND) if found is None else answer(request, SUCCESS, **found)


def decide(books: Books, order_id: str, decision: str) -> tuple[Document, bool] | None:
    """Take in what the customer pressed, and whether it changed anything; None when there is no such order."""
    order = find(books, order_id)
    if order is None or order["resultCode"] != WAITING:
        return None if order is None else (order, False)
    if decision == "approve":
        order["resultCode"] = SUCCESS if order["autoCapture"] else HELD
        _move(books, "capture" if order["autoCapture"] else "authorize", order, order["requestId"])
    else:
        order["resultCode"] = DECISIONS[decision]
    books.file(NAME, "order", order_id, order)
    return order, True


def _taken(books: Books, order_id: str) -> bool:
    return any(books.paper(NAME, kind, order_id) is not None for kind in ("order", "refund"))


def _move(books: Books, operation: str, order: Document, key: str, amount: int | None = None) -> None:
    moved = order["amount"] if amount is None else amount
    at = books.now().isoformat()
    books.record(Movement(operation, str(order["transId"]), order["orderId"], moved, "VND", key, at, NAME))
