"""Which subprotocol the two sides agree on."""

from app.audit.model import NotMet
from app.audit.target import TRANSPORT_WS, HandshakeRefused, Target
from app.audit.websocket.suite import SUITE, check_closed
from app.audit.wire import Closing

_UNKNOWN = "a-protocol-nobody-speaks"


@SUITE.must("handshake", "A client that offers graphql-transport-ws gets it")
async def _agreed(target: Target) -> str:
    return await _agreed_among(target, TRANSPORT_WS)


@SUITE.must("handshake-among-others", "graphql-transport-ws is chosen when it is offered among others")
async def _chosen(target: Target) -> str:
    return await _agreed_among(target, _UNKNOWN, TRANSPORT_WS)


@SUITE.should("handshake-none", "A client that offers no subprotocol is refused, with 4406 or in the handshake")
async def _none_offered(target: Target) -> str:
    return await _not_acceptable(target)


@SUITE.should(
    "handshake-unknown", "A client that offers unknown subprotocols is refused, with 4406 or in the handshake"
)
async def _unknown_offered(target: Target) -> str:
    return await _not_acceptable(target, _UNKNOWN)


async def _agreed_among(target: Target, *subprotocols: str) -> str:
    async with target.socket(*subprotocols) as wire:
        if wire.subprotocol != TRANSPORT_WS:
            raise NotMet(f"the server agreed on {wire.subprotocol or 'nothing'}")
        return wire.subprotocol


async def _not_acceptable(target: Target, *subprotocols: str) -> str:
    try:
        async with target.socket(*subprotocols) as wire:
            return await check_closed(wire, 4406)
    except HandshakeRefused as refusal:
        return str(refusal)


@SUITE.must("client-closes", "A client's close is answered with a close")
async def _client_closes(target: Target) -> str:
    async with target.ready_socket() as wire:
        closing = await wire.leave()
    if closing.code is None or closing.code == Closing.ABNORMAL:
        raise NotMet("the connection broke off without a close frame")
    return str(closing)
