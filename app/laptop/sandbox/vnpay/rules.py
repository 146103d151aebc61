"""What may happen to payments and refunds. Every function here runs inside one transaction of the ledger."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from app.laptop.sandbox.books import Books, Movement

NAME = "vnpay"
TMN_CODE = "SANDBOX1"
WAITING = "01"
OUTCOMES = {
    "approve": ("00", "00"),
    "decline": ("51", "02"),
    "cancel": ("24", "02"),
    "expire": ("11", "02"),
    "suspect": ("07", "07"),
}
"""From what the customer presses to response code and transaction status."""

_THOUSAND = 1000 * 100
_VIETNAM = timezone(timedelta(hours=7))
_REQUIRED = (
    *("Version", "Command", "TmnCode", "Amount", "CurrCode", "CreateDate", "ExpireDate", "IpAddr", "Locale"),
    *("OrderInfo", "OrderType", "ReturnUrl", "TxnRef"),
)

Paper = dict[str, Any]


class Refused(Exception):
    """The page, or the call, is refused with this code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def stamp(at: datetime) -> str:
    """A time in Vietnam."""
    return at.astimezone(_VIETNAM).strftime("%Y%m%d%H%M%S")


def opened(books: Books, sent: Mapping[str, str]) -> Paper:
    """The payment that the customer's address is about, begun now if need be; raises `Refused`."""
    _check(sent)
    known = books.paper(NAME, "payment", sent["vnp_TxnRef"])
    if known is not None:
        if known["sent"] != dict(sent):
            raise Refused("94", "This vnp_TxnRef was used for another payment today.")
        return known
    if stamp(books.now()) > sent["vnp_ExpireDate"]:
        raise Refused("15", "The time to pay is over.")
    payment: Paper = {
        "id": sent["vnp_TxnRef"],
        "sent": dict(sent),
        "amount": int(sent["vnp_Amount"]),
        "code": "",
        "status": WAITING,
        "number": "0",
        "paid_at": "",
        "refunded": 0,
        "refund": None,
    }
    books.file(NAME, "payment", payment["id"], payment)
    return payment


def _check(sent: Mapping[str, str]) -> None:
    missing = next((name for name in _REQUIRED if not sent.get(f"vnp_{name}")), None)
    if missing:
        raise Refused("03", f"vnp_{missing} is missing.")
    if sent["vnp_TmnCode"] != TMN_CODE:
        raise Refused("02", "No such merchant.")
    patterns = {
        "Version": r"2\.1\.0",
        "Command": "pay",
        "Amount": r"[1-9][0-9]{2,11}",
        "CurrCode": "VND",
        "CreateDate": "[0-9]{14}",
        "ExpireDate": "[0-9]{14}",
        "IpAddr": "[0-9A-Fa-f.:]{7,45}",
        "Locale": "vn|en",
        "OrderInfo": "[A-Za-z0-9 .:_-]{1,255}",
        "ReturnUrl": "https?://.{3,247}",
        "TxnRef": ".{1,100}",
    }
    for name, pattern in patterns.items():
        if not re.fullmatch(pattern, sent[f"vnp_{name}"]):
            raise Refused("03", f"vnp_{name} is not as it should be.")
    if int(sent["vnp_Amount"]) % 100:
        raise Refused("03", "vnp_Amount is not a whole number of đồng.")


def decide(books: Books, payment: Paper, decision: str) -> bool:
    """Take in what the customer pressed; whether that changed anything. What is decided stays so."""
    if payment["status"] != WAITING:
        return False
    if stamp(books.now()) > payment["sent"]["vnp_ExpireDate"]:
        decision = "expire"
    code, status = OUTCOMES[decision]
    payment |= {"code": code, "status": status, "number": _number(books), "paid_at": stamp(books.now())}
    books.file(NAME, "payment", payment["id"], payment)
    if status == "00":
        _move(books, "capture", payment, payment["amount"], payment["number"])
    return True


