"""Whatever comes in whatever order, a protocol keeps to what a client of it relies on.

A model that knows only the protocol's promises follows the effects: nothing before the acknowledgement, each started
operation ends exactly once, no result after its end, nothing at all after a close.
"""

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from app.transports.effects import Authenticate, Close, Effect, Send, Start, Stop
from app.transports.ends import End
from app.transports.limits import ProtocolLimits
from app.transports.socket_protocol import Phase, SocketProtocol
from app.transports.ws_legacy import SubscriptionsTransportWS
from app.transports.ws_protocol import GraphQLTransportWS
from tests.unit.transports.sockets import INIT, QUERY, message

LIMITS = ProtocolLimits(operations=3, message_burst=1000)
ERRORS = b'[{"message":"no","extensions":{"code":"GRAPHQL_INVALID"}}]'
RESULT = b'{"data":1}'

ids = st.sampled_from(["1", "2", "3", "4", "é\n"])
payloads = st.sampled_from([None, {}, {"a": 1}, {"authorization": "Bearer a"}, {"authorization": 1}])
# What ends a connection is drawn seldom, or no history would be long.
seldom = st.integers(0, 11).map(lambda number: number == 0)


class AnyOrder(RuleBasedStateMachine):
    """One socket of one protocol, its client, its executor and its clock."""

    KIND: ClassVar[type[SocketProtocol]]
    START: ClassVar[str]
    STOP: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.heard_at = 0.0
        self.acknowledged = False
        self.closed = False
        self.running: set[str] = set()
        self.socket = self.KIND(0.0, LIMITS)

    # What happens.

    @initialize(known=st.booleans())
    def begin(self, known: bool) -> None:
        if known:
            self.received(INIT)
            self.observe(self.socket.acknowledged({"expiresAt": 1}, self.now))

    @rule(really=seldom)
    def init(self, really: bool) -> None:
        if really or self.socket.phase is Phase.OPENED:
            self.received(INIT)

    @rule(payload=st.sampled_from([None, {"a": 1}]))
    def acknowledge(self, payload: dict[str, int] | None) -> None:
        self.observe(self.socket.acknowledged(payload, self.now))

    @rule(really=seldom)
    def refuse(self, really: bool) -> None:
        if really:
            self.observe(self.socket.refused(None, self.now))
            assert self.closed

    @rule(operation_id=ids, again=seldom)
    def start(self, operation_id: str, again: bool) -> None:
        if operation_id not in self.running or again:
            self.received(message(self.START, id=operation_id, payload={"query": QUERY}))

    @rule(operation_id=ids)
    def stop(self, operation_id: str) -> None:
        self.received(message(self.STOP, id=operation_id))
        assert operation_id not in self.running

    @rule(kind=st.sampled_from(["ping", "pong"]), payload=payloads)
    def sign_of_life(self, kind: str, payload: dict[str, Any] | None) -> None:
        self.received(message(kind, payload=payload))

    @rule(text=st.sampled_from(["", "[]", '{"type":1}', message("subscribe"), message("stop", id=1)]), really=seldom)
    def say_nonsense(self, text: str, really: bool) -> None:
        if really:
            self.received(text)

    @rule(operation_id=ids)
    def result(self, operation_id: str) -> None:
        effects = self.socket.next(operation_id, RESULT)
        assert len(effects) == (operation_id in self.running)
        self.observe(effects)

    @rule(operation_id=ids)
    def complete(self, operation_id: str) -> None:
        self.ended(operation_id, self.socket.completed(operation_id))

    @rule(operation_id=ids)
    def fail(self, operation_id: str) -> None:
        self.ended(operation_id, self.socket.failed(operation_id, ERRORS))

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 2.9, 5.0, 11.9, 12.0, 24.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        was_closed, deadline = self.closed, self.socket.next_deadline()
        effects = self.socket.tick(self.now)
        self.observe(effects)
        if deadline is None or self.now < deadline:
            assert effects == []
        elif not was_closed:
            assert effects != []
        if self.acknowledged and self.now < self.heard_at + LIMITS.ping_seconds + LIMITS.pong_seconds:
            assert self.closed is was_closed

    @rule(end=st.sampled_from(list(End)), really=seldom)
    def end(self, end: End, really: bool) -> None:
        if really:
            self.observe(self.socket.ending(end, self.now))
            assert self.closed

    # What a client may rely on.

    def received(self, text: str) -> None:
        self.heard_at = self.now
        self.observe(self.socket.received(text, self.now))

    def ended(self, operation_id: str, effects: Sequence[Effect]) -> None:
        assert len(effects) == (operation_id in self.running)
        self.observe(effects)
        assert operation_id not in self.running

    def observe(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            assert not self.closed, "an effect after the close"
            match effect:
                case Start(operation_id):
                    assert self.acknowledged, "started before the acknowledgement"
                    assert operation_id not in self.running, "started twice"
                    self.running.add(operation_id)
                case Stop(operation_id):
                    self.running.remove(operation_id)
                case Authenticate(refresh=refresh):
                    assert refresh is self.acknowledged
                case Close():
                    self.closed = True
                    self.running.clear()
                case Send(text):
                    self.sent(json.loads(text))

    def sent(self, told: dict[str, Any]) -> None:
        match told:
            case {"type": "next" | "data", "id": operation_id}:
                assert operation_id in self.running, "a result after the end"
                assert told["payload"] == json.loads(RESULT)
            case {"type": "complete", "id": operation_id}:
                self.completed(operation_id)
            case {"type": "error", "id": operation_id, "payload": payload}:
                refused = "SUBSCRIPTION_LIMIT" in json.dumps(payload)
                assert refused is (operation_id not in self.running), "an error for an operation that is not there"
                self.running.discard(operation_id)
            case {"type": "connection_ack"}:
                assert not self.acknowledged, "acknowledged twice"
                self.acknowledged = True
            case _:
                assert told["type"] in ("ping", "pong", "ka", "connection_error")

    def completed(self, operation_id: str) -> None:
        self.running.remove(operation_id)

    @invariant()
    def the_socket_knows_what_runs(self) -> None:
        assert self.socket.operations == self.running
        assert len(self.running) <= LIMITS.operations
        assert (self.socket.phase is Phase.CLOSED) is self.closed
        assert (self.socket.phase is Phase.READY) is (self.acknowledged and not self.closed)

    @invariant()
    def there_is_a_deadline_as_long_as_it_lives(self) -> None:
        deadline = self.socket.next_deadline()
        assert (deadline is None) is self.closed
        # One that is due although `tick` was just called would have a session call it without end.
        assert deadline is None or deadline > self.now


class GraphQLTransportWSInAnyOrder(AnyOrder):
    """`graphql-transport-ws`."""

    KIND = GraphQLTransportWS
    START = "subscribe"
    STOP = "complete"


class SubscriptionsTransportWSInAnyOrder(AnyOrder):
    """`graphql-ws`."""

    KIND = SubscriptionsTransportWS
    START = "start"
    STOP = "stop"

    def completed(self, operation_id: str) -> None:
        # A `stop` is answered with `complete`: the operation has ended already, or never began.
        self.running.discard(operation_id)


TestGraphQLTransportWS = GraphQLTransportWSInAnyOrder.TestCase
TestSubscriptionsTransportWS = SubscriptionsTransportWSInAnyOrder.TestCase
TestGraphQLTransportWS.settings = settings(max_examples=200, stateful_step_count=40)
TestSubscriptionsTransportWS.settings = settings(max_examples=200, stateful_step_count=40)
