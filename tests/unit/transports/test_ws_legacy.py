"""`graphql-ws`, the old subprotocol, rule by rule: apollographql/subscriptions-transport-ws, PROTOCOL.md."""

from typing import Any

import pytest

from app.transports.effects import Authenticate, Send, Start, Stop
from app.transports.ends import End
from app.transports.limits import ProtocolLimits
from app.transports.operations import OperationRequest
from app.transports.socket_protocol import Phase
from app.transports.ws_legacy import SubscriptionsTransportWS
from tests.unit.transports.sockets import (
    INIT,
    QUERY,
    authenticating,
    legacy,
    message,
    opened,
    ready,
    said,
    start,
)

PHASES = (opened, authenticating, ready)
REQUEST = OperationRequest(QUERY, None, {}, {})
BODY = b'{"data":{"paymentStatus":{"status":"PAID"}}}'
KEEP_ALIVE = {"type": "ka"}


@pytest.mark.parametrize("members", [{}, {"payload": None}, {"payload": {}}])
def test_an_init_asks_who_is_calling(members: dict[str, Any]) -> None:
    """GQL_CONNECTION_INIT."""
    assert opened(SubscriptionsTransportWS).received(message("connection_init", **members), 0.0) == [Authenticate({})]


@pytest.mark.parametrize(("payload", "extra"), [(None, {}), ({"a": 1}, {"payload": {"a": 1}})])
def test_a_keep_alive_follows_the_acknowledgement(payload: dict[str, Any] | None, extra: dict[str, Any]) -> None:
    """GQL_CONNECTION_ACK, GQL_CONNECTION_KEEP_ALIVE: "right after each GQL_CONNECTION_ACK"."""
    socket = authenticating(SubscriptionsTransportWS)
    assert said(socket.acknowledged(payload, 0.1)) == [{"type": "connection_ack", **extra}, KEEP_ALIVE]
    assert socket.acknowledged(payload, 0.2) == []


@pytest.mark.parametrize(("reason", "told"), [(None, "Forbidden"), ("the token has expired",) * 2])
def test_a_refusal_is_told_before_the_close(reason: str | None, told: str) -> None:
    """GQL_CONNECTION_ERROR."""
    socket = authenticating(SubscriptionsTransportWS)
    assert said(socket.refused(reason, 0.1)) == [
        {"type": "connection_error", "payload": {"message": told}},
        (4403, told),
    ]
    assert socket.refused(reason, 0.2) == []


def test_the_init_has_three_seconds_here_too() -> None:
    """Abuse cases W4 and W21: the protocol itself has no limit at all."""
    socket = opened(SubscriptionsTransportWS)
    assert socket.next_deadline() == 3.0
    assert socket.received(INIT, 2.0) == [Authenticate({})]
    assert said(socket.tick(3.0)) == [(4408, "Connection initialisation timeout")]


@pytest.mark.parametrize("phase", PHASES[1:])
def test_a_second_init_closes(phase: Any) -> None:
    assert said(phase(SubscriptionsTransportWS).received(INIT, 0.1)) == [(4429, "Too many initialisation requests")]


def test_nothing_is_started_without_an_init() -> None:
    """Abuse case W7: the reference server would execute for whoever never said who it is."""
    assert said(opened(SubscriptionsTransportWS).received(start(), 0.1)) == [(4401, "Unauthorized")]


def test_what_is_started_before_the_acknowledgement_waits_for_it() -> None:
    """The reference client sends what is queued right after its init: "no need to wait for connection to success"."""
    socket = authenticating(SubscriptionsTransportWS)
    assert socket.received(start("a"), 0.1) == []
    assert socket.received(start("b"), 0.1) == []
    assert said(socket.received(message("stop", id="a"), 0.2)) == [{"id": "a", "type": "complete"}]
    assert said(socket.acknowledged(None, 0.3)) == [{"type": "connection_ack"}, KEEP_ALIVE, Start("b", REQUEST)]
    assert socket.operations == {"b"}


def test_what_waits_is_limited_like_what_runs() -> None:
    socket = authenticating(SubscriptionsTransportWS, ProtocolLimits(operations=1))
    assert socket.received(start("a"), 0.1) == []
    assert socket.received(start("a"), 0.1) == []
    [error] = said(socket.received(start("b"), 0.1))
    assert (error["id"], error["payload"]["extensions"]["code"]) == ("b", "SUBSCRIPTION_LIMIT")
    assert said(socket.acknowledged(None, 0.3))[2:] == [Start("a", REQUEST)]


def test_what_waits_is_forgotten_when_the_client_is_refused() -> None:
    socket = authenticating(SubscriptionsTransportWS)
    socket.received(start("a"), 0.1)
    assert said(socket.refused(None, 0.2))[-1] == (4403, "Forbidden")
    assert socket.acknowledged(None, 0.3) == []


