"""payOS's payment links. The error codes besides 00 are not published as a list; these are the simulator's own."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.laptop.sandbox.bench import Bench
from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.vietqr.account import BANK, NAME, PAYOS_API_KEY, PAYOS_CLIENT_ID
from app.laptop.sandbox.vietqr.feeds import payos_notice, payos_signature, payos_transaction
from app.laptop.sandbox.vietqr.payload import written
from app.laptop.sandbox.vietqr.transfers import Transfer, transfers

_LINK = "link"
_SIGNED = ("amount", "cancelUrl", "description", "orderCode", "returnUrl")
_LARGEST_ORDER = 2**53 - 1
_LONGEST_DESCRIPTION = 25

_Handler = Callable[[Request], Awaitable[Response]]


class _Refused(Exception):
    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


@dataclass(frozen=True, slots=True)
class PayosLinks:
    """The merchant API of payOS."""

    bench: Bench

    async def create(self, request: Request) -> Response:
        """`POST /v2/payment-requests`."""
        body = await _json(request)

        def work(books: Books) -> dict[str, Any]:
            link = _new(body, books)
            books.file(NAME, _LINK, str(link["order"]), link)
            return _made(link)

        return _answer(await self.bench.ledger.transact(work))

    async def show(self, request: Request) -> Response:
        """`GET /v2/payment-requests/{id}`."""
        wanted = request.path_params["link"]
        return _answer(await self.bench.ledger.transact(lambda books: _shown(_existing(books, wanted), books)))

    async def cancel(self, request: Request) -> Response:
        """`POST /v2/payment-requests/{id}/cancel`."""
        body, wanted = await _json(request), request.path_params["link"]

        def work(books: Books) -> dict[str, Any]:
            link = _existing(books, wanted)
            if _status(link, books) not in {"PENDING", "UNDERPAID"}:
                raise _Refused("233", "The link can be cancelled no more.")
            link |= {"cancelled": books.now().isoformat(), "reason": body.get("cancellationReason")}
            books.file(NAME, _LINK, str(link["order"]), link)
            return _shown(link, books)

        return _answer(await self.bench.ledger.transact(work))

    async def confirm_webhook(self, request: Request) -> Response:
        """`POST /confirm-webhook`: an example is sent there; what it is answered is not waited for here."""
        url = (await _json(request)).get("webhookUrl")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise _Refused("20", "webhookUrl: give an address")
        example = Transfer(0, "TF230204212323", 3000, "VQRIO123", "2023-02-04T18:25:00+07:00", account="12345678")
        data = {
            **payos_transaction(example),
            "orderCode": 123,
            "description": example.text,
            "transactionDateTime": example.time,
            "currency": "VND",
            "paymentLinkId": "124c33293c43417ab7879e14c8d9eb18",
            "code": "00",
            "desc": "Thành công",
        }
        self.bench.outbox.post(payos_notice(url, data))
        return _answer({"webhookUrl": url})


def guarded(handler: _Handler) -> _Handler:
    """A handler for those who know the merchant's keys; what is refused is answered in payOS's form."""

    async def handle(request: Request) -> Response:
        headers = request.headers
        if (headers.get("x-client-id"), headers.get("x-api-key")) != (PAYOS_CLIENT_ID, PAYOS_API_KEY):
            return JSONResponse({"code": "401", "desc": "The keys are wrong."}, 401)
        try:
            return await handler(request)
        except _Refused as refused:
            return JSONResponse({"code": refused.code, "desc": refused.why, "data": None, "signature": None})

    return handle


def link_of(books: Books, virtual_account: str) -> dict[str, Any] | None:
    """The link that is paid at a virtual account and still takes money."""
    for link in books.papers(NAME, _LINK, virtual_account):
        if link["virtual_account"] == virtual_account:
            return link if _status(link, books) not in {"CANCELLED", "EXPIRED"} else None
    return None


def _new(body: dict[str, Any], books: Books) -> dict[str, Any]:
    amount, order, description = body.get("amount"), body.get("orderCode"), body.get("description")
    if not (type(amount) is int and amount > 0 and type(order) is int and 0 < order <= _LARGEST_ORDER):
        raise _Refused("20", "amount and orderCode are positive integers")
    if not (isinstance(description, str) and 0 < len(description) <= _LONGEST_DESCRIPTION):
        raise _Refused("20", "description: 1 to 25 characters")
    if body.get("signature") != payos_signature({name: body.get(name) for name in _SIGNED}):
        raise _Refused("201", "The signature is wrong.")
    expires = body.get("expiredAt")
    if expires is not None and not (type(expires) is int and expires > books.now().timestamp()):
        raise _Refused("20", "expiredAt: a time to come, in seconds")
    if books.paper(NAME, _LINK, str(order)):
        raise _Refused("231", "The order has a link already.")
    return {
        "order": order,
        "id": f"link-{order}",
        "amount": amount,
        "description": description,
        "virtual_account": f"V3CAS{order % 10**12:012d}",
        "expires": expires,
        "created": books.now().isoformat(),
        "cancelled": None,
        "reason": None,
    }


def _existing(books: Books, wanted: str) -> dict[str, Any]:
    link = books.paper(NAME, _LINK, wanted.removeprefix("link-"))
    if link is None:
        raise _Refused("101", "There is no such link.")
    return link


def _paid(link: dict[str, Any], books: Books) -> list[Transfer]:
    return [each for each in transfers(books) if each.order == link["order"]]


def _status(link: dict[str, Any], books: Books) -> str:
    paid = sum(each.amount for each in _paid(link, books))
    if paid >= link["amount"]:
        return "PAID"
    if link["cancelled"]:
        return "CANCELLED"
    if link["expires"] and books.now() >= datetime.fromtimestamp(link["expires"], books.now().tzinfo):
        return "EXPIRED"
    return "UNDERPAID" if paid else "PENDING"


def _made(link: dict[str, Any]) -> dict[str, Any]:
    payload = written(BANK, link["virtual_account"], link["amount"], link["description"])
    return {
        "bin": BANK,
        "accountNumber": link["virtual_account"],
        "accountName": "CUA HANG MAU",
        "amount": link["amount"],
        "description": link["description"],
        "orderCode": link["order"],
        "currency": "VND",
        "paymentLinkId": link["id"],
        "status": "PENDING",
        "expiredAt": link["expires"],
        "checkoutUrl": f"https://pay.payos.vn/web/{link['id']}",
        "qrCode": payload,
    }


def _shown(link: dict[str, Any], books: Books) -> dict[str, Any]:
    paid = _paid(link, books)
    amount_paid = sum(each.amount for each in paid)
    return {
        "id": link["id"],
        "orderCode": link["order"],
        "amount": link["amount"],
        "amountPaid": amount_paid,
        "amountRemaining": max(0, link["amount"] - amount_paid),
        "status": _status(link, books),
        "createdAt": link["created"],
        "transactions": [payos_transaction(each) for each in paid],
        "canceledAt": link["cancelled"],
        "cancellationReason": link["reason"],
    }


def _answer(data: dict[str, Any]) -> Response:
    return JSONResponse({"code": "00", "desc": "success", "data": data, "signature": payos_signature(data)})


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await read_limited(request) or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise _Refused("20", "The body is no JSON object.")
    return body
