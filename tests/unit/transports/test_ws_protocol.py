"""`graphql-transport-ws`, rule by rule. Sections in brackets: enisdenjo/graphql-ws, PROTOCOL.md."""

import json
from typing import Any

import pytest

from app.transports.effects import Authenticate, Close, Send, Start, Stop
from app.transports.ends import MOST_REASON_BYTES, End
from app.transports.limits import ProtocolLimits
from app.transports.operations import OperationRequest
from app.transports.socket_protocol import Phase
from app.transports.ws_protocol import GraphQLTransportWS
from tests.unit.transports.sockets import (
    INIT,
    QUERY,
    authenticating,
    message,
    modern,
    opened,
    ready,
    said,
    subscribe,
)

SECRET = "Bearer sk_live_canary"
PHASES = (opened, authenticating, ready)
BODY = b'{"data":{"paymentStatus":{"status":"PAID"}},"extensions":{"position":3}}'
ERRORS = b'[{"message":"no such field"}]'


# The connection: [ConnectionInit] and [ConnectionAck].


@pytest.mark.parametrize(
    ("members", "payload"),
    [
        ({}, {}),
        ({"payload": None}, {}),
        ({"payload": {}}, {}),
        ({"payload": {"authorization": SECRET}}, {"authorization": SECRET}),
        ({"unknown": 1}, {}),
    ],
)
def test_an_init_asks_who_is_calling(members: dict[str, Any], payload: dict[str, Any]) -> None:
    """[ConnectionInit]: `payload` is an object, null or absent."""
    effects = opened(GraphQLTransportWS).received(message("connection_init", **members), 0.0)
    assert effects == [Authenticate(payload)]
    assert SECRET not in repr(effects)


@pytest.mark.parametrize(
    ("payload", "ack"),
    [
        (None, {"type": "connection_ack"}),
        ({"expiresAt": "2030-01-01"}, {"type": "connection_ack", "payload": {"expiresAt": "2030-01-01"}}),
    ],
)
def test_an_acknowledgement_tells_what_the_server_has_to_say(
    payload: dict[str, Any] | None, ack: dict[str, Any]
) -> None:
    """[ConnectionAck]."""
    socket = authenticating(GraphQLTransportWS)
    assert said(socket.acknowledged(payload, 1.0)) == [ack]
    assert socket.phase is Phase.READY


def test_a_refusal_closes_with_4403_and_quotes_only_the_server() -> None:
    """The close-code table: 4403, Forbidden, which the reference client retries with a fresh token."""
    assert said(authenticating(GraphQLTransportWS).refused(None, 0.1)) == [(4403, "Forbidden")]
    assert said(authenticating(GraphQLTransportWS).refused("the token has expired", 0.1)) == [
        (4403, "the token has expired")
    ]
    [close] = authenticating(GraphQLTransportWS).refused("é" * 200, 0.1)
    assert isinstance(close, Close)
    assert len(close.reason.encode()) <= MOST_REASON_BYTES


@pytest.mark.parametrize("phase", PHASES[1:])
def test_a_second_init_closes_with_4429_at_any_time(phase: Any) -> None:
    """[ConnectionInit]: more than one, acknowledged or not."""
    assert said(phase(GraphQLTransportWS).received(INIT, 0.1)) == [(4429, "Too many initialisation requests")]


def test_without_an_init_the_socket_is_closed_after_three_seconds() -> None:
    """[ConnectionInit]: 4408; the reference server waits 3 s."""
    socket = opened(GraphQLTransportWS)
    assert socket.next_deadline() == 3.0
    assert socket.tick(2.9) == []
    assert said(socket.tick(3.0)) == [(4408, "Connection initialisation timeout")]
    assert socket.next_deadline() is None


def test_an_authentication_that_hangs_falls_under_the_same_three_seconds() -> None:
    """Abuse case W4: one deadline for the whole of init, and what comes too late changes nothing."""
    socket = opened(GraphQLTransportWS)
    socket.received(INIT, 2.5)
    assert socket.next_deadline() == 3.0
    assert said(socket.tick(3.0)) == [(4408, "Connection initialisation timeout")]
    assert socket.acknowledged(None, 3.1) == []
    assert socket.refused("too late", 3.1) == []


def test_pings_do_not_prolong_the_time_for_an_init() -> None:
    socket = opened(GraphQLTransportWS)
    socket.received(message("ping"), 2.9)
    assert said(socket.tick(3.0)) == [(4408, "Connection initialisation timeout")]


