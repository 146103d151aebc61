"""A payment's status over REST, for whoever can only ask: conditional, and held until there is news.

`GET /api/payments/{id}/status`, like that of orders, answers JSON with an `ETag` that names the version. With
`If-None-Match` the answer is 304 while nothing has changed; with `?wait=SECONDS` it is held until something has, at
most that long. Whoever waits is told of every change: the answer is the one that follows the version it named, not the
latest.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, Literal, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.access.model import Caller, Unauthenticated
from app.access.rates import RateLimited, Work
from app.domain.ids import ID_GRAMMAR
from app.eventstore.port import StoreUnavailable
from app.gateway.queries import Queries
from app.live.hub import NoSuchTopic, PositionAhead
from app.live.mailbox import SlowConsumer
from app.redisio import RedisError
from app.transports.callers import Identify
from projections.documents import order_document, payment_document
from projections.names import Topic
from projections.views import OrderView, PaymentView, Update
from schema.context import Services
from schema.errors import too_often

_LONGEST_WAIT_SECONDS = 60.0
_ASK_AGAIN_SECONDS = 2
V = TypeVar("V", bound=PaymentView | OrderView)

_TAG = re.compile(r'(?:W/)?"v(-?\d+)"')


@dataclass(frozen=True)
class Resource(Generic[V]):
    """What there is to ask about: payments or orders."""

    kind: Literal["payment", "order"]
    find: Callable[[Queries, Caller, str], Awaitable[V | None]]
    view_of: Callable[[Update], V]
    body: Callable[[V], dict[str, Any]]


class StatusEndpoint(Generic[V]):
    """Answers for one process, about payments or about orders."""

    def __init__(self, identify: Identify, services: Callable[[], Services], resource: Resource[V]) -> None:
        self._identify = identify
        self._services = services
        self._resource = resource

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
        entity_id = request.path_params["id"]
        wait = _seconds(request.query_params.get("wait"))
        if wait is None:
            return _problem(400, "INVALID_INPUT", f"wait: takes 0 to {_LONGEST_WAIT_SECONDS:g} seconds", "wait")
        known = _known(request.headers.get("if-none-match"))
        try:
            return await self._status(caller, entity_id, known, wait)
        except (StoreUnavailable, RedisError):
            message = "the payment system does not answer; ask again"
            retry = {"retry-after": str(_ASK_AGAIN_SECONDS)}
            return _problem(503, "UNAVAILABLE", message, None, retry)

    async def _status(self, caller: Caller, entity_id: str, known: int | None, wait: float) -> Response:
        resource = self._resource
        named = ID_GRAMMAR.fullmatch(entity_id)
        view = await resource.find(self._services().queries, caller, entity_id) if named else None
        if view is None:
            return _problem(404, f"{resource.kind.upper()}_NOT_FOUND", f"there is no such {resource.kind}", "id")
        if known is None or (wait == 0 and known < view.changed):
            return self._answer(view)
        news = await self._next(view, known, wait) if wait else None
        return self._answer(news) if news else _unchanged(known, final=view.status.final and known >= view.changed)

    def _answer(self, view: V) -> Response:
        return JSONResponse(self._resource.body(view), headers=_headers(view.changed, final=view.status.final))

    async def _next(self, view: V, known: int, seconds: float) -> V | None:
        """The view as of the change that follows the version the client knows; None when the time is up."""
        if view.status.final and known >= view.changed:
            return None
        try:
            news = self._services().hub.watch(Topic(self._resource.kind, view.id), known)
            async with asyncio.timeout(seconds), aclosing(news) as updates:
                async for update in updates:
                    return self._resource.view_of(update)
        except (TimeoutError, NoSuchTopic, PositionAhead, SlowConsumer):
            # Of these only the time is likely; whatever it was, the client asks again from where it is.
            pass
        return None


def _unchanged(version: int, *, final: bool) -> Response:
    return Response(status_code=304, headers=_headers(version, final=final))


def _headers(version: int, *, final: bool) -> dict[str, str]:
    headers = {"etag": f'"v{version}"', "cache-control": "private, no-cache", "vary": "authorization"}
    return headers if final else {**headers, "retry-after": str(_ASK_AGAIN_SECONDS)}


PAYMENT_STATUS = Resource("payment", Queries.payment, attrgetter("payment"), payment_document)
ORDER_STATUS = Resource("order", Queries.order, attrgetter("order"), order_document)


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
