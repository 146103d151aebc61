"""The endpoint for WebSockets: which subprotocol, from which origin, then a session."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.transports import ws_legacy, ws_protocol
from app.transports.connections import Connections
from app.transports.ends import End, close_reason
from app.transports.limits import ProtocolLimits
from app.transports.socket_protocol import SocketProtocol
from app.transports.validity import Validity
from app.transports.ws_session import Identify, WebSocketSession
from schema.context import Services
from schema.execution import Executor

# In the order of preference.
_MODERN: Mapping[str, type[SocketProtocol]] = {ws_protocol.SUBPROTOCOL: ws_protocol.GraphQLTransportWS}
_WITH_LEGACY: Mapping[str, type[SocketProtocol]] = {
    **_MODERN,
    ws_legacy.SUBPROTOCOL: ws_legacy.SubscriptionsTransportWS,
}


@dataclass(frozen=True)
class WebSocketEndpoint:
    """The ASGI application at `/graphql` for WebSockets."""

    executor: Executor
    services: Callable[[], Services]
    identify: Identify
    connections: Connections
    validity: Validity
    limits: ProtocolLimits
    origins: Sequence[str]
    """Other origins than the gateway's own whose pages may connect; `*` for any."""
    legacy: bool = False
    """Whether `graphql-ws` is spoken too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket."""
        socket = WebSocket(scope, receive, send)
        if not self._welcome(socket):
            # Before the handshake is accepted: HTTP 403.
            await socket.close()
            return
        refusal = self.connections.refusal or self.connections.places.refusal_of_strangers
        if refusal is not None:
            await socket.send_denial_response(Response(refusal.reason, 503, {"retry-after": "1"}))
            return
        offered = socket.scope.get("subprotocols", ())
        # A client may offer both; then it is to speak the newer one.
        subprotocol = next((name for name in self._spoken() if name in offered), None)
        if subprotocol is None:
            await socket.accept()
            await socket.close(End.SUBPROTOCOL.close_code, close_reason(End.SUBPROTOCOL.reason))
            return
        await socket.accept(subprotocol)
        protocol = self._spoken()[subprotocol](WebSocketSession.now(), self.limits)
        session = WebSocketSession(socket, protocol, self.executor, self.services, self.identify, self.validity)
        await session.run(self.connections)

    def _spoken(self) -> Mapping[str, type[SocketProtocol]]:
        return _WITH_LEGACY if self.legacy else _MODERN

    def _welcome(self, socket: WebSocket) -> bool:
        """A page of another site must not speak with its visitor's rights (cross-site WebSocket hijacking)."""
        origin = socket.headers.get("origin")
        if origin is None or "*" in self.origins or origin in self.origins:
            return True
        return urlsplit(origin).netloc == socket.headers.get("host")
