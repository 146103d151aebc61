"""GraphQL over HTTP, SSE and multipart: one endpoint, the client's `Accept` decides.

The GraphQL-over-HTTP specification: `application/graphql-response+json` tells a refused document by its status, 400;
`application/json` answers 200 to everything that was a GraphQL request in shape. GET never mutates. Streams are the
distinct-connections mode of GraphQL over SSE, and multipart subscriptions 1.0.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.access.model import Unauthenticated
from app.access.rates import RateLimited
from app.transports import multipart, sse
from app.transports.accept import best, media_ranges
from app.transports.callers import Identify
from app.transports.connections import Connections, Ending
from app.transports.ends import End
from app.transports.operations import (
    MalformedJson,
    MalformedOperation,
    OperationRequest,
    decode_json,
    operation_request,
)
from app.transports.pacing import Paced
from app.transports.validity import Validity
from schema.context import Context, Services, position_from
from schema.errors import api_error, too_often
from schema.execution import Answer, Executor, KindNotAllowed, Operation, refused
from schema.trusted import DocumentRefused, names_document

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
_RETRY_SECONDS = "5"
_SSE_HEARTBEAT_SECONDS = 12.0
_MULTIPART_HEARTBEAT_SECONDS = 5.0

Opening = Callable[[Ending], AbstractContextManager[None]]
"""Keeps a stream open for the block, and knows how to end it."""


class Refused(Exception):
    """A request that ends before GraphQL begins."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None, **headers: str) -> None:
        super().__init__(message)
        details = {} if field is None else {"field": field}
        self.status = status
        self.body = refused(api_error(code, message, **details)).body
        self.headers = headers


class TooOften(Refused):
    """The caller's rate is exceeded."""

    def __init__(self, fault: RateLimited) -> None:
        super().__init__(429, "RATE_LIMITED", str(fault), **{"retry-after": str(fault.retry_after)})
        self.body = refused(too_often(fault)).body


@dataclass(frozen=True)
class GraphQLEndpoint:
    """The ASGI application at `/graphql` for HTTP."""

    executor: Executor
    services: Callable[[], Services]
    identify: Identify
    connections: Connections
    validity: Validity
    body_bytes: int = 64 * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except Refused as fault:
            accept = request.headers.get("accept")
            media_type = best(accept, _single_types(accept)) or JSON
            response = Response(fault.body, fault.status, fault.headers, f"{media_type}; charset=utf-8")
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        accept = request.headers.get("accept")
        if request.method not in ("GET", "POST"):
            raise Refused(405, "METHOD_NOT_ALLOWED", "send GET or POST", allow="GET, POST")
        offered = best(accept, (*_single_types(accept), EVENT_STREAM))
        streams = multipart.wants_multipart_subscription(accept or "")
        if offered is None and not streams:
            raise Refused(406, "NOT_ACCEPTABLE", f"accept: there are {GRAPHQL_JSON}, {JSON} and {EVENT_STREAM}")
        wanted = await _operation(request, self.body_bytes)
        context = await self._context(request, wanted)
        operation = Operation(
            wanted.query, wanted.variables, wanted.operation_name, wanted.extensions, wanted.document_id
        )
        mutations = request.method == "POST"
        await self._admit(operation, context)
        if streams:
            self._check_room(context)
            return _multipart(self.executor.stream(operation, context, mutations=mutations), self._open(context))
        if offered == EVENT_STREAM:
            self._check_room(context)
            return _events(self.executor.stream(operation, context, mutations=mutations), self._open(context))
        return await self._single(operation, context, offered or JSON, mutations=mutations)

    def _open(self, context: Context) -> Opening:
        """How a stream for this caller is kept: counted, drained, and no longer than the caller's right to it."""

        @contextmanager
        def opened(end: Ending) -> Iterator[None]:
            caller = context.caller
            with (
                self.connections.opened(end),
                self.connections.places.held(caller),
                self.validity.watched(caller, end),
            ):
                yield

        return opened

    def _check_room(self, context: Context) -> None:
        refusal = self.connections.refusal
        if refusal is not None:
            raise Refused(503, refusal.error_code, refusal.reason, **{"retry-after": "1"})
        refusal = self.connections.places.refusal_of(context.caller)
        if refusal is not None:
            raise Refused(429, refusal.error_code, refusal.reason, **{"retry-after": _RETRY_SECONDS})

    async def _admit(self, operation: Operation, context: Context) -> None:
        try:
            await self.executor.admit(operation, context)
        except RateLimited as fault:
            raise TooOften(fault) from None

    async def _context(self, request: Request, wanted: OperationRequest) -> Context:
        try:
            caller = await self.identify(request)
        except Unauthenticated as fault:
            challenge = {"www-authenticate": "Bearer"}
            raise Refused(401, "UNAUTHENTICATED", str(fault), **challenge) from None
        return Context(self.services(), caller, resume_after=_resume_position(request, wanted))

    async def _single(self, operation: Operation, context: Context, media_type: str, *, mutations: bool) -> Response:
        try:
            answer = await self.executor.run(operation, context, mutations=mutations)
        except KindNotAllowed as fault:
            raise _wrong_kind(fault) from None
        except DocumentRefused as fault:
            raise Refused(400, fault.code, fault.message, fault.field) from None
        status = 200 if answer.executed or media_type == JSON else 400
        return Response(answer.body, status, media_type=f"{media_type}; charset=utf-8")


