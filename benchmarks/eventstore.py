"""How fast is the embedded event store, client and server together on this machine?

Every append is durable (one fsync per group of them) before it counts. The client is esdbclient's asyncio client
in this process; the server is a process of its own.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState

from tests.support.eventstore_process import EventStoreProcess

DATA = json.dumps({"amount": 1999, "currency": "EUR", "reference": "r" * 150}).encode()

Result = dict[str, Any]


def event() -> NewEvent:
    return NewEvent("PaymentCaptured", DATA)


async def main(seconds: float = 4.0) -> list[Result]:
    """Run everything against a fresh server; one result per question."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        async with EventStoreProcess(Path(folder)) as server:
            client = AsyncEventStoreDBClient(server.uri)
            await client.connect()
            try:
                results += [
                    await appends(client, writers=1, batch=1, seconds=seconds),
                    await appends(client, writers=32, batch=1, seconds=seconds),
                    await appends(client, writers=4, batch=100, seconds=seconds),
                    await catch_up(client, resolve=False),
                    await catch_up(client, resolve=True),
                    await latency(client, rounds=500),
                ]
            finally:
                await client.close()
    return results


async def appends(client: AsyncEventStoreDBClient, *, writers: int, batch: int, seconds: float) -> Result:
    """How many events per second do so many writers get durably written, each to streams of its own?"""
    deadline = time.perf_counter() + seconds
    written = 0

    async def write() -> None:
        nonlocal written
        while time.perf_counter() < deadline:
            await client.append_to_stream(
                f"payment-{uuid4().hex}",
                current_version=StreamState.NO_STREAM,
                events=[event() for _ in range(batch)],
            )
            written += batch

    taken = await _timed(lambda: asyncio.gather(*(write() for _ in range(writers))))
    name = f"appended events/s, {writers} writer{'s' * (writers > 1)}, {batch} per append"
    return {"name": name, "value": round(written / taken), "unit": "events/s"}


async def catch_up(client: AsyncEventStoreDBClient, *, resolve: bool, count: int = 50_000) -> Result:
    """How many events per second does one reader get out of history?"""
    category = f"bench{uuid4().hex}"
    for number in range(count // 500):
        await client.append_to_stream(
            f"{category}-{number % 10}", current_version=StreamState.ANY, events=[event() for _ in range(500)]
        )
    stream = f"$ce-{category}"
    seen = 0

    async def read() -> None:
        nonlocal seen
        async with await client.subscribe_to_stream(stream, resolve_links=resolve) as subscription:
            async for _ in subscription:
                seen += 1
                if seen == count:
                    break

    taken = await _timed(read)
    kind = "category, links resolved" if resolve else "stream"
    return {"name": f"catch-up events/s, {kind}", "value": round(seen / taken), "unit": "events/s"}


async def latency(client: AsyncEventStoreDBClient, *, rounds: int) -> Result:
    """How long after the call to append does a subscriber have the event?"""
    stream = f"payment-{uuid4().hex}"
    times: list[float] = []
    async with await client.subscribe_to_stream(stream) as subscription:
        for _ in range(rounds):
            started = time.perf_counter()
            appended = asyncio.create_task(
                client.append_to_stream(stream, current_version=StreamState.ANY, events=[event()])
            )
            await anext(subscription)
            times.append((time.perf_counter() - started) * 1000)
            await appended
    cuts = statistics.quantiles(times, n=100)
    return {
        "name": "append to subscriber, one at a time",
        "value": round(statistics.median(times), 2),
        "unit": "ms p50",
        "p99": round(cuts[98], 2),
    }


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for result in runner.run(main()):
            sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.write(json.dumps({"cores": os.cpu_count()}) + "\n")
