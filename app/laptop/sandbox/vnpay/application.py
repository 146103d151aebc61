"""The pretend VNPay's addresses, and how a paygate is pointed at them."""

import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, parse_qsl, urlencode

import httpx
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.laptop.sandbox.bench import Bench, Simulator
from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.books import Books
from app.laptop.sandbox.outbox import OutgoingNotice
from app.laptop.sandbox.pages import decision_form, page
from app.laptop.sandbox.vnpay import rules
from app.laptop.sandbox.vnpay.rules import NAME, TMN_CODE, Paper, Refused
from app.laptop.sandbox.vnpay.signing import (
    HASH,
    QUERY,
    QUERY_ANSWER,
    REFUND,
    REFUND_ANSWER,
    SECRET,
    is_right,
    message_checksum,
    query_checksum,
    signed,
)

PAGE = "/vnpay/paymentv2/vpcpay.html"
API = "/vnpay/merchant_webapi/api/transaction"
TIME_FACTOR = 1 / 600
"""How much faster time passes here between the tries of a notice than at VNPay."""

_TITLE = "Sandbox VNPay"
_PAUSES = (300 * TIME_FACTOR,) * 10
_DECISIONS = {
    "approve": "Pay",
    "decline": "Pay, without enough money",
    "cancel": "Cancel and return",
    "expire": "Be too late",
    "suspect": "Pay, and look suspicious",
}
_PATTERNS = {
    "RequestId": "[A-Za-z0-9]{1,32}",
    "Version": r"2\.1\.0",
    "TxnRef": ".{1,100}",
    "TransactionDate": "[0-9]{14}",
    "CreateDate": "[0-9]{14}",
    "IpAddr": "[0-9A-Fa-f.:]{7,45}",
    "OrderInfo": ".{1,255}",
}
_REFUND_PATTERNS = {
    "TransactionType": "02|03",
    "Amount": "[1-9][0-9]{1,9}00",
    "TransactionNo": "[0-9]{1,15}",
    "CreateBy": ".{1,245}",
}


def make(bench: Bench) -> Simulator:
    """The simulator on a bench."""
    vnpay = _VNPay(bench)
    api = _Api(bench)
    calls = {"querydr": api.query, "refund": api.refund}
    played = {name: bench.faults.at(NAME, name, handler) for name, handler in calls.items()}

    async def transaction(request: Request) -> Response:
        # Both have one address; which it is stands in the body, which Starlette keeps.
        handler = played.get(_command(await request.body()))
        return await handler(request) if handler else JSONResponse({"vnp_ResponseCode": "99"})

    routes = [
        Route(PAGE, vnpay.show, methods=["GET"]),
        Route(PAGE, vnpay.decide, methods=["POST"]),
        Route(API, transaction, methods=["POST"]),
    ]
    return Simulator(NAME, routes)


def environment(sandbox_url: str) -> Mapping[str, str]:
    """The variables that point a paygate at the simulator."""
    url = sandbox_url.rstrip("/")
    return {
        "PAYGATE_VNPAY_PAY_URL": url + PAGE,
        "PAYGATE_VNPAY_API_URL": url + API,
        "PAYGATE_VNPAY_TMN_CODE": TMN_CODE,
        "PAYGATE_VNPAY_HASH_SECRET": SECRET,
    }


@dataclass(frozen=True, slots=True)
class _VNPay:
    """The customer's page, and the notice of what came of it."""

    bench: Bench

    async def show(self, request: Request) -> Response:
        """The buttons, or what became of the payment."""
        try:
            payment = await self._opened(request)
        except Refused as refused:
            return _error(refused)
        if payment["status"] != rules.WAITING:
            return page(_TITLE, f"<p>This payment was answered {payment['code']}. You may close the page.</p>")
        amount = f"{payment['amount'] // 100} VND: {payment['sent']['vnp_OrderInfo']}"
        return page(_TITLE, decision_form(amount, _DECISIONS))

    async def decide(self, request: Request) -> Response:
        """Take in what the customer pressed, tell the merchant, and send the customer back."""
        decision = parse_qs((await read_limited(request)).decode("ascii", "replace")).get("decision", [""])[-1]
        if decision not in _DECISIONS:
            return page(_TITLE, "<p>That is no decision.</p>", 400)
        try:
            sent = _sent(request)

            def work(books: Books) -> tuple[Paper, bool]:
                payment = rules.opened(books, sent)
                return payment, rules.decide(books, payment, decision)

            payment, changed = await self.bench.ledger.transact(work)
        except Refused as refused:
            return _error(refused)
        query = _signed_query(rules.outcome(payment))
        if changed:
            url = f"{self.bench.notices_url}/vnpay?{query}"
            notice = OutgoingNotice(NAME, url, method="GET", pauses=_PAUSES, accepted=_confirmed)
            self.bench.outbox.post(notice)
        address = payment["sent"]["vnp_ReturnUrl"]
        return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{query}", 303)

    async def _opened(self, request: Request) -> Paper:
        sent = _sent(request)
        return await self.bench.ledger.transact(lambda books: rules.opened(books, sent))


