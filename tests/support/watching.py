"""A client's view of `paymentStatus` over each stream: results as they come, and how it ends when not by itself."""

import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from tests.support.plain_http import NO_CERTIFICATES

WATCH = "subscription($id: ID!) { paymentStatus(id: $id) { status version previousVersion } }"
SUBPROTOCOL = Subprotocol("graphql-transport-ws")

Result = dict[str, Any]
Watch = Callable[[str, str, int], AsyncGenerator[Result, None]]
"""The results after a position, given the address of `/graphql` and the payment's id; raises `HandedBack`."""


class HandedBack(Exception):
    """The stream has ended before the payment did: the client may resume elsewhere."""

    def __init__(self, how: str | int, positions: Any = None) -> None:
        super().__init__(how)
        self.how = how
        """The WebSocket's close code, the HTTP status, the code of an error, or what broke."""
        self.positions = positions
        """What a WebSocket was told of its operations' positions."""


async def by_socket(url: str, payment_id: str, after: int) -> AsyncGenerator[Result, None]:
    """graphql-transport-ws."""
    positions = None
    payload = {"query": WATCH, "variables": {"id": payment_id}, "extensions": {"after": after}}
    try:
        async with connect(url.replace("http", "ws", 1), subprotocols=[SUBPROTOCOL], proxy=None) as socket:
            await socket.send('{"type": "connection_init"}')
            async for text in socket:
                message = json.loads(text)
                match message["type"]:
                    case "connection_ack":
                        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
                    case "next":
                        yield message["payload"]
                    case "ping":
                        positions = message.get("payload", {}).get("positions", positions)
                    case "complete":
                        return
                    case other:
                        raise AssertionError(f"{other}: {text!r}")
            raise HandedBack(socket.close_code or 0, positions)
    except ConnectionClosed as closed:
        raise HandedBack(closed.rcvd.code if closed.rcvd else "cut", positions) from None
    except (InvalidHandshake, OSError) as fault:
        raise HandedBack(type(fault).__name__) from None


async def by_events(url: str, payment_id: str, after: int) -> AsyncGenerator[Result, None]:
    """GraphQL over SSE, resumed as a browser's EventSource does it."""
    headers = {"accept": "text/event-stream", "last-event-id": str(after)}
    async for line in _lines(url, payment_id, headers, {}):
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
        elif line == "event: complete":
            return
    raise HandedBack("no complete")


async def by_multipart(url: str, payment_id: str, after: int) -> AsyncGenerator[Result, None]:
    """Multipart subscriptions, as Apollo Client speaks them."""
    headers = {"accept": 'multipart/mixed;subscriptionSpec="1.0", application/json'}
    async for line in _lines(url, payment_id, headers, {"after": after}):
        if line == "--graphql--":
            return
        message = json.loads(line) if line.startswith("{") else {}
        if "errors" in message:
            raise HandedBack(message["errors"][0]["extensions"]["code"])
        if message:
            yield message["payload"]
    raise HandedBack("no last part")


async def _lines(
    url: str, payment_id: str, headers: dict[str, str], extensions: dict[str, Any]
) -> AsyncGenerator[str, None]:
    body = {"query": WATCH, "variables": {"id": payment_id}, "extensions": extensions}
    try:
        async with (
            httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as client,
            client.stream("POST", url, json=body, headers=headers) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise HandedBack(answer.status_code)
            async for line in answer.aiter_lines():
                yield line
    except httpx.TransportError as fault:
        raise HandedBack(type(fault).__name__) from None
