"""A Redis in memory: what the projection writes, what the gateway reads, and pub/sub in its own protocol.

The real publisher, read model and feed run on it; only the network and the server are made up, so that either can fail
at any moment. What the scripts do is written here once more: `tests/integration/test_projection.py` holds the real ones
to it.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast

import hiredis
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from projections import merchant_feed, publisher

_LATENCY_SECONDS = 0.002
_PATIENCE_SECONDS = 5.0


class SimulatedRedis:
    """The server. `fates` are what becomes of the next messages, one each; it is in good order when there are none."""

    def __init__(self, rng: Random, injected: Counter[str]) -> None:
        self.rng = rng
        self.injected = injected
        self.up = True
        self.fates: deque[str] = deque()
        self.gateway = Line(self)
        self.projection = Line(self)
        self._data: dict[str, Any] = {}
        self._saved: dict[str, Any] = {}
        self._listeners: list[Subscriber] = []
        self._belated: list[tuple[str, bytes]] = []

    # What goes wrong with it.

    def save(self) -> None:
        """What a power cut will leave."""
        self._saved = deepcopy(self._data)

    def stop(self, *, keeps_all: bool) -> None:
        self.up = False
        if not keeps_all:
            self._data = deepcopy(self._saved)
        self.cut()

    def start(self) -> None:
        self.up = True

    def flush(self) -> None:
        self._data = {}

    def cut(self) -> None:
        """Every subscriber's connection is closed."""
        for listener in self._listeners:
            listener.lose()
        self._listeners.clear()

    # What it is there for.

    async def dial(self, _url: str, make: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """A connection of the gateway's feed."""
        try:
            await self.gateway.reach()
        except (RedisConnectionError, RedisTimeoutError) as fault:
            raise ConnectionRefusedError from fault
        protocol = make()
        subscriber = Subscriber(self, protocol)
        self._listeners.append(subscriber)
        protocol.connection_made(subscriber)
        return protocol

    def publish(self, channel: str, message: bytes) -> None:
        fate = self.fates.popleft() if self.fates else "arrive"
        self.injected.update([fate] if fate != "arrive" else [])
        if fate == "late":
            self._belated.append((channel, message))
            return
        for _ in range({"lost": 0, "twice": 2}.get(fate, 1)):
            self._send(channel, b"0,1" if fate == "garbled" else message)
        for belated in self._belated:
            self._send(*belated)
        self._belated.clear()

    def _send(self, channel: str, message: bytes) -> None:
        for listener in self._listeners:
            listener.tell(channel, message)

    def send_belated(self) -> None:
        """What was late comes at last."""
        for belated in self._belated:
            self._send(*belated)
        self._belated.clear()

    def updates_of(self, key: str) -> bytes | None:
        """The last update in a view."""
        return cast("bytes | None", self._data.get(key, {}).get("update"))

    def run(self, command: tuple[Any, ...]) -> Any:
        """Carry out one command, all at once."""
        return _COMMANDS[command[0]](self, *command[1:])

    def script(self, text: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
        return _SCRIPTS[text](self, keys, args)

    def hget(self, key: str, name: str) -> Any:
        return self._data.get(key, {}).get(name)

    def get(self, key: str) -> Any:
        return self._data.get(key)

    def set(self, key: str, value: Any, only_new: bool) -> None:
        if not (only_new and key in self._data):
            self._data[key] = value

    def write(self, keys: Sequence[str], args: Sequence[Any]) -> int:
        revision, view, update, channel = args[:4]
        stored = self._data.setdefault(keys[0], {"revision": -1})
        if stored["revision"] >= revision:
            return 0
        stored.update(revision=revision, view=view.encode())
        if update:
            stored["update"] = update
            self.publish(channel, update)
        return 1

    def advance(self, keys: Sequence[str], args: Sequence[Any]) -> int:
        have = self._data.get(keys[0])
        if have is None or have < args[1]:
            return 0
        self._data[keys[0]] = max(have, args[0])
        return 1

    def rewind(self, keys: Sequence[str], args: Sequence[Any]) -> None:
        if keys[0] in self._data:
            self._data[keys[0]] = min(self._data[keys[0]], args[0])


_COMMANDS: dict[str, Callable[..., Any]] = {
    "hget": SimulatedRedis.hget,
    "get": SimulatedRedis.get,
    "set": SimulatedRedis.set,
    "script": SimulatedRedis.script,
    "nothing": lambda _: None,
}
_SCRIPTS: dict[str, Callable[..., Any]] = {
    publisher._WRITE: SimulatedRedis.write,
    publisher._CHECKPOINT: SimulatedRedis.advance,
    publisher._REWIND: SimulatedRedis.rewind,
    # No merchant watches here.
    merchant_feed._APPEND: lambda *_: None,
}


class Line:
    """The network between Redis and one process. While it is parted nothing passes, and nobody is told."""

    def __init__(self, server: SimulatedRedis) -> None:
        self._server = server
        self._whole = asyncio.Event()
        self._whole.set()

    @property
    def parted(self) -> bool:
        return not self._whole.is_set()

    def part(self) -> None:
        self._whole.clear()

    def heal(self) -> None:
        self._whole.set()

    async def reach(self) -> None:
        """Return when something has come over; raises what a client of Redis raises."""
        await asyncio.sleep(self._server.rng.random() * _LATENCY_SECONDS)
        if self.parted:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._whole.wait()
            except TimeoutError:
                raise RedisTimeoutError("no answer") from None
        if not self._server.up:
            raise RedisConnectionError("refused")

    def client(self) -> Redis:
        """What the real publisher and read model take for a client of Redis."""
        return cast("Redis", _Client(self, self._server))


@dataclass
class _Commands:
    line: Line
    server: SimulatedRedis

    async def carry_out(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        await self.line.reach()
        answers = []
        for number, command in enumerate(commands):
            # Others may come between two commands, and the server may go.
            if number and command[0] == "script" and self.server.rng.random() < 0.2:
                await self.line.reach()
            answers.append(self.server.run(command))
        if self.server.rng.random() < 0.3:
            # The answer is under way for a while, and may be lost.
            await self.line.reach()
        return answers


@dataclass
class _Client(_Commands):
    async def hget(self, key: str, name: str) -> Any:
        return (await self.carry_out([("hget", key, name)]))[0]

    async def get(self, key: str) -> Any:
        return (await self.carry_out([("get", key)]))[0]

    async def set(self, key: str, value: Any, *, nx: bool) -> None:
        await self.carry_out([("set", key, value, nx)])

    def pipeline(self, *, transaction: bool) -> "_Pipeline":  # noqa: ARG002 — as the library's
        return _Pipeline(self.line, self.server)

    def register_script(self, text: str) -> Callable[..., Any]:
        async def run(keys: Sequence[str], args: Sequence[Any], client: "_Pipeline | None" = None) -> Any:
            command = ("script", text, keys, args)
            if client is not None:
                client.commands.append(command)
                return None
            return (await self.carry_out([command]))[0]

        return run


@dataclass
class _Pipeline(_Commands):
    commands: list[tuple[Any, ...]] = field(default_factory=list)

    def hget(self, key: str, name: str) -> None:
        self.commands.append(("hget", key, name))

    def get(self, key: str) -> None:
        self.commands.append(("get", key))

    async def zadd(self, *_: Any) -> None:
        self.commands.append(("nothing",))

    async def execute(self) -> list[Any]:
        return await self.carry_out(self.commands)

    def __len__(self) -> int:
        return len(self.commands)


class Subscriber(asyncio.Transport):
    """The server's end of one connection in pub/sub mode. What is on its way arrives in order."""

    def __init__(self, server: SimulatedRedis, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._server = server
        self._protocol = protocol
        self._reader = hiredis.Reader()
        self._channels: set[bytes] = set()
        self._asked: deque[list[bytes]] = deque()
        self._coming: deque[bytes] = deque()
        self._gone = False

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if self._unreachable():
            return
        self._reader.feed(bytes(data))
        while (command := self._reader.gets()) is not False:
            self._asked.append(cast("list[bytes]", command))
            self._later(self._answer)

    def abort(self) -> None:
        self._gone = True

    def lose(self) -> None:
        if not self._gone and not self._server.gateway.parted:
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)
        self._gone = True

    def tell(self, channel: str, message: bytes) -> None:
        name = channel.encode()
        if name in self._channels and not self._unreachable():
            self._send(b"*3\r\n$7\r\nmessage\r\n%b%b" % (_bulk(name), _bulk(message)))

    def _unreachable(self) -> bool:
        # What is sent into a network that is parted is lost, and with it the connection: nobody tries again.
        self._gone = self._gone or self._server.gateway.parted
        return self._gone

    def _answer(self) -> None:
        command, *channels = self._asked.popleft()
        if self._unreachable():
            return
        if command == b"PING":
            self._send(b"*2\r\n$4\r\npong\r\n$0\r\n\r\n")
        for channel in channels if command == b"SUBSCRIBE" else ():
            self._channels.add(channel)
            self._send(b"*3\r\n$9\r\nsubscribe\r\n%b:1\r\n" % _bulk(channel))
        for channel in channels if command == b"UNSUBSCRIBE" else ():
            self._channels.discard(channel)

    def _send(self, reply: bytes) -> None:
        self._coming.append(reply)
        self._later(self._arrive)

    def _arrive(self) -> None:
        reply = self._coming.popleft()
        if not self._unreachable():
            self._protocol.data_received(reply)

    def _later(self, step: Callable[[], None]) -> None:
        seconds = self._server.rng.random() * _LATENCY_SECONDS
        asyncio.get_running_loop().call_later(seconds, step)


def _bulk(text: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(text), text)
