"""A browser vendor's push service, and its browsers, over HTTP.

It verifies who sends as RFC 8292 wants it; a browser decrypts with its own keys, by another reading of RFC 8291.
"""

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import http_ece  # type: ignore[import-untyped]
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_PATIENCE_SECONDS = 30.0
_LONGEST_MESSAGE = 4_096
_LONGEST_TOPIC = 32
_DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Pushed:
    """A message as its browser got it."""

    headers: Mapping[str, str]
    content: dict[str, Any]

    @property
    def notification(self) -> dict[str, Any]:
        """What a browser shows."""
        assert self.content["web_push"] == 8030
        shown: dict[str, Any] = self.content["notification"]
        return shown


@dataclass
class Browser:
    """A browser with one push subscription; `answers` is what its push service says to the next messages."""

    endpoint: str
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    secret: bytes = field(default_factory=lambda: os.urandom(16))
    answers: list[str] = field(default_factory=list)
    messages: asyncio.Queue[Pushed] = field(default_factory=asyncio.Queue)

    @property
    def subscription(self) -> dict[str, Any]:
        """What a page gets from `PushSubscription.toJSON()`."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "keys": {"p256dh": _encoded(point), "auth": _encoded(self.secret)}}

    async def told(self) -> Pushed:
        """The next message."""
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self.messages.get()

    def open(self, headers: Mapping[str, str], body: bytes) -> None:
        """Take a message that the push service has handed on."""
        content = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        self.messages.put_nowait(Pushed(headers, json.loads(content)))


@dataclass
class PushService:
    """`refusals` are the messages that were not sent as the RFCs say, and why."""

    origin: str
    browsers: dict[str, Browser] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    def browser(self) -> Browser:
        """One more browser with a subscription here."""
        path = f"/send/{len(self.browsers)}"
        self.browsers[path] = Browser(f"{self.origin}{path}")
        return self.browsers[path]

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> str:
        """What is answered to a message."""
        browser = self.browsers[path]
        if browser.answers:
            return browser.answers.pop(0)
        try:
            self._verify(headers, body)
            browser.open(headers, body)
        except Exception as fault:  # noqa: BLE001 — whatever is wrong with it
            self.refusals.append(repr(fault))
            return "400 Bad Request\r\n"
        return "201 Created\r\nLocation: /message/1\r\n"

    def _verify(self, headers: Mapping[str, str], body: bytes) -> None:
        scheme, _, rest = headers["authorization"].partition(" ")
        given = dict(each.strip().split("=", 1) for each in rest.split(","))
        assert scheme.lower() == "vapid"
        key = EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _decoded(given["k"]))
        claims = jwt.decode(
            given["t"],
            key,
            algorithms=["ES256"],
            audience=self.origin,
            options={"require": ["exp", "aud", "sub"]},
        )
        assert claims["exp"] <= time.time() + _DAY_SECONDS
        assert claims["sub"].startswith(("mailto:", "https:"))
        assert headers["content-encoding"] == "aes128gcm"
        assert int(headers["ttl"]) >= 0
        assert headers["urgency"] in {"very-low", "low", "normal", "high"}
        assert 0 < len(headers["topic"]) <= _LONGEST_TOPIC
        assert set(headers["topic"]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        assert len(body) <= _LONGEST_MESSAGE


@asynccontextmanager
async def push_service() -> AsyncIterator[PushService]:
    """A push service that listens within the block."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            path, headers, body = await _read(reader)
            writer.write(f"HTTP/1.1 {service.take(path, headers, body)}Content-Length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        service = PushService(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        yield service


async def _read(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return first.split(" ")[1], headers, await reader.readexactly(int(headers["content-length"]))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
