"""What do ten thousand idle subscriptions on one gateway process cost, and does each still work after five minutes?

Everything runs here, as with `paygate dev`: the subscriptions are WebSockets of two further processes, ten on each
payment. The payments are authorised and wait to be captured. After the five minutes some are, and everybody who watches
them has to see it. Takes seven minutes and more.
"""

import asyncio
import json
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import uvloop

from benchmarks.limits import raise_file_limit
from tests.support.client import FrontEnd, front_end
from tests.support.stack import running_stack

CLIENT_PROCESSES = 2
WATCHERS_EACH = 10
CAPTURED = 100
_SAMPLES = 5
_SETTLE_SECONDS = 10.0
_CONNECT_SECONDS = 600.0
_PATIENCE_SECONDS = 60.0
_BEGUN_AT_A_TIME = 16
_FILES_BESIDE = 500

Result = dict[str, Any]


async def main(subscriptions: int = 10_000, seconds: float = 300.0) -> list[Result]:
    """Connect, wait, capture; raises `RuntimeError` when the system allows too few open files."""
    most = raise_file_limit() - _FILES_BESIDE
    if most < subscriptions:
        raise RuntimeError(f"{subscriptions} connections need more open files than `ulimit -Hn` allows ({most})")
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        gateway = psutil.Process(stack.processes()["gateway"]["pid"])
        async with front_end(stack) as client:
            payment_ids = await _authorised(client, subscriptions // WATCHERS_EACH)
            at_start, used_before = _kib(gateway), _cpu_seconds(gateway)
            async with _watching(stack.websocket_url, payment_ids * WATCHERS_EACH) as crowd:
                connecting = await crowd.until("watching", subscriptions, _CONNECT_SECONDS)
                spent = _cpu_seconds(gateway) - used_before
                await asyncio.sleep(_SETTLE_SECONDS)
                connected, used = _kib(gateway), _cpu_seconds(gateway)
                began = time.perf_counter()
                sizes = [await _size_after(gateway, seconds / _SAMPLES) for _ in range(_SAMPLES)]
                cores = (_cpu_seconds(gateway) - used) / (time.perf_counter() - began)
                state = await crowd.state()
                reached = await _capture(client, payment_ids[:CAPTURED], crowd)
    return [
        {
            "name": f"{subscriptions:,} idle subscriptions, kept for {seconds:.0f} s",
            "value": state["watching"],
            "unit": "still connected",
            "beside": {name: count for name, count in state.items() if name != "watching" and count},
            "connected_per_second": round(subscriptions / connecting),
            "cpu_ms_to_connect_each": round(spent * 1000 / subscriptions, 1),
            "kib_each": round((connected - at_start) / subscriptions, 1),
            "mib_before": at_start >> 10,
            "mib_connected": connected >> 10,
            "mib_since": [size >> 10 for size in sizes],
            "gateway_cores": round(cores, 2),
        },
        reached,
    ]


async def _authorised(client: FrontEnd, count: int) -> list[str]:
    """The ids of so many payments that wait to be captured."""
    room = asyncio.Semaphore(_BEGUN_AT_A_TIME)

    async def begin() -> str:
        async with room:
            return await client.begin(capture="MANUAL")

    return list(await asyncio.gather(*(begin() for _ in range(count))))


async def _capture(client: FrontEnd, payment_ids: Sequence[str], crowd: "_Crowd") -> Result:
    """Capture payments; how long until everybody who watches them has seen their end."""
    expected = len(payment_ids) * WATCHERS_EACH
    began = time.perf_counter()
    for payment_id in payment_ids:
        await client.run("capturePayment", paymentId=payment_id)
    await crowd.until("completed", expected, _PATIENCE_SECONDS)
    return {
        "name": f"then {len(payment_ids)} payments captured",
        "value": (await crowd.state())["completed"],
        "unit": f"of {expected} watchers saw the end",
        "seconds": round(time.perf_counter() - began, 1),
    }


class _Crowd:
    """The processes with the sockets."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes

    async def state(self) -> Counter[str]:
        """What has become of the sockets of all processes together."""
        total = Counter[str]()
        for process in self._processes:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(b"\n")
            state = json.loads(await process.stdout.readline())
            for name, value in state.items():
                total.update(
                    {name: value} if isinstance(value, int) else {f"{name}: {why}": value[why] for why in value}
                )
        return total

    async def until(self, name: str, count: int, seconds: float) -> float:
        """Wait for so many sockets to have come so far, or the time to be up; how long it took."""
        began = time.perf_counter()
        while (await self.state())[name] < count:
            taken = time.perf_counter() - began
            if taken > seconds:
                break
            await asyncio.sleep(0.2)
        return time.perf_counter() - began


@asynccontextmanager
async def _watching(url: str, payment_ids: Sequence[str]) -> AsyncGenerator[_Crowd, None]:
    async with AsyncExitStack() as stack:
        processes = []
        for number in range(CLIENT_PROCESSES):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.watchers", url), stdin=PIPE, stdout=PIPE
            )
            stack.push_async_callback(_end, process)
            assert process.stdin is not None
            process.stdin.write(json.dumps(payment_ids[number::CLIENT_PROCESSES]).encode() + b"\n")
            processes.append(process)
        yield _Crowd(processes)


async def _end(process: Process) -> None:
    process.kill()
    await process.wait()


async def _size_after(process: psutil.Process, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return _kib(process)


def _kib(process: psutil.Process) -> int:
    return int(process.memory_info().rss) >> 10


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    subscriptions, seconds = (int(argument) for argument in sys.argv[1:3])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for result in runner.run(main(subscriptions, seconds)):
            sys.stdout.write(json.dumps(result) + "\n")
