"""A WebSocket by hand, for peers that do what no library does: ask and never read."""

import base64
import json
import os
import socket

_PATIENCE_SECONDS = 60


def open_raw(port: int) -> socket.socket:
    """A socket that has come as far as `connection_ack`, with little room for what it does not read."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.settimeout(_PATIENCE_SECONDS)
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
    send(peer, {"type": "connection_init"})
    # Acknowledged before the answers begin to pile up: read this much and no more.
    _read_until(peer, b"connection_ack")
    return peer


def send(peer: socket.socket, message: object) -> None:
    """One masked text frame (RFC 6455 §5.2)."""
    payload = json.dumps(message).encode()
    mask = os.urandom(4)
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    peer.sendall(b"\x81" + length + mask + masked)


def _read_until(peer: socket.socket, awaited: bytes) -> None:
    received = b""
    while awaited not in received:
        some = peer.recv(4096)
        assert some, f"closed after {received!r}"
        received += some
