"""One connection to an ASGI application, without sockets: what is sent waits until the client reads it."""

import asyncio
from collections import deque
from typing import Any

from starlette.types import ASGIApp, Message


class Wire:
    """`room`: the bytes that may be under way before whoever sends has to wait, as in a socket's buffers."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._sent: deque[Message] = deque()
        self._under_way = 0
        self._to_server: deque[Message] = deque()
        self._changed: asyncio.Event | None = None
        """Where somebody waits for a change."""
        self._reading = True
        self._left = False
        self._ended = False
        self.serving: asyncio.Task[None] | None = None

    def open(self, application: ASGIApp, scope: dict[str, Any]) -> None:
        """Let the application serve this connection."""

        async def serve() -> None:
            try:
                await application(scope, self._receive, self._send)
            finally:
                self._ended = True
                self._change()

        self.serving = asyncio.create_task(serve())

    # The client's end.

    def say(self, message: Message) -> None:
        self._to_server.append(message)
        self._change()

    def read(self, *, on: bool) -> None:
        self._reading = on
        self._change()

    async def next(self) -> Message | None:
        """What came next; None when nothing more will."""
        while not self._left:
            if self._reading and self._sent:
                message = self._sent.popleft()
                self._under_way -= _size(message)
                self._change()
                return message
            if self._ended and not self._sent:
                return None
            await self._change_comes()
        return None

    def leave(self) -> None:
        """Be gone; what is under way is lost."""
        self._left = True
        self._sent.clear()
        self._change()

    # The server's end.

    async def _receive(self) -> Message:
        while not self._to_server:
            if self._left:
                return {"type": "http.disconnect"}
            await self._change_comes()
        return self._to_server.popleft()

    async def _send(self, message: Message) -> None:
        if self._left:
            return
        self._sent.append(message)
        self._under_way += _size(message)
        self._change()
        while self._under_way > self._room and not self._left:
            await self._change_comes()

    def _change(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    async def _change_comes(self) -> None:
        if self._changed is None:
            self._changed = asyncio.Event()
        await self._changed.wait()


class SocketWire(Wire):
    """The same for a WebSocket."""

    async def _receive(self) -> Message:
        message = await super()._receive()
        return {"type": "websocket.disconnect", "code": 1006} if message["type"] == "http.disconnect" else message


def _size(message: Message) -> int:
    return len(message.get("body", b"")) + len(message.get("text") or "")
