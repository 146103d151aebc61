"""The one Redis subscription of this process.

Pub/sub loses what is published while a connection is down, so the connection is ours to lose and to make again: every
loss is seen, and after each new connection `on_loss` is told that messages may be missing. A connection
that is silent although it is pinged counts as lost, also when the network says nothing.
"""

import asyncio
import random
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import hiredis
import structlog

from app.observability.metrics import FEED_LOSSES
from app.redisio import address

_CONNECT_SECONDS = 2.0
_MOST_WAIT_SECONDS = 1.0
_CHANNELS_A_COMMAND = 500

Dial = Callable[[str, Callable[[], asyncio.Protocol]], Awaitable[asyncio.Protocol]]
"""Connects to the Redis of a URL and answers the protocol made for the connection; raises `OSError`."""

log = structlog.get_logger()


class FeedLost(Exception):
    """The connection to Redis is gone or silent."""


async def dial(url: str, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
    """The network's own `Dial`."""
    where = address(url)
    loop = asyncio.get_running_loop()
    if where.get("path"):
        _, connection = await loop.create_unix_connection(make, where["path"])
    else:
        tls = ssl.create_default_context() if where["tls"] else None
        _, connection = await loop.create_connection(
            make, where.get("host", "localhost"), where.get("port", 6379), ssl=tls
        )
    return connection


@dataclass
class Feed:
    """Channels to listen to, and who is told. Run it with `run`; `subscribe` works at any time."""

    url: str
    on_message: Callable[[bytes, bytes], None]
    """Called with channel and payload, in order of arrival."""
    on_loss: Callable[[], None]
    """Called after every new connection, when all channels are subscribed: what came before it may be missing."""
    silence_seconds: float = 4.0
    """How long nothing may be heard of a connection, which is pinged four times in it, before it counts as lost."""
    dial: Dial = dial
    _channels: set[str] = field(default_factory=set)
    _connection: "_Connection | None" = None
    losses: int = 0

    @property
    def connected(self) -> bool:
        """Whether messages can arrive."""
        return self._connection is not None

    async def subscribe(self, channel: str) -> None:
        """Return when messages on `channel` arrive, or at once while Redis is away: `on_loss` will follow then."""
        self._channels.add(channel)
        if self._connection is not None:
            await self._connection.subscribe([channel])

    def unsubscribe(self, channel: str) -> None:
        """Listen to `channel` no more."""
        self._channels.discard(channel)
        if self._connection is not None:
            self._connection.send("UNSUBSCRIBE", channel)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        wait = 0.0
        while True:
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 — jitter, not a secret
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    connection = await self._connect()
            except (OSError, TimeoutError, FeedLost) as fault:
                log.warning("live feed cannot connect", fault=type(fault).__name__)
                wait = min(max(wait * 2, 0.05), _MOST_WAIT_SECONDS)
                continue
            wait = 0.05
            try:
                await self._listen(connection)
            except FeedLost as fault:
                self.losses += 1
                FEED_LOSSES.inc()
                log.warning("live feed lost", reason=str(fault))
            finally:
                self._connection = None
                connection.close()

    async def _connect(self) -> "_Connection":
        connection = _Connection(self.on_message, self.silence_seconds)
        await self.dial(self.url, lambda: connection)
        where = address(self.url)
        if where.get("password"):
            user = [where["username"]] if where.get("username") else []
            connection.send("AUTH", *user, where["password"])
        return connection

    async def _listen(self, connection: "_Connection") -> None:
        # Set before subscribing: whoever subscribes meanwhile does so on this connection.
        self._connection = connection
        await connection.subscribe(sorted(self._channels))
        self.on_loss()
        await connection.watch()


class _Connection(asyncio.Protocol):
    """One connection in pub/sub mode, RESP2 by hiredis."""

    def __init__(self, on_message: Callable[[bytes, bytes], None], silence_seconds: float) -> None:
        self._on_message = on_message
        self._silence_seconds = silence_seconds
        self._reader = hiredis.Reader()
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._confirmations: dict[bytes, deque[asyncio.Future[None]]] = {}
        self._heard = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]  # it is one of a stream

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"connection closed ({type(exc).__name__})" if exc else "connection closed")

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        self._reader.feed(data)
        try:
            while (reply := self._reader.gets()) is not False:
                self._handle(reply)
        except hiredis.ProtocolError:
            self._fail("what came is not Redis's protocol")

    def _handle(self, reply: Any) -> None:
        match reply:
            case [b"message", channel, payload]:
                self._on_message(channel, payload)
            case [b"subscribe", channel, _]:
                self._confirm(channel)
            case hiredis.ReplyError():
                self._fail(f"Redis refused: {reply}")

    def _confirm(self, channel: bytes) -> None:
        # One answer for each SUBSCRIBE, in order: the answer to an earlier one, which an UNSUBSCRIBE may already have
        # undone, says nothing of a later one.
        waiting = self._confirmations.get(channel)
        if not waiting:
            return
        confirmation = waiting.popleft()
        if not waiting:
            del self._confirmations[channel]
        if not confirmation.done():
            confirmation.set_result(None)

    def _fail(self, reason: str) -> None:
        lost = FeedLost(reason)
        if not self._lost.done():
            self._lost.set_exception(lost)
            # Nobody may be watching yet; the failure is then seen by whoever subscribes.
            self._lost.exception()
        for confirmations in self._confirmations.values():
            for confirmation in confirmations:
                if not confirmation.done():
                    confirmation.cancel()
        self._confirmations.clear()

    def send(self, *parts: str) -> None:
        """Send one command."""
        command: tuple[Any, ...] = parts
        self._transport.write(hiredis.pack_command(command))

    async def subscribe(self, channels: list[str]) -> None:
        """Return when all channels are confirmed, or when the connection is lost, which `watch` reports."""
        waiting = set()
        for start in range(0, len(channels), _CHANNELS_A_COMMAND):
            chunk = channels[start : start + _CHANNELS_A_COMMAND]
            for channel in chunk:
                confirmation = self._loop.create_future()
                self._confirmations.setdefault(channel.encode(), deque()).append(confirmation)
                waiting.add(confirmation)
            self.send("SUBSCRIBE", *chunk)
        if waiting and not self._lost.done():
            # A loss cancels the confirmations, so this ends with it.
            await asyncio.wait(waiting, timeout=self._silence_seconds)

    async def watch(self) -> None:
        """Ping until the connection is lost or silent, then raise `FeedLost`."""
        while True:
            done, _ = await asyncio.wait({self._lost}, timeout=self._silence_seconds / 4)
            if done:
                self._lost.result()
            if self._loop.time() - self._heard > self._silence_seconds:
                raise FeedLost(f"silent for {self._silence_seconds:g} s")
            self.send("PING")

    def close(self) -> None:
        """Let go of the connection at once; what is unsent is of no use to anybody."""
        self._transport.abort()
