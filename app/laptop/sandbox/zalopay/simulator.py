"""ZaloPay's addresses: the API, the page its customers decide on, and the callback it repeats."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import parse_qs, quote, urlencode

import httpx
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.laptop.sandbox.bench import Bench, Simulator
from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.outbox import OutgoingNotice
from app.laptop.sandbox.pages import decision_form, page
from app.laptop.sandbox.zalopay import orders
from app.laptop.sandbox.zalopay.wire import (
    APP_ID,
    KEY1,
    KEY2,
    Create,
    Query,
    QueryRefund,
    Refund,
    Signed,
    is_signed,
    mac,
)

_API = "/zalopay/v2"
_TITLE = "ZaloPay sandbox"
_BUTTONS = {"approve": "Pay", "decline": "Have it declined", "cancel": "Cancel", "expire": "Let it expire"}
_PAUSES = (0.25, 0.5, 1.0)
"""Seconds before each of the three further tries of a callback; ZaloPay itself takes longer."""
_Body = TypeVar("_Body", bound=Signed)


def make(bench: Bench) -> Simulator:
    """ZaloPay on a bench."""
    zalopay = _ZaloPay(bench)
    calls = {
        "create": zalopay.create,
        "query": zalopay.query,
        "refund": zalopay.refund,
        "query_refund": zalopay.query_refund,
    }
    routes = [
        Route(f"{_API}/{call}", bench.faults.at(orders.NAME, call, handler), methods=["POST"])
        for call, handler in calls.items()
    ]
    show = Route("/zalopay/pay/{order}", zalopay.show, methods=["GET"])
    return Simulator(orders.NAME, [*routes, show, Route("/zalopay/pay/{order}", zalopay.decide, methods=["POST"])])


def environment(sandbox_url: str) -> dict[str, str]:
    """The variables that point a paygate at this ZaloPay."""
    return {
        "PAYGATE_ZALOPAY_URL": f"{sandbox_url}{_API}",
        "PAYGATE_ZALOPAY_APP_ID": str(APP_ID),
        "PAYGATE_ZALOPAY_KEY1": KEY1,
        "PAYGATE_ZALOPAY_KEY2": KEY2,
        # An order can be seen as soon as it is made; this leaves a request time to arrive.
        "PAYGATE_ZALOPAY_VISIBILITY_SECONDS": "2",
    }


@dataclass(frozen=True, slots=True)
class _ZaloPay:
    bench: Bench

    async def create(self, request: Request) -> Response:
        def work(books: Books, body: Create) -> orders.Document:
            return orders.create(books, body, f"{self.bench.public_url}/zalopay/pay/{quote(body.app_trans_id)}")

        return await self._answered(request, Create, work)

    async def query(self, request: Request) -> Response:
        return await self._answered(request, Query, orders.query)

    async def refund(self, request: Request) -> Response:
        return await self._answered(request, Refund, orders.refund)

    async def query_refund(self, request: Request) -> Response:
        return await self._answered(request, QueryRefund, orders.query_refund)

    async def show(self, request: Request) -> Response:
        """The page: what is to be paid, or what became of it."""
        order = await self.bench.ledger.transact(lambda books: orders.find(books, request.path_params["order"]))
        if order is None:
            return page(_TITLE, "<p>There is no such order.</p>", 404)
        if order["status"] != orders.OPEN:
            return page(_TITLE, f"<p>This payment is over ({order['status']}).</p>")
        summary = f"{order['description']}: {order['amount']} VND for {order['app_trans_id']}"
        return page(_TITLE, decision_form(summary, _BUTTONS))

    async def decide(self, request: Request) -> Response:
        """Take in what was pressed, tell the merchant of a success, send the browser back with the parameters."""
        pressed = parse_qs((await read_limited(request)).decode("ascii", "replace")).get("decision", [])
        if len(pressed) != 1 or pressed[0] not in _BUTTONS:
            return page(_TITLE, "<p>Nothing was decided.</p>", 400)
        transaction, decision = request.path_params["order"], pressed[0]
        decided = await self.bench.ledger.transact(lambda books: orders.decide(books, transaction, decision))
        if decided is None:
            return page(_TITLE, "<p>There is no such order.</p>", 404)
        order, changed = decided
        if changed and order["status"] == orders.PAID:
            self.bench.outbox.post(self._callback(order))
        return RedirectResponse(_return_address(order) or request.url.path, 303)

    async def _answered(
        self, request: Request, kind: type[_Body], work: Callable[[Books, _Body], orders.Document]
    ) -> Response:
        try:
            body = kind.model_validate_json(await read_limited(request))
        except ValidationError:
            return JSONResponse(orders.refused(orders.ILLEGAL))
        if not is_signed(body):
            return JSONResponse(orders.refused(orders.NOT_SIGNED))
        return JSONResponse(await self.bench.ledger.transact(lambda books: work(books, body)))

    def _callback(self, order: orders.Document) -> OutgoingNotice:
        told = {name: order[name] for name in ("app_id", "app_trans_id", "app_time", "app_user", "amount")}
        told |= {"embed_data": order["embed_data"], "item": order["item"], "zp_trans_id": order["zp_trans_id"]}
        told |= {"server_time": int(self.bench.clock().timestamp() * 1000), "channel": 38, "merchant_user_id": "u"}
        told |= {"user_fee_amount": 0, "discount_amount": 0}
        data = json.dumps(told, separators=(",", ":"))
        return OutgoingNotice(
            orders.NAME,
            order["callback_url"] or f"{self.bench.notices_url}/zalopay",
            json.dumps({"data": data, "mac": mac(KEY2, data), "type": 1}).encode(),
            headers={"Content-Type": "application/json"},
            pauses=_PAUSES,
            accepted=_taken_in,
        )


def _taken_in(answer: httpx.Response) -> bool:
    try:
        return answer.is_success and answer.json().get("return_code") in {1, 2}
    except (ValueError, AttributeError):
        return False


def _return_address(order: orders.Document) -> str:
    if not order["redirect_url"]:
        return ""
    told = {
        "appid": APP_ID,
        "apptransid": order["app_trans_id"],
        "pmcid": 38,
        "bankcode": "",
        "amount": order["amount"],
        "discountamount": 0,
        "status": orders.status_code(order),
    }
    joint = "&" if "?" in order["redirect_url"] else "?"
    return f"{order['redirect_url']}{joint}{urlencode({**told, 'checksum': mac(KEY2, *told.values())})}"
