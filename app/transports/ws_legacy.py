"""`graphql-ws`, the subprotocol of subscriptions-transport-ws, the server's side, without I/O.

For clients that cannot be changed any more. Section names in brackets are those of
apollographql/subscriptions-transport-ws, PROTOCOL.md; where it is silent, its reference server and client decide.
Where they leave a server open to abuse, this one is as strict as its successor: the init has a time limit, nothing is
executed before it, and a second one ends the connection.

A client of this protocol answers no keep-alive. Whether it is still there only the WebSocket's own ping can tell.
"""

import json
from collections.abc import Mapping
from typing import Any

from app.transports.effects import Effect, Start
from app.transports.ends import End
from app.transports.limits import ProtocolLimits
from app.transports.operations import OperationRequest, encode_json
from app.transports.socket_protocol import DEFAULT_LIMITS, MalformedMessage, Phase, SocketProtocol, told

SUBPROTOCOL = "graphql-ws"
_KEEP_ALIVE = told("ka", None)


class SubscriptionsTransportWS(SocketProtocol):
    """One socket that has agreed on `graphql-ws`."""

    __slots__ = ("_held", "_keep_alive_at")

    RESULT = "data"

    def __init__(self, now: float, limits: ProtocolLimits = DEFAULT_LIMITS) -> None:
        """`now`: when the socket was opened."""
        super().__init__(now, limits)
        self._keep_alive_at = now
        # The reference client does not wait for the acknowledgement before it starts operations.
        self._held: dict[str, OperationRequest] = {}

    def acknowledged(self, payload: Mapping[str, Any] | None, now: float) -> list[Effect]:
        """The client is known [GQL_CONNECTION_ACK]: a keep-alive follows, then what it asked for meanwhile."""
        if self._phase is not Phase.AUTHENTICATING:
            return []
        self._phase = Phase.READY
        self._keep_alive_at = now + self.limits.ping_seconds
        held, self._held = self._held, {}
        started = [effect for each, request in held.items() for effect in self._started(each, request)]
        return [told("connection_ack", payload), _KEEP_ALIVE, *started]

    def refused(self, reason: str | None, now: float) -> list[Effect]:  # noqa: ARG002 — every input has its time
        """The client may not go on [GQL_CONNECTION_ERROR]."""
        if self._phase is Phase.CLOSED:
            return []
        answer = told("connection_error", {"message": reason or End.FORBIDDEN.reason})
        return [answer, *self._close(End.FORBIDDEN, reason)]

    def announced(self, payload: Mapping[str, Any]) -> list[Effect]:  # noqa: ARG002 — its successor has room for it
        """This protocol has no message for it."""
        return []

    def _handle(self, message: Mapping[str, Any]) -> list[Effect]:
        match message["type"]:
            case "connection_init":
                return self._init(message)
            case "start":
                return self._start(message)
            case "stop":
                return self._stopped(self._operation_id(message))
            case "connection_terminate":
                return self._close(End.CLIENT_LEFT)
            case _:
                raise MalformedMessage("type: is not one of this protocol")

    def _start(self, message: Mapping[str, Any]) -> list[Effect]:
        """[GQL_START]."""
        operation_id = self._operation_id(message)
        request = self._request(message)
        if self._phase is Phase.OPENED:
            return self._close(End.UNAUTHORIZED)
        if self._phase is Phase.AUTHENTICATING:
            return self._hold(operation_id, request)
        return self._started(operation_id, request)

    def _hold(self, operation_id: str, request: OperationRequest) -> list[Effect]:
        if operation_id not in self._held and len(self._held) >= self.limits.operations:
            return [self._too_many(operation_id)]
        self._held[operation_id] = request
        return []

    def _started(self, operation_id: str, request: OperationRequest) -> list[Effect]:
        """An id in use is taken over by the new operation, as the reference server does."""
        stopped = self._stop(operation_id)
        if len(self._heads) >= self.limits.operations:
            return [*stopped, self._too_many(operation_id)]
        self._begin(operation_id)
        return [*stopped, Start(operation_id, request)]

    def _stopped(self, operation_id: str) -> list[Effect]:
        """[Connected Phase]: the server answers a `stop` with `complete`."""
        if self._held.pop(operation_id, None) is not None:
            return [self._complete(operation_id)]
        stopped = self._stop(operation_id)
        return [*stopped, self._complete(operation_id)] if stopped else []

    def _malformed(self, fault: str) -> list[Effect]:
        """[GQL_CONNECTION_ERROR]: it is told and the message passed over; the connection stays."""
        return [told("connection_error", {"message": fault})]

    def _heard(self, now: float) -> None:
        """Silence means nothing here."""

    def _keep_alive(self, now: float) -> list[Effect]:
        """[GQL_CONNECTION_KEEP_ALIVE]."""
        if now < self._keep_alive_at:
            return []
        self._keep_alive_at = now + self.limits.ping_seconds
        return [_KEEP_ALIVE]

    def _next_sign_of_life(self) -> float:
        return self._keep_alive_at

    def _error_payload(self, errors: bytes) -> bytes:
        """[GQL_ERROR]: one error where its successor has a list, so the first one speaks for all."""
        return encode_json(json.loads(errors)[0])
