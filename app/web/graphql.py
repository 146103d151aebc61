"""GraphQL over HTTP and WebSocket: Strawberry's transports, with who is calling and with bodies that are checked."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import strawberry
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from app.access.callers import Callers, Unauthenticated
from schema.context import Context, Services

_MOST_BODY_BYTES = 64 * 1024
_INIT_SECONDS = 3
_MOST_SUBSCRIPTIONS = 1_000


class RequestRefused(Exception):
    """A request that is refused before GraphQL begins."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        extensions = {"code": code} if field is None else {"code": code, "field": field}
        self.response = JSONResponse({"errors": [{"message": message, "extensions": extensions}]}, status)


class GatewayGraphQL(GraphQL[Context, None]):
    """The endpoint at `/graphql`."""

    def __init__(self, schema: strawberry.Schema, services: Callable[[], Services], callers: Callers) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=_INIT_SECONDS),
            max_subscriptions_per_connection=_MOST_SUBSCRIPTIONS,
        )
        self._services = services
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or serve one socket."""
        try:
            await super().__call__(scope, receive, send)
        except RequestRefused as refusal:
            await refusal.response(scope, receive, send)

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 — Strawberry passes it by name
    ) -> Context:
        """The caller by its header; a socket may bring its key later, in `connection_init`."""
        try:
            caller = self._callers.identify(_authorization(request))
        except Unauthenticated as fault:
            if isinstance(request, WebSocket):
                caller = None
            else:
                raise RequestRefused(401, "UNAUTHENTICATED", str(fault)) from None
        return Context(self._services(), caller)

    async def on_ws_connect(self, context: Context) -> Any:
        """Identify a socket; one that nobody stands behind is closed with 4403."""
        params = context.connection_params
        given = params.get("authorization") or params.get("Authorization") if isinstance(params, Mapping) else None
        if isinstance(given, str) or context.identified is None:
            try:
                context.identified = self._callers.identify(given if isinstance(given, str) else None)
            except Unauthenticated:
                raise ConnectionRejectionError({"reason": "UNAUTHENTICATED"}) from None
        return await super().on_ws_connect(context)

    async def parse_http_body(self, request: Any) -> GraphQLRequestData | list[GraphQLRequestData]:
        """Let through only what is a GraphQL request in shape."""
        if request.method == "POST":
            _check_shape(await _body(request))
        return await super().parse_http_body(request)


def _authorization(connection: HTTPConnection) -> str | None:
    return connection.headers.get("authorization")


async def _body(request: Any) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > _MOST_BODY_BYTES:
        raise _too_large()
    body = await request.get_body()
    encoded: bytes = body.encode() if isinstance(body, str) else body
    if len(encoded) > _MOST_BODY_BYTES:
        raise _too_large()
    return encoded


def _too_large() -> RequestRefused:
    return RequestRefused(413, "TOO_LARGE", f"a request has at most {_MOST_BODY_BYTES} bytes")


def _check_shape(body: bytes) -> None:
    try:
        data = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RequestRefused(400, "MALFORMED_JSON", "the body is not valid JSON") from None
    if not isinstance(data, dict):
        raise RequestRefused(400, "MALFORMED_REQUEST", "the body is not a JSON object")
    if not isinstance(data.get("query"), str):
        raise RequestRefused(400, "MALFORMED_REQUEST", "query: takes a GraphQL document, as a string", "query")
    for name, kind, takes in (
        ("operationName", str, "a string"),
        ("variables", dict, "an object"),
        ("extensions", dict, "an object"),
    ):
        if data.get(name) is not None and not isinstance(data[name], kind):
            raise RequestRefused(400, "MALFORMED_REQUEST", f"{name}: takes {takes} or null", name)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
