"""Domain events to type names and JSON bytes, and back."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

from pydantic import BaseModel, ValidationError

from app.eventstore.port import NewEvent, RecordedEvent

Event = TypeVar("Event", bound=BaseModel)


class UnreadableEvent(Exception):
    """An event of unknown type or with data its type cannot have; the message names its place, never its data."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why events were written: what they belong to, and the event or request that led to them."""

    correlation_id: str
    causation_id: str | None = None


def encode(
    stream: str, expected: int, events: Sequence[BaseModel], cause: Cause, *, writer: str = ""
) -> list[NewEvent]:
    """The events to append to `stream` after revision `expected`.

    Ids derive from place, content and writer: a repeated append is recognised by the store, and two writers never pass
    for one another, not even when they decide the same at the same time.
    """
    metadata = json.dumps({"$correlationId": cause.correlation_id, "$causationId": cause.causation_id}).encode()
    encoded = []
    for revision, event in enumerate(events, start=expected + 1):
        data = event.model_dump_json().encode()
        kind = type(event).__name__
        content = hashlib.sha256(data).hexdigest()
        event_id = uuid5(NAMESPACE_OID, f"{stream}@{revision}:{kind}:{content}:{writer}")
        encoded.append(NewEvent(event_id, kind, data, metadata))
    return encoded


def decode(recorded: RecordedEvent, types: Mapping[str, type[Event]]) -> Event:
    """The domain event in `recorded`, which must be one of `types`, by name; raises `UnreadableEvent`."""
    place = f"{recorded.stream}@{recorded.revision}"
    kind = types.get(recorded.type)
    if kind is None:
        raise UnreadableEvent(f"{place} has the unknown type {recorded.type!r}")
    try:
        return kind.model_validate_json(recorded.data)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors(include_input=False))
        raise UnreadableEvent(f"{place} is no valid {recorded.type}: {fields or 'not JSON'}") from None


def causation_of(recorded: RecordedEvent) -> Cause:
    """The cause to give to what follows from `recorded`."""
    try:
        correlation = json.loads(recorded.metadata or b"{}").get("$correlationId")
    except (ValueError, AttributeError):
        correlation = None
    return Cause(correlation or recorded.stream, str(recorded.id))


def new_cause(correlation_id: str, request_id: UUID | None = None) -> Cause:
    """The cause of what a caller asked for."""
    return Cause(correlation_id, str(request_id) if request_id else None)
