"""How fast is the embedded event store, client and server together on this machine?

Every append counts only once it is durable: the server commits groups of them with one fsync. The client is
esdbclient's asyncio client in this process, the server a process of its own. Beside each figure stands how much of
a core the two used meanwhile: what is near 1 is the limit, for both are bound to one core by the interpreter.
Where the limit is the client or gRPC, the same is asked of a server that stores nothing: that is the ceiling.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import uvloop
from esdbclient import AsyncEventStoreDBClient, NewEvent, StreamState

from benchmarks import bare_server
from tests.support.eventstore_process import EventStoreProcess

DATA = json.dumps({"amount": 1999, "currency": "EUR", "reference": "r" * 150}).encode()
EVENTS_OF_HISTORY = 50_000
EVENTS_PER_APPEND = 500

Result = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """A server to measure, by its process, and a client of it."""

    server_pid: int
    client: AsyncEventStoreDBClient

    async def measure(self, name: str, unit: str, work: Callable[[], Awaitable[float]], **more: object) -> Result:
        """Run ``work``, which returns how much it got done, and report that per second."""
        processes = [psutil.Process(self.server_pid), psutil.Process()]
        used = [_cpu_seconds(process) for process in processes]
        started = time.perf_counter()
        done = await work()
        taken = time.perf_counter() - started
        server, client = (
            round((_cpu_seconds(process) - before) / taken, 2) for process, before in zip(processes, used, strict=True)
        )
        return {
            "name": name,
            "value": round(done / taken),
            "unit": unit,
            "server_cores": server,
            "client_cores": client,
            **more,
        }


async def main(seconds: float = 4.0) -> list[Result]:
    """Run everything against a fresh server; one result per question."""
    with tempfile.TemporaryDirectory() as folder:
        async with EventStoreProcess(Path(folder)) as server, _bench(server.uri, server.pid) as bench:
            one, many, batches, stream, category, live = [
                await appends(bench, writers=1, batch=1, seconds=seconds, aim=None),
                await appends(bench, writers=32, batch=1, seconds=seconds, aim=3_000),
                await appends(bench, writers=4, batch=100, seconds=seconds, aim=15_000),
                *await catch_up(bench),
                await latency(bench, rounds=1_000),
            ]
    with bare_server.running(DATA) as nothing:
        async with _bench(nothing.uri, nothing.pid) as bench:
            most_appends = await appends(bench, writers=32, batch=1, seconds=seconds, aim=None)
            most_read = await bench.measure(stream["name"], "events/s", lambda: _follow(bench.client, "bench-1"))
    return [one, _under(many, most_appends), batches, _under(stream, most_read), category, live]


@asynccontextmanager
async def _bench(uri: str, pid: int) -> AsyncIterator[Bench]:
    client = AsyncEventStoreDBClient(uri)
    await client.connect()
    try:
        yield Bench(pid, client)
    finally:
        await client.close()


def _under(result: Result, ceiling: Result) -> Result:
    """A result beside what the same client gets from a server that stores nothing."""
    return {**result, "ceiling": ceiling["value"], "of_ceiling": round(result["value"] / ceiling["value"], 2)}


async def appends(bench: Bench, *, writers: int, batch: int, seconds: float, aim: int | None) -> Result:
    """How many events per second do so many writers get durably written, each append to a new stream?"""
    deadline = time.perf_counter() + seconds

    async def write() -> int:
        written = 0
        while time.perf_counter() < deadline:
            await _append(bench.client, f"payment-{uuid4().hex}", batch)
            written += batch
        return written

    async def write_together() -> float:
        return sum(await asyncio.gather(*(write() for _ in range(writers))))

    name = f"append, {writers} writer{'s' * (writers > 1)}, {batch} event{'s' * (batch > 1)} each time"
    return await bench.measure(name, "events/s", write_together, aim=aim)


async def catch_up(bench: Bench) -> list[Result]:
    """How many events per second does one subscriber get out of history?"""
    category = f"bench{uuid4().hex}"
    stream = f"{category}-1"
    for _ in range(EVENTS_OF_HISTORY // EVENTS_PER_APPEND):
        await _append(bench.client, stream, EVENTS_PER_APPEND)

    async def of_stream() -> float:
        return await _follow(bench.client, stream)

    async def of_category() -> float:
        return await _follow(bench.client, f"$ce-{category}", resolve_links=True)

    return [
        await bench.measure("catch-up, stream", "events/s", of_stream, aim=30_000),
        await bench.measure("catch-up, category with links resolved", "events/s", of_category),
    ]


async def latency(bench: Bench, *, rounds: int) -> Result:
    """How long after the call to append does a subscriber have the event?"""
    stream = f"payment-{uuid4().hex}"
    milliseconds: list[float] = []
    async with await bench.client.subscribe_to_stream(stream) as subscription:
        for _ in range(rounds):
            started = time.perf_counter()
            appending = asyncio.create_task(_append(bench.client, stream, 1))
            await anext(subscription)
            milliseconds.append((time.perf_counter() - started) * 1000)
            await appending
    cuts = statistics.quantiles(milliseconds, n=100)
    return {
        "name": "append to subscriber, one event at a time",
        "value": round(cuts[49], 2),
        "unit": "ms p50",
        "p99": round(cuts[98], 2),
        "aim": 3,
    }


async def _append(client: AsyncEventStoreDBClient, stream: str, count: int) -> None:
    events = [NewEvent("PaymentCaptured", DATA) for _ in range(count)]
    await client.append_to_stream(stream, current_version=StreamState.ANY, events=events)


async def _follow(client: AsyncEventStoreDBClient, stream: str, *, resolve_links: bool = False) -> float:
    seen = 0
    async with await client.subscribe_to_stream(stream, resolve_links=resolve_links) as subscription:
        async for _ in subscription:
            seen += 1
            if seen == EVENTS_OF_HISTORY:
                break
    return seen


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for result in runner.run(main()):
            sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.write(json.dumps({"cores": os.cpu_count(), "load": os.getloadavg()}) + "\n")
