"""PayPal's Transaction Search: what moved in the account, at most 31 days at once, page by page."""

from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue
from starlette.requests import Request

from app.laptop.sandbox.books import Books
from app.laptop.sandbox.paypal.bodies import written
from app.laptop.sandbox.paypal.documents import NAME
from app.laptop.sandbox.paypal.refusals import invalid

_LONGEST = timedelta(days=31)
_MOST_PER_PAGE = 500


def transactions(books: Books, request: Request) -> dict[str, JsonValue]:
    """`GET /v1/reporting/transactions`; raises `Refused`."""
    asked = request.query_params
    begin, end = _time(asked.get("start_date"), "start_date"), _time(asked.get("end_date"), "end_date")
    if not timedelta() <= end - begin <= _LONGEST:
        raise invalid("end_date", "INVALID_REQUEST")
    size, page = _number(asked.get("page_size", "100"), _MOST_PER_PAGE), _number(asked.get("page", "1"), 2**31)
    # Both ends are included, to the second.
    found = [line for line in _lines(books) if begin <= _time(str(line["transaction_initiation_date"]), "") <= end]
    shown: list[JsonValue] = [{"transaction_info": line} for line in found[(page - 1) * size : page * size]]
    return {
        "transaction_details": shown,
        "start_date": begin.isoformat(),
        "end_date": end.isoformat(),
        "last_refreshed_datetime": _written(books.now().isoformat()),
        "page": page,
        "total_items": len(found),
        "total_pages": max(1, -(-len(found) // size)),
    }


def _lines(books: Books) -> list[dict[str, Any]]:
    return sorted(
        [_line(books, kind, paper) for kind in ("capture", "refund") for paper in books.papers(NAME, kind)],
        key=lambda line: line["transaction_initiation_date"],
    )


def _line(books: Books, kind: str, paper: dict[str, Any]) -> dict[str, Any]:
    order = books.paper(NAME, "order", paper["order"]) or {}
    amount = written(paper["amount"], order["currency"])
    back, at = kind == "refund", _written(paper.get("at", order["created_at"]))
    statuses = {"PENDING": "P", "DECLINED": "D", "REFUNDED": "V"}
    return {
        "transaction_id": paper["id"],
        **({"paypal_reference_id": paper["capture"], "paypal_reference_id_type": "TXN"} if back else {}),
        "transaction_event_code": "T1107" if back else "T0006",
        "transaction_initiation_date": at,
        "transaction_updated_date": at,
        "transaction_amount": amount | ({"value": f"-{amount['value']}"} if back else {}),
        "transaction_status": statuses.get(paper["status"], "S"),
        "custom_field": paper["custom_id"] if back else order["custom_id"],
        "invoice_id": order["invoice_id"],
    }


def _written(at: str) -> str:
    return f"{datetime.fromisoformat(at):%Y-%m-%dT%H:%M:%S+0000}"


def _time(text: str | None, field: str) -> datetime:
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        raise invalid(field) from None
    if at.tzinfo is None:
        raise invalid(field)
    return at


def _number(text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise invalid("page")
    return int(text)
