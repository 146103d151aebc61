"""Sockets in every phase of their life, and what they say in a form that reads well in a test."""

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from app.transports.effects import Close, Effect, Send
from app.transports.limits import ProtocolLimits
from app.transports.socket_protocol import SocketProtocol
from app.transports.ws_legacy import SubscriptionsTransportWS
from app.transports.ws_protocol import GraphQLTransportWS

QUERY = "subscription { paymentStatus(id: 1) { status } }"
# Enough messages at once for any test that is not about their rate.
PATIENT = ProtocolLimits(message_burst=100_000)

Protocol = TypeVar("Protocol", bound=SocketProtocol)


def message(kind: str, **members: Any) -> str:
    return json.dumps({"type": kind, **members})


INIT = message("connection_init")


def subscribe(operation_id: str = "1", **payload: Any) -> str:
    return message("subscribe", id=operation_id, payload={"query": QUERY, **payload})


def start(operation_id: str = "1", **payload: Any) -> str:
    return message("start", id=operation_id, payload={"query": QUERY, **payload})


def opened(kind: type[Protocol], limits: ProtocolLimits = PATIENT) -> Protocol:
    return kind(0.0, limits)


def authenticating(kind: type[Protocol], limits: ProtocolLimits = PATIENT) -> Protocol:
    socket = opened(kind, limits)
    socket.received(INIT, 0.0)
    return socket


def ready(kind: type[Protocol], limits: ProtocolLimits = PATIENT) -> Protocol:
    socket = authenticating(kind, limits)
    socket.acknowledged(None, 0.0)
    return socket


def modern(limits: ProtocolLimits = PATIENT) -> GraphQLTransportWS:
    return ready(GraphQLTransportWS, limits)


def legacy(limits: ProtocolLimits = PATIENT) -> SubscriptionsTransportWS:
    return ready(SubscriptionsTransportWS, limits)


def said(effects: Iterable[Effect]) -> list[Any]:
    """The effects, with what is sent decoded and a close as its code and reason."""
    return [_plain(effect) for effect in effects]


def _plain(effect: Effect) -> Any:
    match effect:
        case Send(text):
            return json.loads(text)
        case Close(reason=reason):
            return effect.code, reason
        case _:
            return effect