def test_an_acknowledgement_nobody_asked_for_is_ignored() -> None:
    socket = opened(GraphQLTransportWS)
    assert socket.acknowledged(None, 0.0) == []
    assert socket.phase is Phase.OPENED
    assert modern().acknowledged({"a": 1}, 0.0) == []


# Operations begin: [Subscribe].


def test_a_subscribe_starts_the_operation() -> None:
    socket = modern()
    payload = {"query": QUERY, "operationName": "A", "variables": {"id": 1}, "extensions": {"after": 3}}
    assert socket.received(message("subscribe", id="a", payload=payload), 0.0) == [
        Start("a", OperationRequest(QUERY, "A", {"id": 1}, {"after": 3}))
    ]
    assert socket.operations == {"a"}


def test_a_persisted_document_needs_no_query() -> None:
    """`subscribe.payload.extensions` is free for extension; whether it names a document the executor knows."""
    extensions = {"persistedQuery": {"sha256Hash": "0"}}
    assert modern().received(message("subscribe", id="a", payload={"extensions": extensions}), 0.0) == [
        Start("a", OperationRequest(None, None, {}, extensions))
    ]


@pytest.mark.parametrize("phase", PHASES[:2])
def test_a_subscribe_before_the_acknowledgement_closes_with_4401(phase: Any) -> None:
    """[Subscribe]: allowed only after `connection_ack`, so not while it is being authenticated either."""
    assert said(phase(GraphQLTransportWS).received(subscribe(), 0.1)) == [(4401, "Unauthorized")]


def test_an_id_in_use_closes_with_4409() -> None:
    """[Subscribe]: "Subscriber for <unique-operation-id> already exists"."""
    socket = modern()
    socket.received(subscribe("a"), 0.0)
    assert said(socket.received(subscribe("a"), 0.1)) == [(4409, "Subscriber for a already exists")]


def test_a_long_id_in_use_still_fits_the_close_frame() -> None:
    """Abuse case W9: a reason over 123 bytes would end in no close frame at all."""
    longest = "€" * 128
    socket = modern()
    socket.received(subscribe(longest), 0.0)
    [close] = socket.received(subscribe(longest), 0.1)
    assert isinstance(close, Close)
    assert (close.code, close.end) == (4409, End.DUPLICATE_ID)
    assert close.reason.startswith("Subscriber for €€€")
    assert len(close.reason.encode()) <= MOST_REASON_BYTES


@pytest.mark.parametrize("operation_id", ["a", " ", "x" * 128, "😀" * 128, '"\\\n', "\x00", "null"])
def test_any_string_of_1_to_128_characters_is_an_id(operation_id: str) -> None:
    """The message format: ids are non-empty strings; the upper bound is this server's."""
    socket = modern()
    assert said(socket.received(subscribe(operation_id), 0.0)) == [
        Start(operation_id, OperationRequest(QUERY, None, {}, {}))
    ]
    assert said(socket.next(operation_id, BODY)) == [{"id": operation_id, "type": "next", "payload": json.loads(BODY)}]


def test_an_operation_above_the_limit_ends_alone() -> None:
    """Abuse case W12: SUBSCRIPTION_LIMIT for that id; the others and the socket live on."""
    socket = modern(ProtocolLimits(operations=2))
    for operation_id in ("a", "b"):
        socket.received(subscribe(operation_id), 0.0)
    [error] = said(socket.received(subscribe("c"), 0.0))
    assert (error["type"], error["id"]) == ("error", "c")
    assert error["payload"][0]["extensions"] == {"code": "SUBSCRIPTION_LIMIT", "retryable": False, "limit": 2}
    assert socket.operations == {"a", "b"}
    assert socket.next("c", BODY) == []
    socket.completed("a")
    assert said(socket.received(subscribe("c"), 0.1)) == [Start("c", OperationRequest(QUERY, None, {}, {}))]


# They have results and end: [Next], [Error] and [Complete].


def test_a_result_is_spliced_byte_for_byte() -> None:
    """[Next]; what is not JSON shows that the body is not looked at."""
    socket = modern()
    socket.received(subscribe('a"b'), 0.0)
    assert socket.next('a"b', b"<body>") == [Send(b'{"id":"a\\"b","type":"next","payload":<body>}')]


