"""Does the event store stay small and quick to start when it holds a million events?

Once in ten streams and once in a hundred thousand: what is kept in memory must follow neither. Takes some minutes.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import uvloop
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState

from tests.support.eventstore_process import EventStoreProcess

DATA = json.dumps({"amount": 1999, "currency": "EUR", "reference": "r" * 150}).encode()
APPENDS_IN_FLIGHT = 16
START_UP_AIM = 2.0

Result = dict[str, Any]


async def main(events: int = 1_000_000) -> list[Result]:
    """Fill a fresh server in each of the two ways."""
    return [
        await fill("10 streams", events, streams=10, batch=500),
        await fill("100,000 streams", events, streams=events // 10, batch=10),
    ]


async def fill(name: str, events: int, *, streams: int, batch: int) -> Result:
    """How much memory does the server use after a fifth and after all, and how long does it take to start again?"""
    with tempfile.TemporaryDirectory() as folder:
        async with EventStoreProcess(Path(folder)) as server:
            client = AsyncEventStoreDBClient(server.uri)
            await client.connect()
            started = time.perf_counter()
            appends = (f"payment-{number % streams}" for number in range(events // batch))
            await _append(client, appends, batch, events // batch // 5)
            after_a_fifth = _memory(server)
            await _append(client, appends, batch, events // batch)
            after_all, taken = _memory(server), time.perf_counter() - started
            await client.close()
            size = sum(file.stat().st_size for file in Path(folder).iterdir())  # noqa: ASYNC240 - a handful of files
            await asyncio.to_thread(server.stop)
            started = time.perf_counter()
            await asyncio.to_thread(server.start)
            start_up = time.perf_counter() - started
    return {
        "name": f"{events:,} events in {name}",
        "value": round(start_up, 2),
        "unit": "s to start",
        "aim": START_UP_AIM,
        "mib_after_a_fifth": after_a_fifth,
        "mib_after_all": after_all,
        "file_mib": size >> 20,
        "appended_per_second": round(events / taken),
    }


async def _append(client: AsyncEventStoreDBClient, streams: Iterator[str], batch: int, count: int) -> None:
    """Make at most ``count`` of the appends that are left, several at a time."""
    left = count

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            stream = next(streams, None)
            if stream is None:
                return
            events = [NewEvent("PaymentCaptured", DATA) for _ in range(batch)]
            await client.append_to_stream(stream, current_version=StreamState.ANY, events=events)

    await asyncio.gather(*(work() for _ in range(APPENDS_IN_FLIGHT)))


def _memory(server: EventStoreProcess) -> int:
    return int(psutil.Process(server.pid).memory_info().rss) >> 20


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for result in runner.run(main()):
            sys.stdout.write(json.dumps(result) + "\n")
