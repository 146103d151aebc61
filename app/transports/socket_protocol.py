"""What both GraphQL subprotocols of WebSocket agree on: one socket's life, without the socket.

A protocol is fed with what arrives and with the time, and answers with effects. It does no I/O, keeps no timer and
never raises, whatever a client sends. After a `Close` it answers nothing any more.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, ClassVar

from app.transports.effects import Authenticate, Close, Effect, Send, Stop
from app.transports.ends import End
from app.transports.limits import ProtocolLimits, TokenBucket
from app.transports.operations import (
    MalformedJson,
    MalformedOperation,
    OperationRequest,
    decode_json,
    encode_json,
    operation_request,
)

DEFAULT_LIMITS = ProtocolLimits()


class MalformedMessage(ValueError):
    """A message the protocol does not know; the text is a sentence for the client."""


class Phase(Enum):
    """How far a connection has come."""

    OPENED = auto()
    """The socket is open, `connection_init` has not come."""
    AUTHENTICATING = auto()
    """`connection_init` has come and is not answered."""
    READY = auto()
    """Acknowledged."""
    CLOSED = auto()
    """Ended; nothing is processed any more."""


class SocketProtocol(ABC):
    """One socket of one subprotocol."""

    __slots__ = ("_bucket", "_heads", "_init_deadline", "_phase", "limits")

    RESULT: ClassVar[str]
    """The type of the message that carries a result."""

    def __init__(self, now: float, limits: ProtocolLimits = DEFAULT_LIMITS) -> None:
        """`now`: when the socket was opened, in seconds of a clock that never steps back."""
        self.limits = limits
        self._phase = Phase.OPENED
        self._init_deadline = now + limits.init_seconds
        self._bucket = TokenBucket(limits.messages_per_second, limits.message_burst, now)
        # Per operation, all of a result's message that comes before the payload: encoded once, not per result.
        self._heads: dict[str, bytes] = {}

    @property
    def phase(self) -> Phase:
        """How far the connection has come."""
        return self._phase

    @property
    def operations(self) -> frozenset[str]:
        """The ids in use."""
        return frozenset(self._heads)

    # What the client sends, and time.

    def received(self, text: str | bytes, now: float) -> list[Effect]:
        """A text message has come."""
        if self._phase is Phase.CLOSED:
            return []
        if not self._bucket.take(now):
            return self._close(End.RATE_LIMITED)
        if _size(text) > self.limits.message_bytes:
            return self._close(End.TOO_LARGE)
        self._heard(now)
        try:
            return self._handle(_parsed(text))
        except (MalformedJson, MalformedMessage) as fault:
            return self._malformed(str(fault))

    def received_binary(self, now: float) -> list[Effect]:  # noqa: ARG002 — every input has its time
        """A binary message has come, which no GraphQL subprotocol knows."""
        return self._close(End.BAD_REQUEST, "binary messages are not part of the protocol")

    def tick(self, now: float) -> list[Effect]:
        """Time has passed. Call it at `next_deadline`, or for many sockets together every second or so."""
        if self._phase is Phase.CLOSED:
            return []
        if self._phase is Phase.READY:
            return self._keep_alive(now)
        return self._close(End.INIT_TIMEOUT) if now >= self._init_deadline else []

    def next_deadline(self) -> float | None:
        """When `tick` will have something to do; None when never again."""
        if self._phase is Phase.CLOSED:
            return None
        return self._next_sign_of_life() if self._phase is Phase.READY else self._init_deadline

    # What authentication says.

    @abstractmethod
    def acknowledged(self, payload: Mapping[str, Any] | None, now: float) -> list[Effect]:
        """The client may go on; `payload` is told to it. Ignored when nothing was asked."""

    @abstractmethod
    def refused(self, reason: str | None, now: float) -> list[Effect]:
        """The client may not go on; `reason` must not quote what it sent."""

    # What the server says of itself.

    @abstractmethod
    def announced(self, payload: Mapping[str, Any]) -> list[Effect]:
        """Tell the client something of the connection as a whole, such as its positions before a drain."""

    def ending(self, end: End, now: float) -> list[Effect]:  # noqa: ARG002 — every input has its time
        """The server ends the connection: drain, overload, a token that has expired."""
        errors = end.errors()
        running = self._heads if end.tells_operations else ()
        return [*(self._error(operation_id, errors) for operation_id in running), *self._close(end)]

    # What execution says. An operation that is no longer there is ignored: its end has crossed the result.

    def next(self, operation_id: str, body: bytes) -> list[Effect]:
        """A result; `body` is its JSON and is not looked at."""
        head = self._heads.get(operation_id)
        return [] if head is None else [_message(head, body)]

    def failed(self, operation_id: str, errors: bytes) -> list[Effect]:
        """It did not get as far as a result; `errors` is the JSON list of GraphQL errors. Ends the operation."""
        if self._heads.pop(operation_id, None) is None:
            return []
        return [self._error(operation_id, errors)]

    def completed(self, operation_id: str) -> list[Effect]:
        """There are no more results. Ends the operation."""
        if self._heads.pop(operation_id, None) is None:
            return []
        return [self._complete(operation_id)]

    # What the two protocols say differently.

    @abstractmethod
    def _handle(self, message: Mapping[str, Any]) -> list[Effect]:
        """Act on a message; raise `MalformedMessage` when it is not one."""

    @abstractmethod
    def _malformed(self, fault: str) -> list[Effect]:
        """Answer a message that is none."""

    @abstractmethod
    def _heard(self, now: float) -> None:
        """The peer is alive."""

    @abstractmethod
    def _keep_alive(self, now: float) -> list[Effect]:
        """Show life, or end a peer that shows none."""

    @abstractmethod
    def _next_sign_of_life(self) -> float:
        """When `_keep_alive` has something to do."""

    @abstractmethod
    def _error_payload(self, errors: bytes) -> bytes:
        """What an `error` says of a list of errors."""

    # What they say alike.

    def _init(self, message: Mapping[str, Any]) -> list[Effect]:
        payload = self._payload(message)
        if self._phase is not Phase.OPENED:
            return self._close(End.TOO_MANY_INITS)
        self._phase = Phase.AUTHENTICATING
        return [Authenticate(payload or {})]

    def _close(self, end: End, reason: str | None = None) -> list[Effect]:
        if self._phase is Phase.CLOSED:
            return []
        self._phase = Phase.CLOSED
        self._heads.clear()
        return [Close.because(end, reason)]

    def _begin(self, operation_id: str) -> None:
        self._heads[operation_id] = _head(operation_id, self.RESULT)

    def _stop(self, operation_id: str) -> list[Effect]:
        # A client's `complete` may cross ours on the way: an id nobody knows is no fault.
        return [] if self._heads.pop(operation_id, None) is None else [Stop(operation_id)]

    def _error(self, operation_id: str, errors: bytes) -> Send:
        return _message(_head(operation_id, "error"), self._error_payload(errors))

    def _too_many(self, operation_id: str) -> Send:
        return self._error(operation_id, End.SUBSCRIPTION_LIMIT.errors(limit=self.limits.operations))

    def _complete(self, operation_id: str) -> Send:
        return Send(encode_json({"id": operation_id, "type": "complete"}))

    def _operation_id(self, message: Mapping[str, Any]) -> str:
        operation_id = message.get("id")
        if isinstance(operation_id, str) and 0 < len(operation_id) <= self.limits.id_characters:
            return operation_id
        raise MalformedMessage(f"id: takes a string of 1 to {self.limits.id_characters} characters")

    @staticmethod
    def _request(message: Mapping[str, Any]) -> OperationRequest:
        try:
            return operation_request(message.get("payload"))
        except MalformedOperation as fault:
            joint = ": " if fault.field is None else "."
            raise MalformedMessage(f"payload{joint}{fault}") from None

    @staticmethod
    def _payload(message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        payload = message.get("payload")
        if payload is None or isinstance(payload, dict):
            return payload
        raise MalformedMessage("payload: takes an object or null")


def told(kind: str, payload: Mapping[str, Any] | None) -> Send:
    """A message of the connection as a whole."""
    return Send(encode_json({"type": kind} if payload is None else {"type": kind, "payload": payload}))


def _head(operation_id: str, kind: str) -> bytes:
    return encode_json({"id": operation_id, "type": kind, "payload": None}).removesuffix(b"null}")


def _message(head: bytes, payload: bytes) -> Send:
    return Send(b"%b%b}" % (head, payload))


def _size(text: str | bytes) -> int:
    return len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))


def _parsed(text: str | bytes) -> Mapping[str, Any]:
    message = decode_json(text)
    if not isinstance(message, dict):
        raise MalformedMessage("a message is a JSON object")
    if not isinstance(message.get("type"), str):
        raise MalformedMessage("type: takes a string")
    return message