def test_an_error_ends_the_operation_and_no_complete_follows() -> None:
    """[Error], [Complete]; a syntax error or an unknown operationName ends no more than this."""
    socket = modern()
    socket.received(subscribe("a"), 0.0)
    socket.received(subscribe("b"), 0.0)
    assert socket.failed("a", ERRORS) == [Send(b'{"id":"a","type":"error","payload":%b}' % ERRORS)]
    assert socket.completed("a") == []
    assert socket.failed("a", ERRORS) == []
    assert socket.next("a", BODY) == []
    assert len(socket.next("b", BODY)) == 1


def test_a_complete_ends_the_operation() -> None:
    """[Complete], server to client."""
    socket = modern()
    socket.received(subscribe("a"), 0.0)
    assert socket.completed("a") == [Send(b'{"id":"a","type":"complete"}')]
    assert socket.completed("a") == []
    assert socket.next("a", BODY) == []


def test_after_a_client_s_complete_nothing_is_sent_for_the_id() -> None:
    """[Complete], client to server: "No further events, relevant to the original subscription, should be sent"."""
    socket = modern()
    socket.received(subscribe("a"), 0.0)
    assert socket.received(message("complete", id="a"), 0.1) == [Stop("a")]
    assert [socket.next("a", BODY), socket.failed("a", ERRORS), socket.completed("a")] == [[], [], []]


@pytest.mark.parametrize("phase", PHASES)
def test_a_complete_for_an_unknown_id_is_ignored(phase: Any) -> None:
    """It may have crossed the server's own."""
    assert phase(GraphQLTransportWS).received(message("complete", id="gone"), 0.1) == []


@pytest.mark.parametrize("how", ["stopped", "completed", "failed"])
def test_an_id_may_be_used_again_after_its_end(how: str) -> None:
    socket = modern()
    socket.received(subscribe("a"), 0.0)
    match how:
        case "stopped":
            socket.received(message("complete", id="a"), 0.1)
        case "completed":
            socket.completed("a")
        case _:
            socket.failed("a", ERRORS)
    assert said(socket.received(subscribe("a"), 0.2)) == [Start("a", OperationRequest(QUERY, None, {}, {}))]
    assert len(socket.next("a", BODY)) == 1


@pytest.mark.parametrize("operation_id", ["", "unknown", "a" * 1000])
def test_results_of_an_operation_that_is_not_there_are_ignored(operation_id: str) -> None:
    socket = modern()
    assert [socket.next(operation_id, BODY), socket.failed(operation_id, ERRORS), socket.completed(operation_id)] == [
        [],
        [],
        [],
    ]


# Both sides show that they live: [Ping] and [Pong].


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("payload", [{}, {"a": [1, None, "é"]}, {"authorization": 5}, {"token": "x"}])
def test_a_ping_is_answered_at_once_with_its_payload(phase: Any, payload: dict[str, Any]) -> None:
    """[Ping]: at any time within the established socket, before init too."""
    effects = phase(GraphQLTransportWS).received(message("ping", payload=payload), 0.1)
    assert said(effects) == [{"type": "pong", "payload": payload}]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("members", [{}, {"payload": None}])
def test_a_ping_without_payload_is_answered_without(phase: Any, members: dict[str, None]) -> None:
    assert said(phase(GraphQLTransportWS).received(message("ping", **members), 0.1)) == [{"type": "pong"}]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("members", [{}, {"payload": None}, {"payload": {"a": 1}}])
def test_a_pong_nobody_asked_for_is_legal(phase: Any, members: dict[str, Any]) -> None:
    """[Pong]: it may serve as a unidirectional heartbeat."""
    assert phase(GraphQLTransportWS).received(message("pong", **members), 0.1) == []


def test_the_server_pings_every_twelve_seconds_from_the_acknowledgement() -> None:
    """As the reference server does; it says so with the protocol's own message, which browsers can see."""
    socket = authenticating(GraphQLTransportWS)
    socket.acknowledged(None, 1.0)
    for due in (13.0, 25.0, 37.0):
        assert socket.next_deadline() == due
        assert socket.tick(due - 0.1) == []
        assert said(socket.tick(due)) == [{"type": "ping"}]
        assert socket.tick(due) == []
        socket.received(message("pong"), due + 0.1)


@pytest.mark.parametrize("sign", [message("pong"), message("ping"), subscribe(), message("complete", id="x")])
def test_any_message_shows_that_the_peer_lives(sign: str) -> None:
    socket = modern()
    socket.tick(12.0)
    socket.received(sign, 23.9)
    assert said(socket.tick(24.0)) == [{"type": "ping"}]
    assert said(socket.tick(47.0)) == [{"type": "ping"}]
    assert said(socket.tick(47.9)) == [(4408, "No sign of life")]


