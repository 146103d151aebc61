"""What every service reads from requests: names, ids, numbers."""

from contextlib import suppress
from typing import Final
from uuid import UUID

from esdbclient.protos.Grpc import shared_pb2

from app.laptop.eventstore import names
from app.laptop.eventstore.errors import HandlerFault, InvalidArgument
from app.laptop.eventstore.events import MAX_POSITION

_NONE: Final = 2**64 - 1
"""What clients send in an unsigned field for "the end" or "none"."""
_UUID_LENGTH: Final = 36
_UUID_DASHES: Final = 4


def stream_name(identifier: shared_pb2.StreamIdentifier) -> str:
    """Read a stream's name. Raises HandlerFault when it is none."""
    try:
        name = identifier.stream_name.decode()
    except UnicodeDecodeError as error:
        raise HandlerFault("a stream's name is not UTF-8") from error
    if not names.is_valid_stream(name):
        raise HandlerFault(f"{name!r} is no name for a stream")
    return name


def event_id(uuid: shared_pb2.UUID) -> bytes:
    """Read an id in either of its two forms. Raises InvalidArgument when it is none."""
    match uuid.WhichOneof("value"):
        case "structured":
            high, low = uuid.structured.most_significant_bits, uuid.structured.least_significant_bits
            return (high % 2**64).to_bytes(8, "big") + (low % 2**64).to_bytes(8, "big")
        case "string":
            return _parse(uuid.string)
        case _:
            return bytes(16)


def _parse(text: str) -> bytes:
    # Several times as fast as making a UUID, and this is done for every event.
    if len(text) == _UUID_LENGTH and text.count("-") == _UUID_DASHES:
        with suppress(ValueError):
            return bytes.fromhex(text.replace("-", ""))
    try:
        return UUID(text).bytes
    except ValueError as error:
        raise InvalidArgument(f"{text!r} is not a UUID.") from error


def revision(value: int) -> int:
    """Read a revision; beyond what a stream can hold means its end."""
    return min(value, MAX_POSITION)


def position(commit: int, prepare: int) -> int:
    """Read a position. Raises HandlerFault for one that no log can have."""
    if commit == prepare == _NONE:
        return MAX_POSITION
    if commit > MAX_POSITION or prepare > MAX_POSITION or commit < prepare:
        raise HandlerFault(f"C:{commit}/P:{prepare} is no position")
    return commit
