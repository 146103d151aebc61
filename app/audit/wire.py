"""A WebSocket on which `graphql-transport-ws` is spoken, with the form of whatever the server says checked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from app.audit.model import NotMet

Message = dict[str, Any]
_OF_OPERATIONS = ("next", "error", "complete")
_SERVERS_TYPES = ("connection_ack", "ping", "pong", *_OF_OPERATIONS)


@dataclass(frozen=True, slots=True)
class Closing:
    """How the server ended the socket; `code` is None when the connection broke off without a close frame."""

    code: int | None
    reason: str = ""

    ABNORMAL: ClassVar[int] = 1006
    """What RFC 6455 calls an end without a close frame; never sent."""

    def __str__(self) -> str:
        if self.code is None:
            return "the connection broke off without a close frame"
        return f"closed with {self.code} {self.reason}".rstrip()


class SocketClosed(NotMet):
    """The server ended the socket where it should have said something."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(str(closing))
        self.closing = closing


class Wire:
    """One socket; a `ping` of the server is answered without anybody noticing."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    @property
    def subprotocol(self) -> str | None:
        """What the server agreed on."""
        return self._connection.subprotocol

    async def send(self, kind: str, **members: Any) -> None:
        """Say a message."""
        await self.say(json.dumps({"type": kind, **members}))

    async def say(self, frame: str | bytes) -> None:
        """Send a frame, whatever it holds: text as text, bytes as binary."""
        try:
            await self._connection.send(frame)
        except ConnectionClosed as closed:
            raise SocketClosed(_closing(closed)) from None

    async def subscribe(self, operation_id: str, payload: Mapping[str, Any]) -> None:
        """Ask for an operation."""
        await self.send("subscribe", id=operation_id, payload=payload)

    async def hear(self) -> Message:
        """The server's next message; raises `SocketClosed` when there is none, `NotMet` when it is malformed."""
        while True:
            try:
                frame = await self._connection.recv()
            except ConnectionClosed as closed:
                raise SocketClosed(_closing(closed)) from None
            message = _checked(frame)
            if message["type"] != "ping":
                return message
            await self.send("pong")

    async def expect(self, kind: str) -> Message:
        """The server's next message, which has to be of this type."""
        message = await self.hear()
        if message["type"] != kind:
            raise NotMet(f"{_shown(message)} instead of {kind}")
        return message

    async def operation(self, operation_id: str) -> list[Message]:
        """All messages of an operation up to its `complete` or `error`; those of others are passed over."""
        heard = []
        while True:
            message = await self.hear()
            if message.get("id") == operation_id:
                heard.append(message)
                if message["type"] != "next":
                    return heard

    async def first(self, operation_id: str) -> Message:
        """The next message of an operation."""
        while True:
            message = await self.hear()
            if message.get("id") == operation_id:
                return message

    async def run(self, operation_id: str, payload: Mapping[str, Any]) -> list[Message]:
        """Ask for an operation and hear it to its end."""
        await self.subscribe(operation_id, payload)
        return await self.operation(operation_id)

    async def round_trip(self) -> list[Message]:
        """What the server still says before it answers a ping: by then it has dealt with all that was said to it."""
        await self.send("ping")
        heard = []
        while (message := await self.hear())["type"] != "pong":
            heard.append(message)
        return heard

    async def closing(self) -> Closing:
        """How the server ends the socket; whatever it says before is passed over."""
        try:
            while True:
                await self.hear()
        except SocketClosed as closed:
            return closed.closing

    async def leave(self) -> Closing:
        """Close as a client does; what the server answers."""
        await self._connection.close()
        return Closing(self._connection.close_code, self._connection.close_reason or "")


def _closing(closed: ConnectionClosed) -> Closing:
    return Closing(None) if closed.rcvd is None else Closing(closed.rcvd.code, closed.rcvd.reason)


def _checked(frame: str | bytes) -> Message:
    if isinstance(frame, bytes):
        raise NotMet("the server sent a binary frame")
    try:
        message = json.loads(frame)
    except ValueError:
        raise NotMet("the server sent a frame that is not JSON") from None
    if not isinstance(message, dict) or message.get("type") not in _SERVERS_TYPES:
        raise NotMet(f"the server sent what is no message of the protocol: {frame[:80]}")
    if message["type"] in _OF_OPERATIONS and not isinstance(message.get("id"), str):
        raise NotMet(f"the server sent {message['type']} without a string id")
    if message["type"] in ("next", "error") and "payload" not in message:
        raise NotMet(f"the server sent {message['type']} without a payload")
    return message


def _shown(message: Message) -> str:
    text = json.dumps(message, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:119]}…"