def outcome(payment: Paper) -> dict[str, str]:
    """What a notice and the way back to the shop tell of it."""
    return {
        "vnp_TmnCode": TMN_CODE,
        "vnp_Amount": str(payment["amount"]),
        "vnp_BankCode": "NCB",
        "vnp_BankTranNo": f"VNP{payment['number']}",
        "vnp_CardType": "ATM",
        "vnp_PayDate": payment["paid_at"],
        "vnp_OrderInfo": payment["sent"]["vnp_OrderInfo"],
        "vnp_TransactionNo": payment["number"],
        "vnp_ResponseCode": payment["code"],
        "vnp_TransactionStatus": payment["status"],
        "vnp_TxnRef": payment["id"],
    }


def once_a_day(books: Books, request_id: str) -> None:
    """Raises `Refused` when the request was made today."""
    paper_id = f"{stamp(books.now())[:8]} {request_id}"
    if books.paper(NAME, "request", paper_id) is not None:
        raise Refused("94", "Duplicate request")
    books.file(NAME, "request", paper_id, {})


def found(books: Books, sent: Mapping[str, str]) -> Paper:
    """The payment that a query or a refund is about; raises `Refused`."""
    payment = books.paper(NAME, "payment", sent["vnp_TxnRef"])
    if payment is None or payment["sent"]["vnp_CreateDate"] != sent["vnp_TransactionDate"]:
        raise Refused("91", "Transaction not found")
    return payment


def state(books: Books, payment: Paper) -> dict[str, str]:
    """How the payment stands, or its last refund; which is with the bank by the time somebody asks."""
    refund = payment["refund"]
    if refund is not None:
        if refund["vnp_TransactionStatus"] == "05":
            refund["vnp_TransactionStatus"] = "06"
            books.file(NAME, "payment", payment["id"], payment)
        return dict(refund)
    return {
        "vnp_Amount": str(payment["amount"]),
        "vnp_BankCode": "NCB" if payment["status"] != WAITING else "",
        "vnp_PayDate": payment["paid_at"],
        "vnp_TransactionNo": payment["number"],
        "vnp_TransactionType": "01",
        "vnp_TransactionStatus": payment["status"],
        "vnp_OrderInfo": payment["sent"]["vnp_OrderInfo"],
    }


def refund(books: Books, payment: Paper, sent: Mapping[str, str]) -> dict[str, str]:
    """Give money back: all of it (02) or a part (03); raises `Refused`.

    Whole thousands are with the bank at once (06), any other amount is still on its way there (05).
    """
    amount, whole = int(sent["vnp_Amount"]), sent["vnp_TransactionType"] == "02"
    if payment["status"] != "00" or sent["vnp_TransactionNo"] not in {payment["number"], "0"}:
        raise Refused("95", "The payment was not successful")
    left = payment["amount"] - payment["refunded"]
    if amount > left or (whole and amount != payment["amount"]):
        raise Refused("03", "More than there is to give back")
    number = _number(books)
    payment["refunded"] += amount
    payment["refund"] = {
        "vnp_Amount": str(amount),
        "vnp_BankCode": "NCB",
        "vnp_PayDate": stamp(books.now()),
        "vnp_TransactionNo": number,
        "vnp_TransactionType": sent["vnp_TransactionType"],
        "vnp_TransactionStatus": "05" if amount % _THOUSAND else "06",
        "vnp_OrderInfo": sent["vnp_OrderInfo"],
    }
    books.file(NAME, "payment", payment["id"], payment)
    _move(books, "refund", payment, amount, number)
    return dict(payment["refund"])


def _move(books: Books, operation: str, payment: Paper, hundredths: int, key: str) -> None:
    at, number = books.now().isoformat(), payment["number"]
    books.record(Movement(operation, number, payment["id"], hundredths // 100, "VND", key, at, NAME))


def _number(books: Books) -> str:
    last = books.paper(NAME, "counter", "transactions") or {"last": 14_000_000}
    number = last["last"] + 1
    books.file(NAME, "counter", "transactions", {"last": number})
    return str(number)
