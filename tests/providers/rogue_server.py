"""Servers that do what no server should, over real sockets."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class RogueServer:
    url: str
    requests: int = 0


@asynccontextmanager
async def rogue_server(behave: Behaviour, listener: socket.socket | None = None) -> AsyncIterator[RogueServer]:
    """A server that reads each request's head and then does as told, and closes the connection."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        rogue.requests += 1
        await behave(reader, writer)

    async with raw_server(connected, listener) as address:
        rogue = RogueServer(f"http://{address}")
        yield rogue


@asynccontextmanager
async def raw_server(behave: Behaviour, listener: socket.socket | None = None) -> AsyncIterator[str]:
    """A server that does as told with each connection, then closes it. Leave it after its clients."""
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.ensure_future(_until_closed(behave, reader, writer)))

    listener = listener or socket.create_server(("127.0.0.1", 0))
    async with await asyncio.start_server(connected, sock=listener):
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        await asyncio.gather(*connections)


async def _until_closed(behave: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):  # the client had enough
        await behave(reader, writer)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


def answers(raw: bytes) -> Behaviour:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return behave


def answers_json(status: int, body: object) -> Behaviour:
    return answers(http(status, json.dumps(body).encode()))


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Each request meets the next behaviour; the last one stays."""
    left = list(behaviours)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(reader, writer)

    return behave


async def never_answers(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await reader.read(4096):
        pass


async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    # Linger of zero seconds: closing sends RST.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def resetting_at_once() -> Iterator[str]:
    """A server, on a thread of its own, that resets each connection as soon as it stands."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.close()

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            serving.join()


def http(status: int, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


TRUNCATED = http(200, b'{"id": "ch_1", "status": "autho' + b" " * 40)[:-40]
