"""`/webhooks/{reader}`: HTTP around `app.webhooks`."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from app.gateway.inflight import InFlight
from app.providers.notices import LARGEST_NOTICE, RawNotice
from app.webhooks.receive import Webhooks


class WebhookEndpoint:
    """Takes notices; one that has come whole is taken in whatever becomes of the connection."""

    def __init__(self, webhooks: Callable[[], tuple[Webhooks, InFlight]], clock: Callable[[], datetime]) -> None:
        self._webhooks = webhooks
        self._clock = clock

    async def respond(self, request: Request) -> Response:
        """Answer one request."""
        body = await _body(request)
        query: bytes = request.scope["query_string"]
        if body is None or len(query) > LARGEST_NOTICE:
            return JSONResponse({"error": f"at most {LARGEST_NOTICE} bytes"}, 413)
        raw = RawNotice(request.method, query, _headers(request), body, self._clock())
        webhooks, in_flight = self._webhooks()
        reply = await in_flight.finish(webhooks.receive(request.path_params["reader"], raw))
        if reply is None:
            return JSONResponse({"error": "nobody reads here"}, 404)
        return Response(reply.body, reply.status, media_type=reply.media_type if reply.body else None)


def _headers(request: Request) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_NOTICE:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)
