"""`graphql-transport-ws`, the server's side, without I/O.

Section names in brackets are those of enisdenjo/graphql-ws, PROTOCOL.md. What it leaves open is used thus: a `ping`
with `authorization` in its payload brings a new token for a connection that lives longer than the old one. The answer
is a `pong` at once, without the token, and another, unasked `pong` with what the server says of the new one; or a
close with 4403.
"""

from collections.abc import Mapping
from typing import Any

from app.transports.effects import Authenticate, Close, Effect, Send, Start, Stop
from app.transports.ends import End
from app.transports.limits import ProtocolLimits
from app.transports.socket_protocol import DEFAULT_LIMITS, MalformedMessage, Phase, SocketProtocol, told

__all__ = ["Authenticate", "Close", "Effect", "GraphQLTransportWS", "ProtocolLimits", "Send", "Start", "Stop"]

SUBPROTOCOL = "graphql-transport-ws"
_PING = told("ping", None)
_TOKEN_MEMBERS = ("authorization", "Authorization")


class GraphQLTransportWS(SocketProtocol):
    """One socket that has agreed on `graphql-transport-ws`."""

    __slots__ = ("_heard_at", "_next_token", "_ping_at", "_refreshing")

    RESULT = "next"

    def __init__(self, now: float, limits: ProtocolLimits = DEFAULT_LIMITS) -> None:
        """`now`: when the socket was opened."""
        super().__init__(now, limits)
        self._heard_at = now
        self._ping_at = now
        self._refreshing = False
        self._next_token: Mapping[str, Any] | None = None

    def acknowledged(self, payload: Mapping[str, Any] | None, now: float) -> list[Effect]:
        """The client is known, at first [ConnectionAck] or again; `payload` is told to it."""
        if self._phase is Phase.AUTHENTICATING:
            self._phase = Phase.READY
            self._heard_at = now
            self._ping_at = now + self.limits.ping_seconds
            return [told("connection_ack", payload)]
        if self._phase is Phase.READY and self._refreshing:
            return self._refreshed(payload)
        return []

    def refused(self, reason: str | None, now: float) -> list[Effect]:  # noqa: ARG002 — every input has its time
        """The client may not go on, at first or with its new token: 4403 [ConnectionInit]."""
        return self._close(End.FORBIDDEN, reason)

    def announced(self, payload: Mapping[str, Any]) -> list[Effect]:
        """Tell the client something of the connection as a whole [Ping]: `payload` is free."""
        return [told("ping", payload)] if self._phase is Phase.READY else []

    def _handle(self, message: Mapping[str, Any]) -> list[Effect]:
        match message["type"]:
            case "connection_init":
                return self._init(message)
            case "subscribe":
                return self._subscribe(message)
            case "complete":
                return self._stop(self._operation_id(message))
            case "ping":
                return self._ping(self._payload(message))
            case "pong":
                # Asked for or not [Pong]: that it came is all it says.
                self._payload(message)
                return []
            case _:
                raise MalformedMessage("type: is not one of this protocol")

    def _subscribe(self, message: Mapping[str, Any]) -> list[Effect]:
        """[Subscribe]: the form first, then 4401, 4409 and the limit; what the document says is the executor's."""
        operation_id = self._operation_id(message)
        request = self._request(message)
        if self._phase is not Phase.READY:
            return self._close(End.UNAUTHORIZED)
        if operation_id in self._heads:
            return self._close(End.DUPLICATE_ID, f"Subscriber for {operation_id} already exists")
        if len(self._heads) >= self.limits.operations:
            return [self._too_many(operation_id)]
        self._begin(operation_id)
        return [Start(operation_id, request)]

    def _ping(self, payload: Mapping[str, Any] | None) -> list[Effect]:
        """[Ping]: at any time, before init too; answered at once with its own payload."""
        if payload is None or not _brings_token(payload):
            return [told("pong", payload)]
        # A token goes one way only: what comes back ends up in logs of frames.
        pong = told("pong", {key: value for key, value in payload.items() if key not in _TOKEN_MEMBERS})
        return [pong, *self._refresh(payload)]

    def _refresh(self, payload: Mapping[str, Any]) -> list[Effect]:
        if self._phase is not Phase.READY:
            return []
        if self._refreshing:
            # One at a time; of those that come meanwhile the last one counts.
            self._next_token = payload
            return []
        self._refreshing = True
        return [Authenticate(payload, refresh=True)]

    def _refreshed(self, payload: Mapping[str, Any] | None) -> list[Effect]:
        answer: list[Effect] = [] if payload is None else [told("pong", payload)]
        self._refreshing = False
        waiting, self._next_token = self._next_token, None
        return answer if waiting is None else [*answer, *self._refresh(waiting)]

    def _malformed(self, fault: str) -> list[Effect]:
        """[Invalid message]: an immediate close with 4400."""
        return self._close(End.BAD_REQUEST, fault)

    def _heard(self, now: float) -> None:
        self._heard_at = now

    def _keep_alive(self, now: float) -> list[Effect]:
        silent_at = self._silent_at()
        if now > silent_at + self.limits.pong_seconds:
            # The tick is late by more than the peer is given: it was this process that stood still, and what the peers
            # sent meanwhile may be unread. To end them all would call for a storm of reconnects, so they are asked.
            self._heard_at = now - self.limits.ping_seconds
            self._ping_at = now
        elif now >= silent_at:
            return self._close(End.PEER_SILENT)
        if now < self._ping_at:
            return []
        self._ping_at = now + self.limits.ping_seconds
        return [_PING]

    def _next_sign_of_life(self) -> float:
        return min(self._ping_at, self._silent_at())

    def _silent_at(self) -> float:
        # One sum for the deadline and for whether it has come: two that differ in rounding would leave a tick that is
        # due at once and does nothing.
        return self._heard_at + self.limits.ping_seconds + self.limits.pong_seconds

    def _error_payload(self, errors: bytes) -> bytes:
        """[Error]: the list itself; no `complete` follows."""
        return errors


def _brings_token(payload: Mapping[str, Any]) -> bool:
    return any(isinstance(payload.get(member), str) for member in _TOKEN_MEMBERS)
