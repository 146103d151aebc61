"""A payment's status over REST, for whoever can only ask: conditional, and held until there is news.

`GET /api/payments/{id}/status` answers JSON with an `ETag` that names the version. With `If-None-Match` the answer is
304 while nothing has changed; with `?wait=SECONDS` it is held until something has, at most that long. Whoever waits is
told of every change: the answer is the one that follows the version it named, not the latest.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.access.model import Caller, Unauthenticated
from app.access.rates import RateLimited, Work
from app.domain.ids import ID_GRAMMAR
from app.eventstore.port import StoreUnavailable
from app.live.hub import NoSuchTopic, PositionAhead
from app.live.mailbox import SlowConsumer
from app.redisio import RedisError
from app.transports.callers import Identify
from projections.names import Topic
from projections.views import PaymentView
from schema.context import Services
from schema.errors import too_often

_LONGEST_WAIT_SECONDS = 60.0
_ASK_AGAIN_SECONDS = 2
_TAG = re.compile(r'(?:W/)?"v(-?\d+)"')


class PaymentStatusEndpoint:
    """Answers for one process."""

    def __init__(self, identify: Identify, services: Callable[[], Services]) -> None:
        self._identify = identify
        self._services = services

    async def respond(self, request: Request) -> Response:
        """Answer one request."""
        try:
            caller = await self._identify(request)
        except Unauthenticated as fault:
            return _problem(401, "UNAUTHENTICATED", str(fault), "authorization")
        try:
            await self._services().rates.admit(caller, Work.READ)
        except RateLimited as fault:
            return _too_often(fault)
        payment_id = request.path_params["id"]
        wait = _seconds(request.query_params.get("wait"))
        if wait is None:
            return _problem(400, "INVALID_INPUT", f"wait: takes 0 to {_LONGEST_WAIT_SECONDS:g} seconds", "wait")
        known = _known(request.headers.get("if-none-match"))
        try:
            return await self._status(caller, payment_id, known, wait)
        except (StoreUnavailable, RedisError):
            message = "the payment system does not answer; ask again"
            retry = {"retry-after": str(_ASK_AGAIN_SECONDS)}
            return _problem(503, "UNAVAILABLE", message, None, retry)

    async def _status(self, caller: Caller, payment_id: str, known: int | None, wait: float) -> Response:
        view = await self._services().queries.payment(caller, payment_id) if ID_GRAMMAR.fullmatch(payment_id) else None
        if view is None:
            return _problem(404, "PAYMENT_NOT_FOUND", "there is no such payment", "id")
        if known is None or (wait == 0 and known < view.changed):
            return _answer(view)
        news = await self._next(view, known, wait) if wait else None
        return _answer(news) if news else _unchanged(known, final=view.status.final and known >= view.changed)

    async def _next(self, view: PaymentView, known: int, seconds: float) -> PaymentView | None:
        """The payment as of the change that follows the version the client knows; None when the time is up."""
        if view.status.final and known >= view.changed:
            return None
        try:
            news = self._services().hub.watch(Topic("payment", view.id), known)
            async with asyncio.timeout(seconds), aclosing(news) as updates:
                async for update in updates:
                    return update.payment
        except (TimeoutError, NoSuchTopic, PositionAhead, SlowConsumer):
            # Of these only the time is likely; whatever it was, the client asks again from where it is.
            pass
        return None


def _answer(view: PaymentView) -> Response:
    return JSONResponse(_body(view), headers=_headers(view.changed, final=view.status.final))


def _unchanged(version: int, *, final: bool) -> Response:
    return Response(status_code=304, headers=_headers(version, final=final))


def _headers(version: int, *, final: bool) -> dict[str, str]:
    headers = {"etag": f'"v{version}"', "cache-control": "private, no-cache", "vary": "authorization"}
    return headers if final else {**headers, "retry-after": str(_ASK_AGAIN_SECONDS)}


def _body(view: PaymentView) -> dict[str, Any]:
    return {
        "id": view.id,
        "status": view.status,
        "final": view.status.final,
        "version": view.changed,
        "previousVersion": view.previous,
        "amount": {"amount": view.amount, "currency": view.currency},
        "refundedAmount": {"amount": view.refunded, "currency": view.currency},
        "action": None if view.action is None else view.action.model_dump(mode="json"),
        "failure": None if view.failure is None else view.failure.model_dump(mode="json"),
        "updatedAt": view.updated_at.isoformat(),
    }


def _seconds(text: str | None) -> float | None:
    """The time to wait; None when it is not one."""
    if text is None:
        return 0.0
    return float(text) if re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text) and float(text) <= _LONGEST_WAIT_SECONDS else None


def _known(if_none_match: str | None) -> int | None:
    """The newest version among the tags a client has."""
    versions = [int(tag.group(1)) for tag in _TAG.finditer(if_none_match or "")]
    return max(versions, default=None)


def _too_often(fault: RateLimited) -> JSONResponse:
    error = too_often(fault).formatted
    return JSONResponse({"errors": [error]}, 429, {"retry-after": str(fault.retry_after)})


def _problem(
    status: int, code: str, message: str, field: str | None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    extensions = {"code": code} if field is None else {"code": code, "field": field}
    return JSONResponse({"errors": [{"message": message, "extensions": extensions}]}, status, headers)
