"""Several gateway processes behind one port drain as one does, are counted together and stand in for each other."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.client import FrontEnd
from tests.support.gateway_process import Gateway, gateway
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.support.watching import HandedBack, Watch, by_events, by_multipart, by_socket

WATCHES = [by_socket] * 24 + [by_events] * 8 + [by_multipart] * 8
HANDED_BACK: dict[Watch, HandedBack] = {
    by_socket: HandedBack(1012, {"1": 2}),
    by_events: HandedBack("no complete"),
    by_multipart: HandedBack("RECONNECT"),
}


@asynccontextmanager
async def two_workers(stack: Stack, folder: Path, **settings: str) -> AsyncGenerator[Gateway, None]:
    with gateway(stack, folder, PAYGATE_WORKERS="2", **settings) as running:
        await running.ready()
        family = workers_of(running)
        assert len(family) == 2
        yield running
        _, alive = psutil.wait_procs([*family, *workers_of(running)], timeout=5)
        assert alive == []


def workers_of(running: Gateway) -> list[psutil.Process]:
    try:
        return psutil.Process(running.process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


class Watcher:
    """Somebody who watches a payment from its beginning."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.position = -1

    async def until_handed_back(self, url: str, payment_id: str) -> HandedBack:
        """How the stream ends."""
        try:
            async with aclosing(self.watch(url, payment_id, -1)) as results:
                async for result in results:
                    self.position = result["extensions"]["position"]
        except HandedBack as end:
            return end
        raise AssertionError("the payment has ended")


async def all_see(watchers: Sequence[Watcher], position: int) -> None:
    async def seen() -> bool:
        return all(watcher.position == position for watcher in watchers)

    await eventually(seen, what=f"everybody at {position}")


@pytest.fixture
async def waiting_payment(client: FrontEnd) -> str:
    """The id of a payment that waits for its customer, at version 2."""
    return await client.begin("tok_authenticate", waitFor="ACTION_OR_FINAL", timeoutMs=20_000)


async def test_every_worker_hands_its_streams_back_with_their_positions(
    stack: Stack, waiting_payment: str, tmp_path: Path
) -> None:
    async with two_workers(stack, tmp_path, PAYGATE_DRAIN_SECONDS="0.5") as leaving:
        watchers = [Watcher(watch) for watch in WATCHES]
        async with asyncio.TaskGroup() as tasks:
            ends = [tasks.create_task(watcher.until_handed_back(leaving.url, waiting_payment)) for watcher in watchers]
            await all_see(watchers, 2)
            # Whichever worker is asked knows of the streams of both.
            assert await leaving.metric("paygate_live_watchers") == len(WATCHES)
            leaving.process.send_signal(signal.SIGTERM)
        assert leaving.process.wait(10) == 0
    for watcher, end in zip(watchers, ends, strict=True):
        expected = HANDED_BACK[watcher.watch]
        assert (end.result().how, end.result().positions) == (expected.how, expected.positions)


async def test_a_worker_that_dies_is_replaced_and_a_second_signal_stops_all_at_once(
    stack: Stack, waiting_payment: str, tmp_path: Path
) -> None:
    async with two_workers(stack, tmp_path, PAYGATE_DRAIN_SECONDS="60") as running:
        watching: list[asyncio.Task[HandedBack]] = []

        async def begin_watching(count: int) -> None:
            watchers = [Watcher(by_socket) for _ in range(count)]
            watching.extend(
                asyncio.create_task(each.until_handed_back(running.url, waiting_payment)) for each in watchers
            )
            await all_see(watchers, 2)

        await begin_watching(8)
        before = workers_of(running)
        before[0].kill()

        async def replaced() -> bool:
            return len(workers_of(running)) == 2 and before[0] not in workers_of(running)

        await eventually(replaced, what="another worker")

        async def only_open_ones_counted() -> bool:
            open_ones = sum(not task.done() for task in watching)
            return await running.metric("paygate_live_watchers") == open_ones

        await eventually(only_open_ones_counted, what="what the dead worker had open counted no more")
        await begin_watching(1)
        # Told once, they would take a minute; told again, they stop at once.
        running.process.send_signal(signal.SIGTERM)

        async def unready() -> bool:
            return await running.health() == 503

        await eventually(unready, what="503 from /health/ready")
        running.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(running.process.wait, 20)
        await asyncio.gather(*watching)


async def test_workers_whose_parent_is_killed_drain_and_end(stack: Stack, waiting_payment: str, tmp_path: Path) -> None:
    async with two_workers(stack, tmp_path, PAYGATE_DRAIN_SECONDS="0.5") as orphaned:
        watcher = Watcher(by_socket)
        watching = asyncio.create_task(watcher.until_handed_back(orphaned.url, waiting_payment))
        await all_see([watcher], 2)
        os.kill(orphaned.process.pid, signal.SIGKILL)
        end = await watching
    assert (end.how, end.positions) == (1012, {"1": 2})
