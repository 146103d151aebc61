"""A WebSocket around a protocol: what comes in goes to the protocol, what it wants done is done here.

Each operation is a task of the session's group, so that it ends with the socket; what a mutation has begun runs on in
the gateway (see `app.gateway.inflight`).
"""

import asyncio
import traceback
from collections.abc import Callable, Mapping
from contextlib import ExitStack, aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, assert_never

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.access.model import Caller, Unauthenticated
from app.access.permissions import can_continue
from app.access.rates import RateLimited
from app.transports.connections import Connections, Ending
from app.transports.effects import Authenticate, Close, Effect, Send, Start, Stop
from app.transports.ends import End
from app.transports.places import Places
from app.transports.socket_protocol import SocketProtocol
from app.transports.validity import Validity, announcement
from schema.context import Context, Services, position_from
from schema.errors import api_error, too_often
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
    validity: Validity
    _caller: Caller | None = None
    _operations: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _authentications: set[asyncio.Task[None]] = field(default_factory=set)
    _positions: dict[str, int | str] = field(default_factory=dict)
    _credential: ExitStack = field(default_factory=ExitStack)
    """What is held in the name of the caller; newer ones take the place of older ones."""
    _places: Places = field(default_factory=Places)
    _end_soon: Ending = field(default=lambda _: None)
    _closed: bool = False
    _waiting: asyncio.Timeout | None = None
    """Where the next message is waited for, and for how long."""

    async def run(self, connections: Connections) -> None:
        """Serve the socket until either side ends it."""
        async with asyncio.TaskGroup() as tasks:

            def end(reason: End) -> None:
                if not self._closed:
                    tasks.create_task(self._end(reason, tasks))

            self._end_soon = end
            self._places = connections.places
            with connections.opened(end), self._credential:
                # Until it has said who it is, it counts among the strangers.
                self._credential.enter_context(self._places.waiting())
                try:
                    await self._serve(tasks)
                finally:
                    self._closed = True
                    self._cancel_work()

    def _cancel_work(self) -> None:
        for work in (*self._operations.values(), *self._authentications):
            work.cancel()

    async def _serve(self, tasks: asyncio.TaskGroup) -> None:
        while not self._closed:
            try:
                async with asyncio.timeout_at(self.protocol.next_deadline()) as self._waiting:
                    message = await self.socket.receive()
            except TimeoutError:
                await self._carry_out(self.protocol.tick(self.now()), tasks)
                continue
            finally:
                self._waiting = None
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            received = self.protocol.received(text, self.now()) if text is not None else self._binary()
            await self._carry_out(received, tasks)

    def _binary(self) -> list[Effect]:
        return self.protocol.received_binary(self.now())

    async def _end(self, end: End, tasks: asyncio.TaskGroup) -> None:
        """End the connection from the server's side, the positions of its operations told first."""
        if self._positions:
            await self._carry_out(self.protocol.announced({"positions": dict(self._positions)}), tasks)
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
                    # Kept, so that one that hangs ends with the socket.
                    asking = tasks.create_task(self._authenticate(effect, tasks))
                    self._authentications.add(asking)
                    asking.add_done_callback(self._authentications.discard)
                case Close():
                    await self._close(effect)
                case _:
                    assert_never(effect)

    async def _authenticate(self, asked: Authenticate, tasks: asyncio.TaskGroup) -> None:
        try:
            caller = await self.identify(self.socket, asked.payload)
        except Unauthenticated as fault:
            await self._carry_out(self.protocol.refused(str(fault), self.now()), tasks)
            return
        except Exception as fault:  # noqa: BLE001 — whatever it is, the client may come back when it has passed
            _log_fault("authentication failed", fault)
            await self._carry_out(self.protocol.ending(End.UNAVAILABLE, self.now()), tasks)
            return
        if asked.refresh and self._caller is not None and not can_continue(self._caller, caller):
            # What runs here was begun in another's name.
            await self._carry_out(self.protocol.refused("the new token is somebody else's", self.now()), tasks)
            return
        self._caller = caller
        # A newer credential takes the place of the older one, whose expiry means nothing any more.
        self._credential.close()
        refusal = self._places.refusal_of(caller)
        if refusal is not None:
            await self._carry_out(self.protocol.ending(refusal, self.now()), tasks)
            return
        self._credential.enter_context(self._places.held(caller))
        self._credential.enter_context(self.validity.watched(caller, self._end_soon))
        await self._carry_out(self.protocol.acknowledged(announcement(caller), self.now()), tasks)
        self._reckon_anew()

    def _reckon_anew(self) -> None:
        """Another deadline holds than when the wait for the next message began."""
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(self.protocol.next_deadline())

    async def _execute(self, start: Start, tasks: asyncio.TaskGroup) -> None:
        try:
            await self._stream(start, tasks)
        except asyncio.CancelledError:
            raise
        except Exception as fault:  # noqa: BLE001 — one operation's fault ends that operation alone
            _log_fault("operation failed", fault)
            if self._current(start.id):
                await self._carry_out(self.protocol.failed(start.id, End.INTERNAL.errors()), tasks)
        finally:
            if self._current(start.id):
                del self._operations[start.id]
                self._positions.pop(start.id, None)

    async def _stream(self, start: Start, tasks: asyncio.TaskGroup) -> None:
        request = start.request
        try:
            resume_after = position_from(request.extensions.get("after"))
        except ValueError:
            error = api_error("INVALID_INPUT", "extensions.after: takes a position this server gave out", field="after")
            await self._carry_out(self.protocol.failed(start.id, refused(error).failure or b"[]"), tasks)
            return
        context = Context(self.services(), self._caller, resume_after=resume_after)
        operation = Operation(
            request.query, request.variables, request.operation_name, request.extensions, request.document_id
        )
        try:
            await self.executor.admit(operation, context)
        except RateLimited as fault:
            await self._carry_out(self.protocol.failed(start.id, refused(too_often(fault)).failure or b"[]"), tasks)
            return
        async with aclosing(self.executor.stream(operation, context)) as answers:
            async for answer in answers:
                if not self._current(start.id):
                    # Stopped meanwhile, and its id perhaps given to another.
                    return
                if answer.failure is not None:
                    await self._carry_out(self.protocol.failed(start.id, answer.failure), tasks)
                    return
                await self._carry_out(self.protocol.next(start.id, answer.body), tasks)
                if answer.position is not None:
                    self._positions[start.id] = answer.position
        if self._current(start.id):
            await self._carry_out(self.protocol.completed(start.id), tasks)

    def _current(self, operation_id: str) -> bool:
        """Whether the task that asks is the one the operation runs in."""
        return self._operations.get(operation_id) is asyncio.current_task()

    async def _send(self, text: bytes) -> None:
        if not self._closed:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.socket.send({"type": "websocket.send", "text": text.decode()})

    async def _close(self, close: Close) -> None:
        if self._closed:
            return
        self._closed = True
        self._cancel_work()
        if self.socket.client_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self.socket.close(close.code, close.reason)

    @staticmethod
    def now() -> float:
        """Seconds, of the clock the protocol is fed with."""
        return asyncio.get_running_loop().time()


def _log_fault(event: str, fault: Exception) -> None:
    # Where it happened and of what type, not its text, which may hold anything.
    where = "".join(traceback.format_tb(fault.__traceback__))
    log.error(event, fault=type(fault).__name__, where=where)
