"""One client per transport. Each comes back from wherever it was until it has seen the end, as a good client does."""

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from tests.delivery.wire import SocketWire, Wire

DOCUMENT = """
subscription Watch($id: ID!, $after: Int) {
  paymentStatus(id: $id, after: $after) { status version previousVersion }
}"""
_FINAL = {"SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED", "REFUNDED"}
_LEAST_PAUSE_SECONDS = 0.05
_MOST_PAUSE_SECONDS = 1.0
_COME_BACK_TO = {"SLOW_CONSUMER", "UNAVAILABLE", "RECONNECT"}
_COME_BACK_AFTER = {1006, 1012, 1013, 4408}


@dataclass(frozen=True)
class Seen:
    """A value as a client got it."""

    version: int
    previous: int | None
    status: str


class WrongAnswer(AssertionError):
    """The gateway said what it must not say."""


@dataclass
class Client(ABC):
    """Somebody who watches one payment from version `after` to its end."""

    application: ASGIApp
    payment_id: str
    after: int | None
    room: int
    injected: Counter[str]
    seen: list[Seen] = field(default_factory=list)
    complete: bool = False
    served: list[asyncio.Task[None]] = field(default_factory=list)
    """What the gateway did for it, to the end."""
    _fault: bool = False
    _wire: Wire | None = None
    _reading: bool = True
    _position: int | None = None

    def __post_init__(self) -> None:
        self._position = self.after

    @property
    def name(self) -> str:
        return type(self).__name__

    def read(self, *, on: bool) -> None:
        """Go on reading, or stop to."""
        self._reading = on
        if self._wire is not None:
            self._wire.read(on=on)

    def leave(self) -> None:
        """Lose the connection."""
        if self._wire is not None:
            self._wire.leave()

    async def watch(self) -> None:
        pause = _LEAST_PAUSE_SECONDS
        while not self.complete:
            had = len(self.seen)
            wire = self._wire = self._connected()
            wire.read(on=self._reading)
            self._fault = False
            if wire.serving is not None:
                self.served.append(wire.serving)
            try:
                await self._converse(wire)
            finally:
                wire.leave()
            if not self.complete:
                pause = _LEAST_PAUSE_SECONDS if len(self.seen) > had else min(pause * 2, _MOST_PAUSE_SECONDS)
                await asyncio.sleep(pause)

    @abstractmethod
    def _connected(self) -> Wire: ...

    @abstractmethod
    async def _converse(self, wire: Wire) -> None:
        """Take in what comes, until the connection ends."""

    def _take(self, result: Mapping[str, Any]) -> None:
        """A result, of whichever framing."""
        if "errors" in result:
            self._failed(result["errors"])
            return
        value = result["data"]["paymentStatus"]
        if result["extensions"]["position"] != value["version"]:
            raise WrongAnswer(f"{self.name}: position {result['extensions']} with version {value['version']}")
        self._saw(Seen(value["version"], value["previousVersion"], value["status"]))

    def _saw(self, seen: Seen) -> None:
        self.seen.append(seen)
        self._position = seen.version

    def _failed(self, errors: list[dict[str, Any]]) -> None:
        self._fault = True
        told = errors[0]["extensions"]
        if told["code"] not in _COME_BACK_TO:
            raise WrongAnswer(f"{self.name}: {errors}")
        self.injected[f"told {told['code']}"] += 1
        if told["code"] == "SLOW_CONSUMER" and told["position"] != self._position:
            raise WrongAnswer(f"{self.name}: sent away with {told['position']}, had {self._position}")

    def _completed(self) -> None:
        if not self.seen or self.seen[-1].status not in _FINAL:
            raise WrongAnswer(f"{self.name}: complete after {self.seen[-1:]}")
        self.complete = True

    def _request(self, *, resume_by: str | None) -> dict[str, Any]:
        """What is asked for: the argument of the beginning stays, unless it is also what resumes."""
        after = self._position if resume_by == "variable" else self.after
        request: dict[str, Any] = {"query": DOCUMENT, "variables": {"id": self.payment_id, "after": after}}
        if resume_by == "extension" and self.seen:
            request["extensions"] = {"after": self._position}
        return request

    def _post(self, request: dict[str, Any], **headers: str) -> Wire:
        wire = Wire(self.room)
        wire.say({"type": "http.request", "body": json.dumps(request).encode(), "more_body": False})
        wire.open(self.application, _scope("POST", "/graphql", **{"content-type": "application/json"}, **headers))
        return wire


