"""SePay's API, version 2: the list of transactions."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.vietqr.account import SEPAY_TOKEN
from app.laptop.sandbox.vietqr.transfers import Transfer, transfers_with

_MOST_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class SepayApi:
    """What SePay can be asked."""

    bench: Bench

    async def transactions(self, request: Request) -> Response:
        """`GET /v2/transactions`, newest first unless `transaction_date_sort` is `asc`.

        `transaction_content`, `transfer_type` and times, in Vietnam's and both included, choose among them.
        """
        if request.headers.get("authorization") != f"Bearer {SEPAY_TOKEN}":
            return JSONResponse({"status": "error", "error_code": "unauthorized"}, 401)
        asked = request.query_params
        per_page, page = asked.get("per_page", "20"), asked.get("page", "1")
        if not (per_page.isdigit() and page.isdigit() and 1 <= int(per_page) <= _MOST_PER_PAGE and int(page) >= 1):
            return JSONResponse({"status": "error", "error_code": "validation_failed"}, 422)

        def work(books: Books) -> list[Transfer]:
            part = asked.get("transaction_content", "")
            if asked.get("transfer_type", "in") != "in":
                return []
            begin, end = asked.get("transaction_date_from", ""), asked.get("transaction_date_to", "9999")
            chosen = [each for each in transfers_with(books, part) if begin <= each.time <= end]
            return chosen if asked.get("transaction_date_sort") == "asc" else chosen[::-1]

        found = await self.bench.ledger.transact(work)
        begin = (int(page) - 1) * int(per_page)
        shown = found[begin : begin + int(per_page)]
        more = begin + len(shown) < len(found)
        pagination = {"total": len(found), "per_page": int(per_page), "current_page": int(page), "has_more": more}
        data = [_line(each) for each in shown]
        return JSONResponse({"status": "success", "data": data, "meta": {"pagination": pagination}})


def _line(transfer: Transfer) -> dict[str, Any]:
    return {
        "id": f"00000000-0000-4000-8000-{transfer.number:012d}",
        "transaction_date": transfer.time,
        "account_number": transfer.account,
        "va": transfer.virtual_account or "",
        "transfer_type": "in",
        "amount_in": transfer.amount,
        "amount_out": 0,
        "accumulated": 19_077_000,
        "transaction_content": transfer.statement_text,
        "reference_number": transfer.reference,
        "code": None,
        "bank_brand_name": "Vietcombank",
        "webhook_success": 1,
    }
