"""[Invalid message]: whatever is no message closes the socket with 4400, and with a close frame."""

import json
from typing import Any

from app.audit.model import NotMet
from app.audit.results import check_errors
from app.audit.rules import Check
from app.audit.target import TRANSPORT_WS, Target
from app.audit.websocket.suite import SUITE, check_closed
from app.audit.wire import SocketClosed

_GOOD: dict[str, Any] = {"query": "{ __typename }"}

_NO_MESSAGES = {
    "not-json": ("Text that is not JSON", "{nonsense"),
    "empty": ("An empty frame", ""),
    "null": ("A frame that says null", "null"),
    "array": ("A frame that says an array", "[]"),
    "number": ("A frame that says a number", "1"),
    "string": ("A frame that says a string", '"ping"'),
    "no-type": ("A message without a type", '{"id": "1"}'),
    "type-null": ("A message of the type null", '{"type": null}'),
    "type-number": ("A message whose type is a number", '{"type": 1}'),
    "type-object": ("A message whose type is an object", '{"type": {}}'),
    "type-unknown": ("A message of an unknown type", '{"type": "subscribe_please"}'),
    "type-of-legacy": ("A message of the older subprotocol", '{"type": "start", "id": "1", "payload": {}}'),
    "ping-payload-array": ("A ping with an array for a payload", '{"type": "ping", "payload": []}'),
    "ping-payload-string": ("A ping with a string for a payload", '{"type": "ping", "payload": "x"}'),
    "complete-no-id": ("complete without an id", '{"type": "complete"}'),
    "complete-id-number": ("complete with a number for an id", '{"type": "complete", "id": 1}'),
}

_THE_SERVERS = {
    "ack": '{"type": "connection_ack"}',
    "next": '{"type": "next", "id": "1", "payload": {"data": null}}',
    "error": '{"type": "error", "id": "1", "payload": [{"message": "x"}]}',
}

_SUBSCRIBE: dict[str, tuple[str, dict[str, Any]]] = {
    "no-id": ("without an id", {"payload": _GOOD}),
    "id-null": ("with the id null", {"id": None, "payload": _GOOD}),
    "id-number": ("with a number for an id", {"id": 1, "payload": _GOOD}),
    "id-empty": ("with an empty id", {"id": "", "payload": _GOOD}),
    "id-object": ("with an object for an id", {"id": {}, "payload": _GOOD}),
    "no-payload": ("without a payload", {"id": "1"}),
    "payload-null": ("with the payload null", {"id": "1", "payload": None}),
    "payload-array": ("with an array for a payload", {"id": "1", "payload": []}),
    "payload-string": ("with a string for a payload", {"id": "1", "payload": "{ __typename }"}),
    "query-number": ("with a number for a query", {"id": "1", "payload": {"query": 1}}),
    "query-object": ("with an object for a query", {"id": "1", "payload": {"query": {}}}),
    "variables-array": ("with an array for variables", {"id": "1", "payload": {**_GOOD, "variables": []}}),
    "variables-string": ("with a string for variables", {"id": "1", "payload": {**_GOOD, "variables": "{}"}}),
    "name-number": ("with a number for an operationName", {"id": "1", "payload": {**_GOOD, "operationName": 1}}),
    "extensions-array": ("with an array for extensions", {"id": "1", "payload": {**_GOOD, "extensions": []}}),
}


def _closes(frame: str) -> Check:
    async def check(target: Target) -> str:
        async with target.ready_socket() as wire:
            await wire.say(frame)
            return await check_closed(wire, 4400)

    return check


for _name, (_what, _frame) in _NO_MESSAGES.items():
    SUITE.must(f"malformed-{_name}", f"{_what} closes with 4400")(_closes(_frame))
for _name, _frame in _THE_SERVERS.items():
    # The text says who sends which message, and not what becomes of one that comes from the wrong side.
    SUITE.should(f"malformed-{_name}-from-client", f"The server's {_name} from a client closes with 4400")(
        _closes(_frame)
    )
for _name, (_what, _members) in _SUBSCRIBE.items():
    _frame = json.dumps({"type": "subscribe", **_members})
    SUITE.must(f"subscribe-{_name}", f"subscribe {_what} closes with 4400")(_closes(_frame))


@SUITE.must("malformed-before-init", "What is no message closes with 4400 before connection_init too")
async def _before_init(target: Target) -> str:
    async with target.socket(TRANSPORT_WS) as wire:
        await wire.say("{nonsense")
        return await check_closed(wire, 4400)


def _closes_init(payload: object) -> Check:
    async def check(target: Target) -> str:
        async with target.socket(TRANSPORT_WS) as wire:
            await wire.send("connection_init", payload=payload)
            return await check_closed(wire, 4400)

    return check


for _kind, _payload in {"array": [], "string": "token", "number": 1}.items():
    SUITE.must(f"init-{_kind}", f"connection_init with a {_kind} for a payload closes with 4400")(
        _closes_init(_payload)
    )


@SUITE.must("subscribe-no-query", "subscribe without a query is refused: with 4400, or error where documents have ids")
async def _no_query(target: Target) -> str:
    async with target.ready_socket() as wire:
        await wire.subscribe("1", {})
        try:
            message = await wire.first("1")
        except SocketClosed as closed:
            if closed.closing.code != 4400:
                raise
            return str(closed)
    if message["type"] != "error":
        raise NotMet(f"{message['type']} for an operation without a document")
    check_errors(message["payload"])
    return "error"


@SUITE.should("binary", "A binary frame closes with 4400, or 1003 as RFC 6455 has it")
async def _binary(target: Target) -> str:
    async with target.ready_socket() as wire:
        await wire.say(b"\x00\xff")
        closing = await wire.closing()
    if closing.code not in (4400, 1003):
        raise NotMet(str(closing))
    return str(closing)


@SUITE.should("close-reason", "A close with 4400 says what was wrong")
async def _reason(target: Target) -> str:
    async with target.ready_socket() as wire:
        await wire.say('{"type": "subscribe_please"}')
        closing = await wire.closing()
    if not closing.reason:
        raise NotMet("the close has no reason")
    return closing.reason
