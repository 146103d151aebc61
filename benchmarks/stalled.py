"""What does a reader that stops reading cost the gateway, while much is published that it watches?

Some of them watch all payments of their merchant over WebSockets, each change many kilobytes long, and read
nothing. Payments are made until each has far more to come than the gateway may hold for it.
"""

import asyncio
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psutil
import uvloop

from tests.support.client import FrontEnd, front_end
from tests.support.raw_socket import open_raw, send
from tests.support.stack import running_stack
from tests.support.waiting import eventually

BUDGET_KIB = 256
"""What the hub holds for one watcher at the most."""
_ALIASES = 12
_FIELDS = "{ id status version previousVersion amount { amount currency } history { version status at } }"
_CHANGE = " ".join(f"p{number}: payment {_FIELDS}" for number in range(_ALIASES))
WATCH = f"subscription {{ merchantPayments {{ cursor {_CHANGE} }} }}"
_AT_A_TIME = 16
_SAMPLE_SECONDS = 0.1

Result = dict[str, Any]


async def main(readers: int = 20, payments: int = 200) -> list[Result]:
    """Make payments before any reader is there, and as many again while all of them stand still."""
    # They are to stay for as long as it takes.
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder), PAYGATE_STALLED_SECONDS="600") as stack,
        ExitStack() as peers,
    ):
        gateway = psutil.Process(stack.processes()["gateway"]["pid"])
        async with front_end(stack) as client:
            await _pay(client, payments)
            before = gateway.memory_info().rss
            for _ in range(readers):
                peer = peers.enter_context(await asyncio.to_thread(open_raw, stack.port))
                send(peer, {"id": "1", "type": "subscribe", "payload": {"query": WATCH}})
            await eventually(lambda: _watching(stack.port, readers), what=f"{readers} watchers")
            paying = asyncio.create_task(_pay(client, payments))
            most = before
            while not paying.done():
                await asyncio.wait({paying}, timeout=_SAMPLE_SECONDS)
                most = max(most, gateway.memory_info().rss)
            await paying
    return [
        {
            "name": f"{readers} readers that stop reading, {payments} payments published",
            "value": round((most - before) / readers / 1024),
            "unit": "KiB each at most",
            "aim": BUDGET_KIB,
            "mib_before": before >> 20,
            "mib_at_most": most >> 20,
        }
    ]


async def _watching(port: int, readers: int) -> bool:
    """Whether the gateway serves so many subscriptions: a reader that was refused would cost nothing."""
    async with httpx.AsyncClient(trust_env=False) as scraper:
        metrics = (await scraper.get(f"http://127.0.0.1:{port}/metrics")).text
    lines = (line.split() for line in metrics.splitlines())
    return any(line[0] == "paygate_live_watchers" and float(line[1]) >= readers for line in lines if len(line) == 2)


async def _pay(client: FrontEnd, count: int) -> None:
    """Make so many payments, and return when they have ended."""
    room = asyncio.Semaphore(_AT_A_TIME)

    async def pay() -> None:
        async with room:
            await client.initiate(waitFor="FINAL", timeoutMs=30_000)

    await asyncio.gather(*(pay() for _ in range(count)))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for result in runner.run(main()):
            sys.stdout.write(json.dumps(result) + "\n")