def test_a_start_starts_and_results_are_spliced() -> None:
    """GQL_START, GQL_DATA."""
    socket = legacy()
    assert socket.received(start('a"', variables={"id": 1}), 0.0) == [
        Start('a"', OperationRequest(QUERY, None, {"id": 1}, {}))
    ]
    assert socket.next('a"', b"<body>") == [Send(b'{"id":"a\\"","type":"data","payload":<body>}')]


def test_a_start_with_an_id_in_use_takes_it_over() -> None:
    """As the reference server does: "if we already have a subscription with this id, unsubscribe from it first"."""
    socket = legacy(ProtocolLimits(operations=1))
    socket.received(start("a"), 0.0)
    assert socket.received(start("a"), 0.1) == [Stop("a"), Start("a", REQUEST)]


def test_an_operation_above_the_limit_ends_alone() -> None:
    socket = legacy(ProtocolLimits(operations=1))
    socket.received(start("a"), 0.0)
    [error] = said(socket.received(start("b"), 0.0))
    assert (error["type"], error["id"], error["payload"]["extensions"]["code"]) == ("error", "b", "SUBSCRIPTION_LIMIT")
    assert len(socket.next("a", BODY)) == 1


def test_a_stop_is_answered_with_complete_and_nothing_follows() -> None:
    """GQL_STOP, "Connected Phase"."""
    socket = legacy()
    socket.received(start("a"), 0.0)
    assert said(socket.received(message("stop", id="a"), 0.1)) == [Stop("a"), {"id": "a", "type": "complete"}]
    assert [socket.next("a", BODY), socket.completed("a"), socket.failed("a", b"[{}]")] == [[], [], []]


@pytest.mark.parametrize("phase", PHASES)
def test_a_stop_for_an_unknown_id_is_ignored(phase: Any) -> None:
    assert phase(SubscriptionsTransportWS).received(message("stop", id="gone"), 0.1) == []


def test_an_operation_completes() -> None:
    """GQL_COMPLETE."""
    socket = legacy()
    socket.received(start("a"), 0.0)
    assert said(socket.completed("a")) == [{"id": "a", "type": "complete"}]
    assert socket.completed("a") == []


def test_a_failure_is_one_error_and_not_a_list() -> None:
    """GQL_ERROR: "payload: Error"."""
    socket = legacy()
    socket.received(start("a"), 0.0)
    errors = b'[{"message":"no such field","extensions":{"code":"GRAPHQL_INVALID"}},{"message":"nor this one"}]'
    assert said(socket.failed("a", errors)) == [
        {
            "id": "a",
            "type": "error",
            "payload": {"message": "no such field", "extensions": {"code": "GRAPHQL_INVALID"}},
        }
    ]


def test_it_is_kept_alive_every_twelve_seconds_and_never_blamed_for_silence() -> None:
    """GQL_CONNECTION_KEEP_ALIVE goes one way, so that silence says nothing about the peer."""
    socket = authenticating(SubscriptionsTransportWS)
    socket.acknowledged(None, 1.0)
    for due in (13.0, 25.0, 37.0):
        assert socket.next_deadline() == due
        assert socket.tick(due - 0.1) == []
        assert said(socket.tick(due)) == [KEEP_ALIVE]
    assert said(socket.tick(10_000.0)) == [KEEP_ALIVE]


def test_there_is_no_way_to_announce_anything() -> None:
    """A `ka` has no payload, and a message of another type would be none of this protocol."""
    assert legacy().announced({"positions": {"a": 3}}) == []


@pytest.mark.parametrize("phase", PHASES)
def test_a_client_may_say_goodbye(phase: Any) -> None:
    """GQL_CONNECTION_TERMINATE."""
    assert said(phase(SubscriptionsTransportWS).received(message("connection_terminate"), 0.1)) == [
        (1000, "Normal closure")
    ]


@pytest.mark.parametrize("kind", ["subscribe", "complete", "ping", "pong"])
def test_its_successor_s_messages_are_unknown(kind: str) -> None:
    assert said(legacy().received(message(kind, id="1"), 0.1)) == [
        {"type": "connection_error", "payload": {"message": "type: is not one of this protocol"}}
    ]


def test_a_flood_of_malformed_messages_ends_like_any_other() -> None:
    socket = opened(SubscriptionsTransportWS, ProtocolLimits(message_burst=3))
    answers = [answer for _ in range(10) for answer in said(socket.received("{", 0.0))]
    assert len(answers) == 4
    assert answers[-1] == (4429, "Too many messages")


@pytest.mark.parametrize("end", list(End))
def test_after_a_close_there_is_nothing_any_more(end: End) -> None:
    socket = legacy()
    socket.received(start("a"), 0.0)
    assert said(socket.ending(end, 1.0))[-1] == (end.close_code, end.reason)
    assert (socket.phase, socket.next_deadline()) == (Phase.CLOSED, None)
    assert [socket.received(start("b"), 2.0), socket.tick(99.0), socket.next("a", BODY), socket.ending(end, 2.0)] == [
        [],
        [],
        [],
        [],
    ]
