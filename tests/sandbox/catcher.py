"""Where the simulators' notices arrive in a test."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Caught:
    """A request as it came; header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(compare=False)
    body: bytes


@dataclass
class Catcher:
    """`url` is where notices go to (…/webhooks)."""

    url: str
    requests: asyncio.Queue[Caught] = field(default_factory=asyncio.Queue)

    async def caught(self) -> Caught:
        """The next notice."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self.requests.get()


@asynccontextmanager
async def catching(replies: Sequence[bytes] = (b"{}",)) -> AsyncIterator[Catcher]:
    """Answers each request with 200 and the next body; the last one stays."""
    left = list(replies)
    requests: asyncio.Queue[Caught] = asyncio.Queue()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            requests.put_nowait(await _read(reader))
            body = left.pop(0) if len(left) > 1 else left[0]
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield Catcher(f"http://127.0.0.1:{port}/webhooks", requests)


async def _read(reader: asyncio.StreamReader) -> Caught:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Caught(method, target, headers, await reader.readexactly(int(headers.get("content-length", 0))))
