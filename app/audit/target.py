"""The server under audit, as a check sees it."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from app.audit.model import NotExamined, NotMet, Unreachable
from app.audit.options import Options
from app.audit.scenario import Subscription
from app.audit.wire import Wire

TRANSPORT_WS = "graphql-transport-ws"
JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
_AT_ONCE_SECONDS = 0.05
"""What comes within it counts as one piece."""
_CLOSE_SECONDS = 5.0
_LOOKS = 2
_CONTENT_TYPE = {"content-type": JSON}


class HandshakeRefused(NotMet):
    """The server answered a WebSocket handshake with something else than 101."""


@dataclass(frozen=True, slots=True)
class Target:
    """One server, with the options that were given for it."""

    url: str
    options: Options
    http: httpx.AsyncClient

    @property
    def socket_url(self) -> str:
        """The same address for WebSockets."""
        return "ws" + self.url.removeprefix("http")

    async def reach(self) -> None:
        """Raise `Unreachable` unless something speaks HTTP at the address."""
        try:
            await self.http.get(self.url)
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            raise Unreachable(f"{self.url}: {str(fault) or type(fault).__name__}") from None

    async def post(self, body: Any, accept: str | None = JSON) -> httpx.Response:
        """The answer to a JSON body; bytes are sent as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.http.post(self.url, content=content, headers=_CONTENT_TYPE | accepting(accept))

    async def get(self, accept: str | None = JSON, **parameters: str) -> httpx.Response:
        """The answer to parameters in the address."""
        return await self.http.get(self.url, params=parameters, headers=accepting(accept))

    @asynccontextmanager
    async def stream(
        self, body: dict[str, Any], accept: str, method: str = "POST", **headers: str
    ) -> AsyncGenerator[httpx.Response, None]:
        """An answer that is still coming in; by GET the body's members go into the address."""
        if method == "GET":
            texts = {name: each if isinstance(each, str) else json.dumps(each) for name, each in body.items()}
            request = self.http.build_request("GET", self.url, params=texts, headers=accepting(accept) | headers)
        else:
            request = self.http.build_request(
                "POST", self.url, content=json.dumps(body), headers=_CONTENT_TYPE | accepting(accept) | headers
            )
        response = await self.http.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    @asynccontextmanager
    async def socket(self, *subprotocols: str) -> AsyncGenerator[Wire, None]:
        """An open WebSocket on which nothing has been said."""
        connecting = connect(
            self.socket_url,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            additional_headers=dict(self.options.headers),
            # The server is audited, not what a proxy on the way makes of it.
            proxy=None,
            ping_interval=None,
            # How long a rule may take is limited as a whole.
            open_timeout=None,
            close_timeout=_CLOSE_SECONDS,
            max_size=None,
        )
        try:
            connection = await connecting
        except InvalidStatus as refusal:
            raise HandshakeRefused(f"the handshake was answered with HTTP {refusal.response.status_code}") from None
        except (InvalidHandshake, InvalidMessage, OSError) as fault:
            raise HandshakeRefused(f"the handshake failed: {fault}") from None
        try:
            yield Wire(connection)
        finally:
            await connection.close()

    @asynccontextmanager
    async def ready_socket(self) -> AsyncGenerator[Wire, None]:
        """A WebSocket on which operations may begin."""
        async with self.socket(TRANSPORT_WS) as wire:
            await self.initialise(wire)
            yield wire

    async def initialise(self, wire: Wire) -> None:
        """Say `connection_init` as the server wants it and wait for the acknowledgement."""
        await self.say_init(wire)
        await wire.expect("connection_ack")

    async def say_init(self, wire: Wire) -> None:
        """Say `connection_init` as the server wants it."""
        payload = {} if self.options.init_payload is None else {"payload": dict(self.options.init_payload)}
        await wire.send("connection_init", **payload)

    @property
    def query(self) -> dict[str, Any]:
        """An operation that works."""
        return {"query": self.options.query}

    async def finite(self) -> dict[str, Any]:
        """A fresh subscription that gives at least two values and completes."""
        if self.options.scenario is None:
            raise NotExamined("no subscription was given")
        return await self._prepared(self.options.scenario.finite)

    async def lasting(self) -> dict[str, Any]:
        """A fresh subscription that gives a value and stays open."""
        if self.options.scenario is None or self.options.scenario.lasting is None:
            raise NotExamined("no subscription that stays open was given")
        return await self._prepared(self.options.scenario.lasting)

    async def _prepared(self, subscription: Subscription) -> dict[str, Any]:
        variables = dict(subscription.variables)
        if subscription.prepare is not None:
            answer = await self.post(subscription.prepare.request())
            try:
                variables |= subscription.prepare.taken_from(answer.json()["data"])
            except (ValueError, LookupError, TypeError):
                raise NotExamined(f"the scenario could not be prepared: HTTP {answer.status_code}") from None
        return {"query": subscription.document, "variables": variables}


async def check_as_they_come(duration: Callable[[], Awaitable[float]]) -> str:
    """Raise `NotMet` when a stream comes at once; `duration` reads one and says how many seconds it took to come.

    A reader that was itself held up finds everything there at once, whatever the server did, so it looks again.
    """
    for _ in range(_LOOKS):
        if await duration() >= _AT_ONCE_SECONDS:
            return "one after the other"
    raise NotMet("everything came at once")


def accepting(accept: str | None) -> dict[str, str]:
    """The header, or none at all."""
    return {} if accept is None else {"accept": accept}


@asynccontextmanager
async def opened(url: str, options: Options) -> AsyncGenerator[Target, None]:
    """The server at `url`."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        headers=dict(options.headers), timeout=options.seconds, limits=limits, trust_env=False
    ) as client:
        if "accept" not in {name.lower() for name in options.headers}:
            # What a client that says nothing is answered is itself a rule.
            del client.headers["accept"]
        yield Target(url, options, client)
