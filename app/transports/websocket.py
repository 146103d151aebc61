"""The endpoint for WebSockets: which subprotocol, from which origin, then a session."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.transports.connections import Connections
from app.transports.ends import End, close_reason
from app.transports.limits import ProtocolLimits
from app.transports.validity import Validity
from app.transports.ws_protocol import SUBPROTOCOL, GraphQLTransportWS
from app.transports.ws_session import Identify, WebSocketSession
from schema.context import Services
from schema.execution import Executor


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket."""
        socket = WebSocket(scope, receive, send)
        if not self._welcome(socket):
            # Before the handshake is accepted: HTTP 403.
            await socket.close()
            return
        if self.connections.refusal is not None:
            refusal = self.connections.refusal
            await socket.send_denial_response(Response(refusal.reason, 503, {"retry-after": "1"}))
            return
        if SUBPROTOCOL not in socket.scope.get("subprotocols", ()):
            await socket.accept()
            await socket.close(End.SUBPROTOCOL.close_code, close_reason(End.SUBPROTOCOL.reason))
            return
        await socket.accept(SUBPROTOCOL)
        protocol = GraphQLTransportWS(WebSocketSession.now(), self.limits)
        session = WebSocketSession(socket, protocol, self.executor, self.services, self.identify, self.validity)
        await session.run(self.connections)

    def _welcome(self, socket: WebSocket) -> bool:
        """A page of another site must not speak with its visitor's rights (cross-site WebSocket hijacking)."""
        origin = socket.headers.get("origin")
        if origin is None or "*" in self.origins or origin in self.origins:
            return True
        return urlsplit(origin).netloc == socket.headers.get("host")
