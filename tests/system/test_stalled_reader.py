"""A peer that has stopped reading is let go, and costs no more than its budget meanwhile."""

import asyncio
import base64
import json
import os
import socket
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.gateway_process import gateway
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
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.settimeout(10)
    peer.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    peer.sendall(
        (
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        ).encode()
    )
    _read_until(peer, b"\r\n\r\n")
    _send(peer, {"type": "connection_init"})
    # Acknowledged before the answers begin to pile up: read this much and no more.
    _read_until(peer, b"connection_ack")
    for number in range(5):
        _send(peer, {"id": str(number), "type": "subscribe", "payload": {"query": LARGE}})
    return peer


def _read_until(peer: socket.socket, awaited: bytes) -> None:
    received = b""
    while awaited not in received:
        some = peer.recv(4096)
        assert some, f"closed after {received!r}"
        received += some


def _send(peer: socket.socket, message: object) -> None:
    """One masked text frame (RFC 6455 §5.2)."""
    payload = json.dumps(message).encode()
    mask = os.urandom(4)
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    peer.sendall(b"\x81" + length + mask + masked)
