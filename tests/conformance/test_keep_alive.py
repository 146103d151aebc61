"""What stock servers leave out: a socket on which nothing happens is kept alive, and a dead one is let go.

On a real socket, with the twelve seconds of the protocol's reference server made short.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

import pytest
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.access.model import Caller, MerchantCaller
from app.domain.ids import MerchantId
from app.transports.connections import Connections
from app.transports.limits import ProtocolLimits
from app.transports.validity import Validity
from app.transports.websocket import WebSocketEndpoint
from schema.build import build_schema
from schema.execution import Executor
from tests.conformance.serving import served

HOUR = 3600.0
"""Once a socket is acknowledged, how long that might have taken counts no more."""


def _nothing() -> NoReturn:
    raise AssertionError("nothing here needs it")


async def _anybody(socket: WebSocket, payload: Mapping[str, Any]) -> Caller:  # noqa: ARG001
    return MerchantCaller(MerchantId("demo"))


@asynccontextmanager
async def acknowledged(limits: ProtocolLimits) -> AsyncGenerator[ClientConnection, None]:
    """An acknowledged socket of the gateway's own endpoint."""
    connections = Connections(most=1, lifetime_seconds=3600)
    validity = Validity(_nothing, lambda: datetime.now(UTC))
    endpoint = WebSocketEndpoint(Executor(build_schema()), _nothing, _anybody, connections, validity, limits, ())
    async with served(endpoint) as origin:
        address = origin.replace("http", "ws", 1)
        async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
            await socket.send('{"type": "connection_init"}')
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            yield socket


async def test_a_socket_on_which_nothing_happens_is_pinged_again_and_again() -> None:
    async with acknowledged(ProtocolLimits(init_seconds=HOUR, ping_seconds=0.1, pong_seconds=30)) as socket:
        for _ in range(3):
            assert json.loads(await socket.recv()) == {"type": "ping"}
            await socket.send('{"type": "pong"}')


async def test_a_peer_that_answers_no_ping_is_closed_as_one_that_may_come_back() -> None:
    async with acknowledged(ProtocolLimits(init_seconds=HOUR, ping_seconds=0.1, pong_seconds=0.1)) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await only_pings(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4408


async def only_pings(socket: ClientConnection) -> NoReturn:
    """Hear pings and answer none; raises `ConnectionClosed`."""
    while True:
        assert json.loads(await socket.recv()) == {"type": "ping"}