def _single_types(accept: str | None) -> tuple[str, str]:
    """The types of one answer, the preferred one first: the old one, but for clients that name the new one."""
    names = {f"{each.type}/{each.subtype}" for each in media_ranges(accept or "")}
    return (GRAPHQL_JSON, JSON) if GRAPHQL_JSON in names else (JSON, GRAPHQL_JSON)


def _events(answers: AsyncGenerator[Answer, None], opened: Opening) -> Response:
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return StreamingResponse(_event_frames(answers, opened), 200, headers, media_type=EVENT_STREAM)


def _multipart(answers: AsyncGenerator[Answer, None], opened: Opening) -> Response:
    headers = {"cache-control": "no-cache"}
    return StreamingResponse(_parts(answers, opened), 200, headers, media_type=multipart.MEDIA_TYPE)


async def _event_frames(answers: AsyncGenerator[Answer, None], opened: Opening) -> AsyncGenerator[bytes, None]:
    paced = Paced(answers, heartbeat_seconds=_SSE_HEARTBEAT_SECONDS)
    with opened(lambda _: paced.stop()):
        yield sse.comment()
        async for answer in paced.values():
            if answer is None:
                yield sse.comment()
            else:
                yield sse.next_event(answer.body, None if answer.position is None else str(answer.position))
    if not paced.stopped:
        # Without it a client knows that this was not the end, and comes back with its last id.
        yield sse.complete_event()


async def _parts(answers: AsyncGenerator[Answer, None], opened: Opening) -> AsyncGenerator[bytes, None]:
    paced = Paced(answers, heartbeat_seconds=_MULTIPART_HEARTBEAT_SECONDS)
    with opened(lambda _: paced.stop()):
        yield multipart.opening()
        async for answer in paced.values():
            if answer is None:
                yield multipart.heartbeat()
            elif answer.failure is not None:
                yield multipart.fatal(answer.failure)
            else:
                yield multipart.part(answer.body)
    if paced.stopped:
        yield multipart.fatal(End.DRAIN.errors())
    yield multipart.closing()


async def _operation(request: Request, body_bytes: int) -> OperationRequest:
    try:
        data = _from_address(request) if request.method == "GET" else decode_json(await _body(request, body_bytes))
        wanted = operation_request(data)
    except MalformedJson as fault:
        raise Refused(400, "MALFORMED_JSON", str(fault)) from None
    except MalformedOperation as fault:
        raise Refused(400, "MALFORMED_REQUEST", fault.message, fault.field) from None
    if wanted.query is None and not names_document(wanted.extensions, wanted.document_id):
        raise Refused(400, "MALFORMED_REQUEST", "query: send a GraphQL document", "query")
    return wanted


def _from_address(request: Request) -> dict[str, object]:
    """The parameters of a GET: `variables` and `extensions` are JSON in the address, an empty name is none."""
    parameters: dict[str, object] = dict(request.query_params)
    if parameters.get("operationName") == "":
        del parameters["operationName"]
    for name in ("variables", "extensions"):
        text = parameters.get(name)
        if isinstance(text, str):
            parameters[name] = decode_json(text) if text else None
    return parameters


async def _body(request: Request, most_bytes: int) -> bytes:
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != JSON:
        # Also what keeps another site's form from posting here: a browser asks first before it sends JSON.
        raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", f"content-type: takes {JSON}", "content-type")
    if "charset=" in parameters.lower() and "utf-8" not in parameters.lower():
        raise Refused(415, "UNSUPPORTED_MEDIA_TYPE", "content-type: takes the charset utf-8", "content-type")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise Refused(413, "TOO_LARGE", f"a request has at most {most_bytes} bytes")
    return bytes(body)


def _resume_position(request: Request, wanted: OperationRequest) -> int | str | None:
    """Where the client left off: the header that a browser's `EventSource` sends comes before the extension."""
    try:
        return position_from(sse.last_event_id(request.headers.get("last-event-id")) or wanted.extensions.get("after"))
    except ValueError:
        raise Refused(400, "INVALID_INPUT", "after: takes a position this server gave out", "after") from None


def _wrong_kind(fault: KindNotAllowed) -> Refused:
    if fault.kind == "mutation":
        return Refused(405, "METHOD_NOT_ALLOWED", "a mutation is sent by POST", allow="POST")
    message = f"a subscription needs a stream: accept: {EVENT_STREAM}, multipart/mixed, or a WebSocket"
    return Refused(406, "NOT_ACCEPTABLE", message, "accept")
