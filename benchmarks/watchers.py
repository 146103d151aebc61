"""Many WebSockets that watch payments, in a process of their own: `python -m benchmarks.watchers URL`.

The first line it reads is a JSON list of payment ids: each is watched by one socket.
To every further line it answers with a line of JSON: the state of its sockets.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from benchmarks.limits import raise_file_limit

SUBPROTOCOL = Subprotocol("graphql-transport-ws")
WATCH = "subscription($id: ID!) { paymentStatus(id: $id) { status version previousVersion } }"
_CONNECTING_AT_A_TIME = 50


@dataclass
class Watchers:
    """What the sockets of this process have come to."""

    url: str
    watching: int = 0
    completed: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Attempts to connect that failed."""
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONNECTING_AT_A_TIME))

    def state(self) -> dict[str, Any]:
        return {
            "watching": self.watching,
            "completed": self.completed,
            "lost": dict(self.lost),
            "refused": dict(self.refused),
        }

    async def watch(self, payment_id: str) -> None:
        """Watch a payment until it or the connection ends."""
        async with self._room:
            socket = await self._subscribed(payment_id)
        self.watching += 1
        try:
            async for text in socket:
                match json.loads(text)["type"]:
                    case "ping":
                        await socket.send('{"type": "pong"}')
                    case "complete":
                        self.completed += 1
                        await socket.close()
                        return
            self.lost[str(socket.close_code)] += 1
        except (OSError, WebSocketException) as fault:
            self.lost[str(fault)] += 1
        finally:
            self.watching -= 1

    async def _subscribed(self, payment_id: str) -> ClientConnection:
        """A socket that has had its first value."""
        payload = {"query": WATCH, "variables": {"id": payment_id}}
        while True:
            try:
                socket = await connect(
                    self.url, subprotocols=[SUBPROTOCOL], compression=None, ping_interval=None, proxy=None
                )
                await socket.send('{"type": "connection_init"}')
                await socket.recv()
                await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
                await socket.recv()
            except (OSError, WebSocketException) as fault:
                self.refused[type(fault).__name__] += 1
            else:
                return socket


async def main(url: str) -> None:
    raise_file_limit()
    reader = asyncio.StreamReader(limit=16 * 1024 * 1024)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    payment_ids: Sequence[str] = json.loads(await reader.readline())
    watchers = Watchers(url)
    tasks = [asyncio.create_task(watchers.watch(payment_id)) for payment_id in payment_ids]
    while await reader.readline():
        sys.stdout.write(json.dumps(watchers.state()) + "\n")
        sys.stdout.flush()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