def test_a_peer_that_is_silent_for_twenty_four_seconds_is_ended() -> None:
    socket = modern()
    socket.received(subscribe(), 0.0)
    assert said(socket.tick(12.0)) == [{"type": "ping"}]
    assert socket.next_deadline() == 24.0
    assert socket.tick(23.9) == []
    assert said(socket.tick(24.0)) == [(4408, "No sign of life")]


def test_the_end_of_a_silence_does_not_hang_on_how_its_seconds_are_rounded() -> None:
    """38.8 - 14.8 is a little less than 24, and 14.8 + 24 is 38.8: nobody is due at a time that does nothing."""
    socket = modern()
    socket.received(message("ping"), 14.8)
    assert said(socket.tick(14.8)) == [{"type": "ping"}]
    assert said(socket.tick(26.8)) == [{"type": "ping"}]
    assert socket.next_deadline() == 38.8
    assert said(socket.tick(38.8)) == [(4408, "No sign of life")]


def test_what_the_server_sends_is_no_sign_of_the_peer() -> None:
    socket = modern()
    socket.received(subscribe("a"), 0.0)
    socket.tick(12.0)
    socket.next("a", BODY)
    assert said(socket.tick(24.0)) == [(4408, "No sign of life")]


def test_peers_are_not_blamed_when_the_server_itself_stood_still() -> None:
    """A tick that comes very late says that nobody read what the peers sent: they are asked, and given time."""
    socket = modern()
    socket.tick(12.0)
    assert said(socket.tick(60.0)) == [{"type": "ping"}]
    assert socket.tick(71.9) == []
    assert said(socket.tick(72.0)) == [(4408, "No sign of life")]


def test_what_concerns_the_whole_connection_is_announced_with_a_ping() -> None:
    """[Ping]: `payload` is free; a client that does not care answers with a pong."""
    positions = {"positions": {"a": 3}}
    assert said(modern().announced(positions)) == [{"type": "ping", "payload": positions}]
    assert opened(GraphQLTransportWS).announced(positions) == []


# A new token on a living connection.


def token(value: str, **members: Any) -> str:
    return message("ping", payload={"authorization": value, **members})


def test_a_new_token_is_authenticated_while_everything_goes_on() -> None:
    socket = modern()
    socket.received(subscribe("a"), 0.0)
    pong, authenticate = socket.received(token(SECRET, nonce=1), 1.0)
    assert said([pong]) == [{"type": "pong", "payload": {"nonce": 1}}]
    assert authenticate == Authenticate({"authorization": SECRET, "nonce": 1}, refresh=True)
    assert len(socket.next("a", BODY)) == 1
    assert said(socket.acknowledged({"expiresAt": "2030"}, 1.1)) == [{"type": "pong", "payload": {"expiresAt": "2030"}}]
    assert socket.operations == {"a"}


def test_a_token_is_never_sent_back() -> None:
    """Frames are logged where nobody expects secrets."""
    for spelling in ("authorization", "Authorization"):
        effects = modern().received(message("ping", payload={spelling: SECRET}), 0.1)
        assert said(effects[:1]) == [{"type": "pong", "payload": {}}]
        assert SECRET not in repr(effects)


def test_a_refused_new_token_closes_with_4403() -> None:
    socket = modern()
    socket.received(subscribe("a"), 0.0)
    socket.received(token(SECRET), 1.0)
    assert said(socket.refused("the token has expired", 1.1)) == [(4403, "the token has expired")]
    assert socket.next("a", BODY) == []


def test_an_acknowledged_new_token_with_nothing_to_say_is_silent() -> None:
    socket = modern()
    socket.received(token(SECRET), 1.0)
    assert socket.acknowledged(None, 1.1) == []
    assert socket.acknowledged({"a": 1}, 1.2) == []


def test_tokens_are_authenticated_one_at_a_time_and_the_last_one_counts() -> None:
    socket = modern()
    socket.received(token("first"), 1.0)
    for value in ("second", "third"):
        assert said(socket.received(token(value), 1.1)) == [{"type": "pong", "payload": {}}]
    assert socket.acknowledged(None, 1.2) == [Authenticate({"authorization": "third"}, refresh=True)]
    assert socket.acknowledged({"of": "third"}, 1.3) == [Send(b'{"type":"pong","payload":{"of":"third"}}')]