def _scope(method: str, path: str, query: str = "", **headers: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", b"gateway"), *((name.encode(), value.encode()) for name, value in headers.items())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


class Streamed(Client):
    """HTTP, one answer that goes on."""

    async def _converse(self, wire: Wire) -> None:
        text = b""
        while (message := await wire.next()) is not None:
            if message["type"] == "http.response.start":
                self._check_status(message["status"])
                continue
            text = self._frames(text + message.get("body", b""))

    def _check_status(self, status: int) -> None:
        if status != 200:
            raise WrongAnswer(f"{self.name}: {status}")

    @abstractmethod
    def _frames(self, text: bytes) -> bytes:
        """Take in all that is whole; the rest."""


class Events(Streamed):
    """Server-Sent Events, as a browser's `EventSource`: it comes back with the last id."""

    def _connected(self) -> Wire:
        headers = {"accept": "text/event-stream"}
        if self.seen:
            headers["last-event-id"] = str(self._position)
        return self._post(self._request(resume_by=None), **headers)

    def _frames(self, text: bytes) -> bytes:
        *whole, rest = text.split(b"\n\n")
        for event in whole:
            fields = dict(line.split(": ", 1) for line in event.decode().split("\n") if ": " in line)
            if fields.get("event") == "next":
                self._take(json.loads(fields["data"]))
                if "id" in fields and fields["id"] != str(self._position):
                    raise WrongAnswer(f"{self.name}: id {fields['id']} at {self._position}")
            elif fields.get("event") == "complete" and not self._fault:
                self._completed()
        return rest


class Multipart(Streamed):
    """Multipart subscriptions, resumed by the extension."""

    def _connected(self) -> Wire:
        accept = 'multipart/mixed;subscriptionSpec="1.0", application/json'
        return self._post(self._request(resume_by="extension"), accept=accept)

    def _frames(self, text: bytes) -> bytes:
        *whole, rest = re.split(rb"\r\n--graphql", text)
        for part in whole:
            if part in (b"--graphql", b""):
                continue
            message = json.loads(part.partition(b"\r\n\r\n")[2])
            if message:
                self._take(message if message["payload"] is None else message["payload"])
        if rest == b"--\r\n" and not self._fault:
            self._completed()
        return rest


class Socket(Client):
    """graphql-transport-ws, resumed by the extension."""

    SUBPROTOCOL = "graphql-transport-ws"
    SUBSCRIBE, RESULT = "subscribe", "next"
    RESUME_BY = "extension"

    def _connected(self) -> Wire:
        wire = SocketWire(self.room)
        wire.say({"type": "websocket.connect"})
        self._tell(wire, type="connection_init")
        scope = _scope("GET", "/graphql") | {
            "type": "websocket",
            "scheme": "ws",
            "subprotocols": [self.SUBPROTOCOL],
        }
        wire.open(self.application, scope)
        return wire

    @staticmethod
    def _tell(wire: Wire, **message: Any) -> None:
        wire.say({"type": "websocket.receive", "text": json.dumps(message)})

    async def _converse(self, wire: Wire) -> None:
        while not self.complete and (frame := await wire.next()) is not None:
            if frame["type"] == "websocket.close":
                if frame["code"] not in _COME_BACK_AFTER:
                    raise WrongAnswer(f"{self.name}: closed with {frame}")
                self.injected[f"closed {frame['code']}"] += 1
                return
            if frame["type"] == "websocket.send" and not self._heard(wire, json.loads(frame["text"])):
                return

    def _heard(self, wire: Wire, message: dict[str, Any]) -> bool:
        """Whether the connection is of any more use."""
        match message["type"]:
            case "connection_ack":
                self._tell(wire, type=self.SUBSCRIBE, id="1", payload=self._request(resume_by=self.RESUME_BY))
            case "ping":
                self._check_positions(message.get("payload"))
                self._tell(wire, type="pong")
            case "error":
                errors = message["payload"]
                self._failed(errors if isinstance(errors, list) else [errors])
                return False
            case "complete":
                self._completed()
            case kind if kind == self.RESULT:
                self._take(message["payload"])
        return True

    def _check_positions(self, payload: Mapping[str, Any] | None) -> None:
        if payload and payload["positions"] != {"1": self._position}:
            raise WrongAnswer(f"{self.name}: told {payload}, had {self._position}")


class LegacySocket(Socket):
    """graphql-ws, the subprotocol of old, resumed by the argument."""

    SUBPROTOCOL = "graphql-ws"
    SUBSCRIBE, RESULT = "start", "data"
    RESUME_BY = "variable"


class LongPoll(Client):
    """REST, one question after the other."""

    _tag: int | None = None

    def _connected(self) -> Wire:
        headers = {} if self._position is None else {"if-none-match": f'"v{self._position}"'}
        wire = Wire(self.room)
        wire.open(self.application, _scope("GET", f"/api/payments/{self.payment_id}/status", "wait=10", **headers))
        return wire

    async def _converse(self, wire: Wire) -> None:
        status, body = 0, b""
        while (message := await wire.next()) is not None:
            status = message.get("status", status)
            body += message.get("body", b"")
            if message["type"] == "http.response.body":
                break
        else:
            return
        if status == 503:
            self._failed(json.loads(body)["errors"])
        elif status == 200:
            value = json.loads(body)
            self._saw(Seen(value["version"], value["previousVersion"], value["status"]))
            if value["final"]:
                self._completed()
        elif status != 304:
            raise WrongAnswer(f"{self.name}: {status} {body!r}")


EVERY_TRANSPORT: tuple[Callable[..., Client], ...] = (Socket, LegacySocket, Events, Multipart, LongPoll)