@dataclass(frozen=True, slots=True)
class _Api:
    bench: Bench

    async def query(self, request: Request) -> Response:
        """How a payment stands."""

        def work(books: Books, sent: Mapping[str, str]) -> dict[str, str]:
            return rules.state(books, rules.found(books, sent))

        return await self._answer(request, QUERY, QUERY_ANSWER, _PATTERNS, work)

    async def refund(self, request: Request) -> Response:
        """Give money back."""

        def work(books: Books, sent: Mapping[str, str]) -> dict[str, str]:
            return rules.refund(books, rules.found(books, sent), sent)

        return await self._answer(request, REFUND, REFUND_ANSWER, {**_PATTERNS, **_REFUND_PATTERNS}, work)

    async def _answer(
        self,
        request: Request,
        fields: str,
        answer_fields: str,
        patterns: Mapping[str, str],
        work: Callable[[Books, Mapping[str, str]], dict[str, str]],
    ) -> Response:
        sent = _message(await request.body())
        try:
            _check(sent, fields, patterns)

            def once(books: Books) -> dict[str, str]:
                rules.once_a_day(books, sent["vnp_RequestId"])
                return work(books, sent)

            found, code, message = await self.bench.ledger.transact(once), "00", "Success"
        except Refused as refused:
            found, code, message = {}, refused.code, refused.message
        answer = {
            "vnp_ResponseId": secrets.token_hex(16),
            "vnp_Command": sent.get("vnp_Command", ""),
            "vnp_ResponseCode": code,
            "vnp_Message": message,
            "vnp_TmnCode": TMN_CODE,
            "vnp_TxnRef": sent.get("vnp_TxnRef", ""),
            **found,
        }
        return JSONResponse(signed(answer, answer_fields))


def _check(sent: Mapping[str, str], fields: str, patterns: Mapping[str, str]) -> None:
    for name, pattern in patterns.items():
        if not re.fullmatch(pattern, sent.get(f"vnp_{name}", "")):
            raise Refused("03", f"Invalid vnp_{name}")
    if sent.get("vnp_TmnCode") != TMN_CODE:
        raise Refused("02", "Merchant not found")
    if not is_right(sent.get(HASH, ""), message_checksum(sent, fields)):
        raise Refused("97", "Invalid checksum")


def _sent(request: Request) -> dict[str, str]:
    """What stands in the customer's address; raises `Refused` unless its checksum is right."""
    pairs = parse_qsl(request.url.query, keep_blank_values=True)
    sent = dict(pairs)
    if len(sent) != len(pairs) or not is_right(sent.pop(HASH, ""), query_checksum(pairs)):
        raise Refused("70", "Invalid signature")
    return sent


def _signed_query(values: Mapping[str, str]) -> str:
    pairs = sorted((name, value) for name, value in values.items() if value)
    return f"{urlencode(pairs)}&{HASH}={query_checksum(pairs)}"


def _confirmed(answer: httpx.Response) -> bool:
    try:
        found: JsonValue = answer.json()
    except ValueError:
        return False
    return answer.status_code == 200 and isinstance(found, dict) and found.get("RspCode") in {"00", "02"}


def _command(body: bytes) -> str:
    return _message(body).get("vnp_Command", "")


def _message(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _error(refused: Refused) -> Response:
    return page(_TITLE, f"<p>{refused.code}: {refused.message}</p>", 400)
