"""Stands between a client and a good server and does one thing wrong: a server with exactly one defect.

`Honest` passes everything on. A defect is a subclass that overrides one of its methods.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.typing import Subprotocol

from tests.conformance.serving import served
from tests.support.plain_http import NO_CERTIFICATES

Message = dict[str, Any]
_PASSED_ON = ("accept", "content-type", "last-event-id")


class BreakOff(Exception):
    """The connection ends without a word."""


class Honest:
    """No defect. Made anew for each connection, so that a subclass may remember what went before."""

    def subprotocol(self, agreed: str) -> str | None:
        """What the handshake says."""
        return agreed

    def said(self, message: Message) -> list[Message]:
        """What the client gets for a message of the server's."""
        return [message]

    def heard(self, frame: str | bytes) -> list[str | bytes]:
        """What the server gets for a frame of the client's."""
        return [frame]

    def close_code(self, code: int) -> int:
        """What the client's socket is closed with; `BreakOff` for nothing."""
        return code

    def request(self, method: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        """The request that the server gets."""
        return method, headers

    def status(self, status: int) -> int:
        """The status that the client gets."""
        return status

    def content_type(self, content_type: str) -> str:
        """The content type that the client gets."""
        return content_type

    async def body(self, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """The body that the client gets."""
        async for piece in pieces:
            yield piece


@asynccontextmanager
async def tampered(url: str, defect: Callable[[], Honest]) -> AsyncGenerator[str, None]:
    """The URL of a server with a defect, which is made anew for each connection; `url`: the good one behind it."""
    async with httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as client:

        async def http(request: Request) -> Response:
            return await _passed_on(request, url, client, defect())

        async def socket(socket: WebSocket) -> None:
            with suppress(BreakOff):
                await _connected(socket, url, defect())

        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        app = Starlette(routes=[Route("/graphql", http, methods=methods), WebSocketRoute("/graphql", socket)])
        async with served(app) as origin:
            yield f"{origin}/graphql"


async def _passed_on(request: Request, url: str, client: httpx.AsyncClient, defect: Honest) -> Response:
    body = await request.body()
    given = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    method, headers = defect.request(request.method, given)
    onward = client.build_request(method, url, params=dict(request.query_params), content=body, headers=headers)
    if "accept" not in headers:
        del onward.headers["accept"]
    answer = await client.send(onward, stream=True)

    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(defect.body(answer.aiter_raw())) as body:
                async for piece in body:
                    yield piece
        finally:
            await answer.aclose()

    kept = {name: answer.headers[name] for name in ("allow", "cache-control") if name in answer.headers}
    kept["content-type"] = defect.content_type(answer.headers.get("content-type", ""))
    return StreamingResponse(pieces(), defect.status(answer.status_code), kept)


async def _connected(client: WebSocket, url: str, defect: Honest) -> None:
    offered = [Subprotocol(name) for name in client.scope["subprotocols"]]
    address = "ws" + url.removeprefix("http")
    async with connect(address, subprotocols=offered or None, proxy=None, ping_interval=None) as server:
        await client.accept(defect.subprotocol(server.subprotocol) if server.subprotocol else None)
        there = asyncio.create_task(_there(client, server, defect))
        try:
            await _back(client, server, defect)
        finally:
            there.cancel()
            with suppress(asyncio.CancelledError):
                await there


async def _there(client: WebSocket, server: ClientConnection, defect: Honest) -> None:
    with suppress(ConnectionClosed, WebSocketDisconnect):
        while True:
            received = await client.receive()
            if received["type"] == "websocket.disconnect":
                await server.close(received["code"] if received["code"] != 1005 else 1000)
                return
            frame = received.get("text")
            for each in defect.heard(frame if frame is not None else received["bytes"]):
                await server.send(each)


async def _back(client: WebSocket, server: ClientConnection, defect: Honest) -> None:
    try:
        async for text in server:
            for message in defect.said(json.loads(text)):
                await client.send_text(json.dumps(message))
        closed: ConnectionClosed = ConnectionClosedOK(None, None)
    except ConnectionClosed as fault:
        closed = fault
    except WebSocketDisconnect:
        return
    if closed.rcvd is not None and closed.rcvd_then_sent:
        with suppress(WebSocketDisconnect, RuntimeError):
            await client.close(defect.close_code(closed.rcvd.code), closed.rcvd.reason)
