"""A message that is none has one exact answer in every phase, and never an exception.

graphql-transport-ws, PROTOCOL.md [Invalid message]: an immediate close with 4400. subscriptions-transport-ws,
PROTOCOL.md [GQL_CONNECTION_ERROR]: it is told, and the connection stays. Abuse case W10.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transports.effects import Close
from app.transports.ends import MOST_REASON_BYTES, End
from app.transports.socket_protocol import Phase, SocketProtocol
from app.transports.ws_legacy import SubscriptionsTransportWS
from app.transports.ws_protocol import GraphQLTransportWS
from tests.support.every import of_every
from tests.unit.transports.sockets import QUERY, authenticating, message, opened, ready, said

SECRET = "sk_live_canary"
Case = tuple[str, str | bytes, str]
Received = tuple[str | bytes, str, Any]
"""The text, what is wrong with it, and what makes a socket of a phase."""

NO_JSON = "the text is not valid JSON"
NO_OBJECT = "a message is a JSON object"
NO_TYPE = "type: takes a string"
UNKNOWN_TYPE = "type: is not one of this protocol"
NO_ID = "id: takes a string of 1 to 128 characters"
NO_PAYLOAD = "payload: takes an object or null"
NO_REQUEST = "payload: takes an object with query, operationName, variables and extensions"

NOT_STRINGS: list[Any] = [0, 1, -1, 1.5, True, False, [], [SECRET], {}, {"a": SECRET}]
NO_MESSAGES: list[Any] = [None, True, 0, 1, -1.5, "", "ping", SECRET, [], [{}], [{"type": "ping"}], [[1]], False]
NOT_OBJECTS: list[Any] = ["", SECRET, 0, 1, 1.5, True, False, [], [SECRET], [{}]]

TEXTS: list[Case] = [
    ("empty", "", NO_JSON),
    ("blank", " \n\t", NO_JSON),
    ("word", SECRET, NO_JSON),
    ("half an object", '{"type":', NO_JSON),
    ("closed twice", '{"type":"ping"}}', NO_JSON),
    ("two messages", '{"type":"ping"}{"type":"ping"}', NO_JSON),
    ("two lines", '{"type":"ping"}\n{"type":"ping"}', NO_JSON),
    ("single quotes", "{'type':'ping'}", NO_JSON),
    ("no quotes", "{type:ping}", NO_JSON),
    ("trailing comma", '{"type":"ping",}', NO_JSON),
    ("comment", '{"type":"ping"}//', NO_JSON),
    ("number as key", '{1:"ping"}', NO_JSON),
    ("leading zero", '{"type":"ping","id":01}', NO_JSON),
    ("plus sign", '{"type":"ping","id":+1}', NO_JSON),
    ("control character", '{"type":"pi\x00ng"}', NO_JSON),
    ("bad escape", '{"type":"\\x70ing"}', NO_JSON),
    ("byte order mark", '\ufeff{"type":"ping"}', NO_JSON),
    ("UTF-16", '{"type":"ping"}'.encode("utf-16-le"), NO_JSON),
    ("bad UTF-8", b'{"type":"\xff"}', "the text is not valid UTF-8"),
    ("overlong UTF-8", b'{"type":"\xc0\xaf"}', "the text is not valid UTF-8"),
    ("NaN", '{"type":"ping","payload":{"a":NaN}}', "the JSON holds NaN or Infinity"),
    ("Infinity", '{"type":"ping","payload":{"a":-Infinity}}', "the JSON holds NaN or Infinity"),
    ("infinite", '{"type":"ping","payload":{"a":1e999}}', "the JSON holds a number that is too large"),
    ("5,000 digits", '{"type":"ping","payload":{"a":' + "9" * 5000 + "}}", "the JSON holds a number that is too long"),
    ("two types", '{"type":"ping","type":"pong"}', "a JSON object holds the same key twice"),
    ("two ids", '{"type":"complete","id":"a","id":"b"}', "a JSON object holds the same key twice"),
    ("two deep down", '{"type":"ping","payload":{"a":{"b":1,"b":2}}}', "a JSON object holds the same key twice"),
    ("lone surrogate", '{"type":"complete","id":"\\ud800"}', "the JSON holds half of a surrogate pair"),
    ("surrogate in a key", '{"type":"ping","\\udfff":1}', "the JSON holds half of a surrogate pair"),
    ("deep array", '{"type":"ping","payload":' + "[" * 65 + "]" * 65 + "}", "the JSON is nested too deeply"),
    ("deep object", '{"a":' * 65 + "1" + "}" * 65, "the JSON is nested too deeply"),
    ("very deep array", "[" * 30_000 + "]" * 30_000, "the JSON is nested too deeply"),
    ("very deep object", '{"a":' * 10_000 + "1" + "}" * 10_000, "the JSON is nested too deeply"),
    ("endless array", "[" * 60_000, "the JSON is nested too deeply"),
    ("quotes", '"' * 60_000, NO_JSON),
    ("backslashes", '"' + "\\" * 60_000, NO_JSON),
]


def corpus(start: str, stop: str, *payload_only: str) -> list[Case]:
    """Every kind of message in every wrong shape; `payload_only` are those with a payload and no id."""
    return [*TEXTS, *_frames(), *_ids(start, stop), *_payloads(payload_only), *_requests(start)]


def _frames() -> Iterator[Case]:
    for value in NO_MESSAGES:
        yield f"message {value!r}", json.dumps(value), NO_OBJECT
    yield "message {}", "{}", NO_TYPE
    for value in (None, *NOT_STRINGS):
        yield f"type {value!r}", json.dumps({"type": value}), NO_TYPE
    unknown = ("", "Ping", "ping ", "PING", "connection_ack", "next", "error", "data", "ka", "connection_error", SECRET)
    for kind in (*unknown, "x" * 60_000, "é" * 1000, "__class__", "connection_init\x00"):
        yield f"type {kind[:20]}", message(kind), UNKNOWN_TYPE


def _ids(start: str, stop: str) -> Iterator[Case]:
    for kind in (start, stop):
        yield f"{kind} without id", message(kind, payload={"query": QUERY}), NO_ID
        for value in (None, "", "x" * 129, "x" * 60_000, "😀" * 129, ["a"], *NOT_STRINGS):
            yield f"{kind} id {str(value)[:20]}", message(kind, id=value, payload={"query": QUERY}), NO_ID


def _payloads(kinds: tuple[str, ...]) -> Iterator[Case]:
    for kind in kinds:
        for value in NOT_OBJECTS:
            yield f"{kind} payload {value!r}", message(kind, payload=value), NO_PAYLOAD


def _requests(start: str) -> Iterator[Case]:
    yield f"{start} without payload", message(start, id="1"), NO_REQUEST
    for value in (None, *NOT_OBJECTS):
        yield f"{start} payload {value!r}", message(start, id="1", payload=value), NO_REQUEST
    for member in ("query", "operationName"):
        for value in NOT_STRINGS:
            text = message(start, id="1", payload={"query": QUERY, member: value})
            yield f"{start} {member} {value!r}", text, f"payload.{member}: takes a string or null"
    for member in ("variables", "extensions"):
        for value in NOT_OBJECTS:
            text = message(start, id="1", payload={"query": QUERY, member: value})
            yield f"{start} {member} {value!r}", text, f"payload.{member}: takes an object or null"


MODERN = corpus("subscribe", "complete", "connection_init", "ping", "pong")
LEGACY = corpus("start", "stop", "connection_init")
PHASES = [opened, authenticating, ready]


def in_every_phase(cases: list[Case]) -> Iterator[tuple[str, Received]]:
    for name, text, reason in cases:
        for phase in PHASES:
            yield f"{name} when {phase.__name__}", (text, reason, phase)


def test_the_corpus_is_large_and_repeats_nothing() -> None:
    for cases in (MODERN, LEGACY):
        assert len(cases) >= 150
        assert len({text for _, text, _ in cases}) == len(cases)


@of_every(in_every_phase(MODERN))
def test_it_closes_with_4400_and_the_fault_in_our_own_words(received: Received) -> None:
    text, reason, phase = received
    socket = phase(GraphQLTransportWS)
    assert socket.received(text, 0.1) == [Close(End.BAD_REQUEST, reason)]
    assert SECRET not in reason
    assert len(reason.encode()) <= MOST_REASON_BYTES
    assert socket.received(message("ping"), 0.2) == []


@of_every(in_every_phase(LEGACY))
def test_in_the_old_protocol_it_is_told_and_passed_over(received: Received) -> None:
    text, reason, phase = received
    socket = phase(SubscriptionsTransportWS)
    before = socket.phase
    assert said(socket.received(text, 0.1)) == [{"type": "connection_error", "payload": {"message": reason}}]
    assert socket.phase is before


def _any_message() -> st.SearchStrategy[str | bytes]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    values = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    )
    kinds = st.sampled_from(
        ["connection_init", "subscribe", "start", "complete", "stop", "ping", "pong", "connection_terminate"]
    )
    members = st.fixed_dictionaries({"type": kinds | values}, optional={"id": values, "payload": values})
    return st.text() | st.binary() | (values | members).map(json.dumps)


@pytest.mark.parametrize("kind", [GraphQLTransportWS, SubscriptionsTransportWS])
@given(texts=st.lists(_any_message(), max_size=5), phase=st.sampled_from(PHASES))
def test_nothing_a_client_sends_raises(kind: type[SocketProtocol], texts: list[str | bytes], phase: Any) -> None:
    socket = phase(kind)
    for now, text in enumerate(texts):
        effects = socket.received(text, float(now))
        closed = [isinstance(effect, Close) for effect in effects]
        assert not any(closed[:-1])
        assert (socket.phase is Phase.CLOSED) is (bool(closed and closed[-1]) or socket.next_deadline() is None)
