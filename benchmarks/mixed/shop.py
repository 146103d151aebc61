"""The merchant's endpoint: it verifies and keeps what it is told, and now and then fails, is slow or hangs up."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

_OK, _FAILED, _UNSIGNED = 204, 500, 400


@dataclass(frozen=True)
class Told:
    """One call: a signed CloudEvent about one version of a payment or order."""

    message_id: str
    event: dict[str, Any]

    @property
    def version(self) -> int:
        version: int = self.event["data"]["version"]
        return version


@dataclass
class Shop:
    """Of all calls a `share` goes wrong; `slow_seconds` is longer than paygate waits.

    One message fails `most_failures` times at most: the pauses between attempts soon are minutes.
    """

    share: float
    most_failures: int
    slow_seconds: float
    chance: Random
    secret: str = ""
    calls: dict[str, list[Told]] = field(default_factory=lambda: defaultdict(list))
    """By payment or order, in the order in which they came, those included that were answered badly."""
    faults: Counter[str] = field(default_factory=Counter)
    unverified: int = 0
    _failures: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many calls have come."""
        return sum(map(len, self.calls.values()))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the one call of a connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            headers, body = await _read(reader)
            status = await self._answer(headers, body)
            if status is not None:
                writer.write(f"HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
                await writer.drain()

    async def _answer(self, headers: dict[str, str], body: bytes) -> int | None:
        """The status to answer; None to hang up."""
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.unverified += 1
            return _UNSIGNED
        told = Told(headers["webhook-id"], json.loads(body))
        self.calls[told.event["subject"]].append(told)
        if self._failures[told.message_id] >= self.most_failures or self.chance.random() >= self.share:
            return _OK
        self._failures[told.message_id] += 1
        fault = self.chance.choice(("answers 500", "too slow", "hangs up"))
        self.faults[fault] += 1
        if fault == "too slow":
            await asyncio.sleep(self.slow_seconds)
        return {"answers 500": _FAILED, "too slow": _OK}.get(fault)


async def _read(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    _, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return headers, await reader.readexactly(int(headers.get("content-length", 0)))


@asynccontextmanager
async def open_shop(shop: Shop) -> AsyncIterator[str]:
    """The address at which the shop is called."""
    open_calls: set[asyncio.Task[None]] = set()

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await shop.serve(reader, writer)
        finally:
            writer.close()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Of its own: the library would report one that is cancelled.
        task = asyncio.ensure_future(call(reader, writer))
        open_calls.add(task)
        task.add_done_callback(open_calls.discard)

    async with await asyncio.start_server(connected, "127.0.0.1", 0, backlog=1_000) as server:
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
        finally:
            for task in open_calls:
                task.cancel()
            await asyncio.gather(*open_calls, return_exceptions=True)
