"""A WebSocket around a protocol: what comes in goes to the protocol, what it wants done is done here.

Each operation is a task of the session's group, so that it ends with the socket; what a mutation has begun runs on in
the gateway (see `app.gateway.inflight`).
"""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, assert_never

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.access.callers import Caller, Unauthenticated
from app.transports.effects import Authenticate, Close, Effect, Send, Start, Stop
from app.transports.ends import End
from app.transports.socket_protocol import SocketProtocol
from schema.context import Context, Services, position_from
from schema.errors import api_error
from schema.execution import Executor, Operation, refused

log = structlog.get_logger()


class Identify(Protocol):
    """Who is calling, by the handshake and by what `connection_init` or a new token says."""

    async def __call__(self, socket: WebSocket, payload: Mapping[str, Any]) -> Caller:
        """The caller; raises `Unauthenticated`."""
        ...


@dataclass
class WebSocketSession:
    """One socket, from the accepted handshake to its end."""

    socket: WebSocket
    protocol: SocketProtocol
    executor: Executor
    services: Callable[[], Services]
    identify: Identify
    _caller: Caller | None = None
    _operations: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _closed: bool = False

    async def run(self) -> None:
        """Serve the socket until either side ends it."""
        async with asyncio.TaskGroup() as tasks:
            try:
                await self._serve(tasks)
            finally:
                for operation in self._operations.values():
                    operation.cancel()

    async def _serve(self, tasks: asyncio.TaskGroup) -> None:
        while not self._closed:
            try:
                async with asyncio.timeout_at(self.protocol.next_deadline()):
                    message = await self.socket.receive()
            except TimeoutError:
                await self._carry_out(self.protocol.tick(self.now()), tasks)
                continue
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            received = self.protocol.received(text, self.now()) if text is not None else self._binary()
            await self._carry_out(received, tasks)

    def _binary(self) -> list[Effect]:
        return self.protocol.received_binary(self.now())

    async def end(self, end: End, tasks: asyncio.TaskGroup) -> None:
        """End the connection from the server's side."""
        await self._carry_out(self.protocol.ending(end, self.now()), tasks)

    async def _carry_out(self, effects: list[Effect], tasks: asyncio.TaskGroup) -> None:
        for effect in effects:
            match effect:
                case Send(text):
                    await self._send(text)
                case Start():
                    # Kept from the start: a client may stop an operation before its task has run at all.
                    self._operations[effect.id] = tasks.create_task(self._execute(effect, tasks))
                case Stop(operation_id):
                    if operation := self._operations.pop(operation_id, None):
                        operation.cancel()
                case Authenticate():
                    tasks.create_task(self._authenticate(effect, tasks))
                case Close():
                    await self._close(effect)
                case _:
                    assert_never(effect)

    async def _authenticate(self, asked: Authenticate, tasks: asyncio.TaskGroup) -> None:
        try:
            self._caller = await self.identify(self.socket, asked.payload)
        except Unauthenticated as fault:
            await self._carry_out(self.protocol.refused(str(fault), self.now()), tasks)
        else:
            await self._carry_out(self.protocol.acknowledged(None, self.now()), tasks)

    async def _execute(self, start: Start, tasks: asyncio.TaskGroup) -> None:
        try:
            await self._stream(start, tasks)
        except asyncio.CancelledError:
            raise
        except Exception as fault:  # noqa: BLE001 — one operation's fault ends that operation alone
            where = "".join(traceback.format_tb(fault.__traceback__))
            log.error("operation failed", fault=type(fault).__name__, where=where)  # noqa: TRY400 — not its text
            await self._carry_out(self.protocol.failed(start.id, End.INTERNAL.errors()), tasks)
        finally:
            if self._operations.get(start.id) is asyncio.current_task():
                del self._operations[start.id]

    async def _stream(self, start: Start, tasks: asyncio.TaskGroup) -> None:
        request = start.request
        try:
            resume_after = position_from(request.extensions.get("after"))
        except ValueError:
            error = api_error("INVALID_INPUT", "extensions.after: takes a position this server gave out", field="after")
            await self._carry_out(self.protocol.failed(start.id, refused(error).failure or b"[]"), tasks)
            return
        context = Context(self.services(), self._caller, resume_after=resume_after)
        operation = Operation(request.query, request.variables, request.operation_name)
        async with aclosing(self.executor.stream(operation, context)) as answers:
            async for answer in answers:
                if answer.failure is not None:
                    await self._carry_out(self.protocol.failed(start.id, answer.failure), tasks)
                    return
                await self._carry_out(self.protocol.next(start.id, answer.body), tasks)
        await self._carry_out(self.protocol.completed(start.id), tasks)

    async def _send(self, text: bytes) -> None:
        if not self._closed:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.socket.send({"type": "websocket.send", "text": text.decode()})

    async def _close(self, close: Close) -> None:
        if self._closed:
            return
        self._closed = True
        for operation in self._operations.values():
            operation.cancel()
        if self.socket.client_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.socket.close(close.code, close.reason)

    @staticmethod
    def now() -> float:
        """Seconds, of the clock the protocol is fed with."""
        return asyncio.get_running_loop().time()
