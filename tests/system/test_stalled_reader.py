"""A peer that has stopped reading is let go, and costs no more than its budget meanwhile."""

import asyncio
import socket
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.gateway_process import gateway
from tests.support.raw_socket import open_raw, send
from tests.support.stack import Stack
from tests.support.waiting import eventually

LARGE = "{ __schema { types { name description fields { name description args { name } } } } }"
MEGABYTE = 1024 * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux sheds a peer that acknowledges nothing")
async def test_a_peer_that_stops_reading_is_evicted_and_memory_stays_bounded(stack: Stack, tmp_path: Path) -> None:
    with gateway(stack, tmp_path, PAYGATE_STALLED_SECONDS="2") as served:
        await served.ready()
        before = psutil.Process(served.process.pid).memory_info().rss
        stalled = [await asyncio.to_thread(_stop_reading, served.port) for _ in range(5)]

        async def all_gone() -> bool:
            return await served.metric("paygate_live_connections") == 0

        await eventually(all_gone, what="their eviction", seconds=30)
        grown = psutil.Process(served.process.pid).memory_info().rss - before
        for peer in stalled:
            peer.close()
    assert grown < 100 * MEGABYTE


def _stop_reading(port: int) -> socket.socket:
    """A socket that asks for much and never reads an answer."""
    peer = open_raw(port)
    for number in range(5):
        send(peer, {"id": str(number), "type": "subscribe", "payload": {"query": LARGE}})
    return peer
