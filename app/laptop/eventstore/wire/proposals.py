"""Proposed events, as both append calls bring them."""

from collections.abc import Iterable

from esdbclient.protos.Grpc import streams_pb2

from app.laptop.eventstore.errors import AppendTooLarge, EventTooLarge, HandlerFault, MissingMetadata
from app.laptop.eventstore.events import NewEvent
from app.laptop.eventstore.limits import Limits

from . import requests, responses

Proposal = streams_pb2.AppendReq.ProposedMessage | streams_pb2.BatchAppendReq.ProposedMessage

_NIL = bytes(16)


class Proposals:
    """Gathers the events of one append and keeps count of their size."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._size = 0
        self.events: list[NewEvent] = []

    def extend(self, messages: Iterable[Proposal]) -> None:
        """Take over some events. Raises InvalidArgument or HandlerFault for what the server refuses."""
        for message in messages:
            event = _event(message)
            self._weigh(event)
            self.events.append(event)

    def _weigh(self, event: NewEvent) -> None:
        size, limit = event.size, self._limits.max_append_event_size
        if limit is not None and size > limit:
            raise EventTooLarge(responses.id_text(event.id), size, limit)
        self._size += size
        if self._size > self._limits.max_append_size:
            raise AppendTooLarge(self._limits.max_append_size)


def _event(message: Proposal) -> NewEvent:
    metadata = message.metadata
    for required in ("type", "content-type"):
        if required not in metadata:
            raise MissingMetadata(required)
    event = NewEvent(
        requests.event_id(message.id),
        metadata["type"],
        message.data,
        message.custom_metadata,
        is_json=metadata["content-type"] == "application/json",
    )
    if event.id == _NIL or not event.type:
        raise HandlerFault("an event needs an id and a type")
    return event
