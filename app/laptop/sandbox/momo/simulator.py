"""MoMo's addresses: the API, the page its customers decide on, and the IPN it sends once."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlencode

import httpx
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.laptop.sandbox.bench import Bench, Simulator
from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.momo import orders
from app.laptop.sandbox.momo.wire import (
    ACCESS_KEY,
    NOTICE_KEYS,
    PARTNER_CODE,
    SECRET_KEY,
    Confirm,
    Create,
    Refund,
    Signed,
    is_signed,
    signature,
)
from app.laptop.sandbox.outbox import OutgoingNotice
from app.laptop.sandbox.pages import decision_form, page

_API = "/momo/v2/gateway/api"
_BUTTONS = {"approve": "Pay", "decline": "Have it declined", "cancel": "Cancel", "expire": "Let it expire"}
_ACCESS_DENIED, _BAD_SIGNATURE = 11, 13
_Body = TypeVar("_Body", bound=Signed)


def make(bench: Bench) -> Simulator:
    """MoMo on a bench."""
    momo = _Momo(bench)
    calls = {
        "create": ("create", momo.create),
        "query": ("query", momo.query),
        "confirm": ("confirm", momo.confirm),
        "refund": ("refund", momo.refund),
        "refund_query": ("refund/query", momo.query_refund),
    }
    routes = [
        Route(f"{_API}/{path}", bench.faults.at(orders.NAME, call, handler), methods=["POST"])
        for call, (path, handler) in calls.items()
    ]
    show = Route("/momo/pay/{order}", momo.show, methods=["GET"])
    return Simulator(orders.NAME, [*routes, show, Route("/momo/pay/{order}", momo.decide, methods=["POST"])])


def environment(sandbox_url: str) -> dict[str, str]:
    """The variables that point a paygate at this MoMo."""
    return {
        "PAYGATE_MOMO_URL": f"{sandbox_url}/momo",
        "PAYGATE_MOMO_PARTNER_CODE": PARTNER_CODE,
        "PAYGATE_MOMO_ACCESS_KEY": ACCESS_KEY,
        "PAYGATE_MOMO_SECRET_KEY": SECRET_KEY,
        # An order can be seen as soon as it is made; this leaves a request time to arrive.
        "PAYGATE_MOMO_VISIBILITY_SECONDS": "2",
    }


@dataclass(frozen=True, slots=True)
class _Momo:
    bench: Bench

    async def create(self, request: Request) -> Response:
        def work(books: Books, body: Create) -> orders.Document:
            address = f"{self.bench.public_url}/momo/pay/{quote(body.orderId)}"
            return orders.once(books, "create", body, lambda: orders.create(books, body, address))

        return await self._answered(request, Create, work)

    async def query(self, request: Request) -> Response:
        return await self._answered(
            request,
            Signed,
            lambda books, body: orders.once(books, "query", body, lambda: orders.query(books, body)),
        )

    async def confirm(self, request: Request) -> Response:
        return await self._answered(
            request,
            Confirm,
            lambda books, body: orders.once(books, "confirm", body, lambda: orders.confirm(books, body)),
        )

    async def refund(self, request: Request) -> Response:
        return await self._answered(
            request,
            Refund,
            lambda books, body: orders.once(books, "refund", body, lambda: orders.refund(books, body)),
        )

    async def query_refund(self, request: Request) -> Response:
        return await self._answered(
            request,
            Signed,
            lambda books, body: orders.once(books, "refund/query", body, lambda: orders.query_refund(books, body)),
        )

    async def show(self, request: Request) -> Response:
        """The page: what is to be paid, or what became of it."""
        order = await self.bench.ledger.transact(lambda books: orders.find(books, request.path_params["order"]))
        if order is None:
            return page("MoMo sandbox", "<p>There is no such order.</p>", 404)
        if order["resultCode"] != orders.WAITING:
            return page("MoMo sandbox", f"<p>This payment is over (code {order['resultCode']}).</p>")
        summary = f"{order['orderInfo']}: {order['amount']} VND for {order['orderId']}"
        return page("MoMo sandbox", decision_form(summary, _BUTTONS))

    async def decide(self, request: Request) -> Response:
        """Take in what was pressed, tell the merchant, send the browser back with MoMo's parameters."""
        pressed = parse_qs((await read_limited(request)).decode("ascii", "replace")).get("decision", [])
        if len(pressed) != 1 or pressed[0] not in _BUTTONS:
            return page("MoMo sandbox", "<p>Nothing was decided.</p>", 400)
        order_id, decision = request.path_params["order"], pressed[0]
        decided = await self.bench.ledger.transact(lambda books: orders.decide(books, order_id, decision))
        if decided is None:
            return page("MoMo sandbox", "<p>There is no such order.</p>", 404)
        order, changed = decided
        told = self._told(order)
        # What runs out does so without a word.
        if changed and decision != "expire":
            self.bench.outbox.post(_ipn(order["ipnUrl"], told))
        joint = "&" if "?" in order["redirectUrl"] else "?"
        return RedirectResponse(f"{order['redirectUrl']}{joint}{urlencode(told)}", 303)

    async def _answered(
        self, request: Request, kind: type[_Body], work: Callable[[Books, _Body], orders.Document]
    ) -> Response:
        try:
            body = kind.model_validate_json(await read_limited(request))
        except ValidationError:
            return self._json({"resultCode": orders.BAD_REQUEST, "message": orders.message(orders.BAD_REQUEST)})
        if body.partnerCode != PARTNER_CODE:
            return self._json(orders.answer(body, _ACCESS_DENIED))
        if not is_signed(body):
            return self._json(orders.answer(body, _BAD_SIGNATURE))
        return self._json(await self.bench.ledger.transact(lambda books: work(books, body)))

    def _json(self, answer: orders.Document) -> Response:
        return JSONResponse({**answer, "responseTime": self._milliseconds()})

    def _milliseconds(self) -> int:
        return int(self.bench.clock().timestamp() * 1000)

    def _told(self, order: orders.Document) -> dict[str, Any]:
        """What the IPN and the browser carry, signed."""
        done = order["resultCode"] in {orders.SUCCESS, orders.HELD}
        values = {
            "partnerCode": PARTNER_CODE,
            "orderId": order["orderId"],
            "requestId": order["requestId"],
            "amount": order["amount"],
            "orderInfo": order["orderInfo"],
            "orderType": "momo_wallet",
            "transId": order["transId"] if done else 0,
            "resultCode": order["resultCode"],
            "message": orders.message(order["resultCode"]),
            "payType": "web",
            "responseTime": self._milliseconds(),
            "extraData": order["extraData"],
        }
        return {**values, "signature": signature(values, NOTICE_KEYS)}


def _ipn(url: str, told: dict[str, Any]) -> OutgoingNotice:
    headers = {"Content-Type": "application/json; charset=UTF-8"}
    return OutgoingNotice(orders.NAME, url, json.dumps(told).encode(), headers=headers, accepted=_no_content)


def _no_content(answer: httpx.Response) -> bool:
    return answer.status_code == 204