@pytest.mark.parametrize("phase", PHASES[:2])
def test_a_token_before_the_acknowledgement_is_only_a_ping(phase: Any) -> None:
    assert said(phase(GraphQLTransportWS).received(token(SECRET), 0.1)) == [{"type": "pong", "payload": {}}]


# Limits and ends.


def test_too_many_messages_close_with_4429_and_nothing_more_is_processed() -> None:
    """Abuse cases W12 and W13."""
    socket = modern(ProtocolLimits(messages_per_second=20, message_burst=60))
    effects = [effect for _ in range(100) for effect in socket.received(message("ping"), 0.0)]
    # One of the sixty was the init.
    assert said(effects) == [{"type": "pong"}] * 59 + [(4429, "Too many messages")]
    assert socket.received(subscribe(), 100.0) == []


def test_a_steady_twenty_a_second_is_welcome() -> None:
    socket = modern(ProtocolLimits(messages_per_second=20, message_burst=60))
    for step in range(1000):
        assert socket.received(message("ping"), step / 20) != []
    assert socket.phase is Phase.READY


def test_malformed_messages_count_before_they_are_read() -> None:
    socket = opened(GraphQLTransportWS, ProtocolLimits(message_burst=0))
    assert said(socket.received("[" * 60_000, 0.0)) == [(4429, "Too many messages")]


def test_a_message_too_big_closes_with_1009() -> None:
    """Abuse case W14; bytes count, not characters."""
    limits = ProtocolLimits(message_bytes=100)
    padding = 100 - len(message("pong", padding="").encode())
    assert modern(limits).received(message("pong", padding="x" * padding), 0.0) == []
    assert said(modern(limits).received(message("pong", padding="x" * (padding + 1)), 0.0)) == [
        (1009, "Message too big")
    ]
    assert said(modern(limits).received(json.dumps({"type": "é" * 60}, ensure_ascii=False), 0.0)) == [
        (1009, "Message too big")
    ]


@pytest.mark.parametrize("phase", PHASES)
def test_a_binary_message_closes_with_4400(phase: Any) -> None:
    """Abuse case W11: messages are text."""
    assert said(phase(GraphQLTransportWS).received_binary(0.1)) == [
        (4400, "binary messages are not part of the protocol")
    ]


@pytest.mark.parametrize("end", [End.DRAIN, End.OVERLOADED, End.SLOW_CONSUMER, End.LIFETIME_REACHED, End.INTERNAL])
def test_an_end_after_which_a_client_resumes_ends_no_operation_first(end: End) -> None:
    """The reference client subscribes again to whatever had no `error` and no `complete`."""
    socket = modern()
    socket.received(subscribe("a"), 0.0)
    assert socket.ending(end, 1.0) == [Close(end, end.reason)]


@pytest.mark.parametrize("end", [End.EXPIRED, End.REVOKED])
def test_an_end_of_the_token_is_told_to_every_operation_first(end: End) -> None:
    socket = modern()
    for operation_id in ("a", "b"):
        socket.received(subscribe(operation_id), 0.0)
    *told, close = said(socket.ending(end, 1.0))
    assert [(each["type"], each["id"]) for each in told] == [("error", "a"), ("error", "b")]
    assert {each["payload"][0]["extensions"]["code"] for each in told} == {end.error_code}
    assert close == (4403, end.reason)


@pytest.mark.parametrize("end", list(End))
@pytest.mark.parametrize("phase", PHASES)
def test_after_a_close_there_is_nothing_any_more(phase: Any, end: End) -> None:
    socket = phase(GraphQLTransportWS)
    socket.received(subscribe("a") if socket.phase is Phase.READY else message("pong"), 0.0)
    socket.ending(end, 1.0)
    assert socket.phase is Phase.CLOSED
    assert socket.operations == frozenset()
    assert socket.next_deadline() is None
    after = [
        *socket.received(INIT, 2.0),
        *socket.received("{", 2.0),
        *socket.received_binary(2.0),
        *socket.tick(1000.0),
        *socket.acknowledged(None, 2.0),
        *socket.refused(None, 2.0),
        *socket.announced({}),
        *socket.next("a", BODY),
        *socket.failed("a", ERRORS),
        *socket.completed("a"),
        *socket.ending(End.DRAIN, 2.0),
    ]
    assert after == []


def test_times_are_by_default_those_of_the_reference_server() -> None:
    limits = ProtocolLimits()
    assert (limits.init_seconds, limits.ping_seconds, limits.pong_seconds) == (3, 12, 12)
