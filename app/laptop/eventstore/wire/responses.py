"""Events as they go out, encoded by hand.

A read sends one message per event, and to build each out of protobuf objects takes several times as long as to
join its few fields, which are bytes already. The field numbers are those of ``streams.proto``.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final
from uuid import UUID

from app.laptop.eventstore.events import RecordedEvent, ResolvedEvent

IdEncoder = Callable[[bytes], bytes]

_JSON: Final = "application/json"
_BINARY: Final = "application/octet-stream"


_TWO_BYTES: Final = 1 << 14
_CONTINUED: Final = tuple(bytes((number & 0x7F | 0x80, number >> 7 | 0x80)) for number in range(_TWO_BYTES))
"""The first two bytes of a number that goes on."""
_SMALL: Final = tuple(
    bytes((number,)) if number < 0x80 else bytes((number & 0x7F | 0x80, number >> 7)) for number in range(_TWO_BYTES)
)


def varint(value: int) -> bytes:
    """Encode an unsigned number, two bytes at a time."""
    encoded = b""
    while value >= _TWO_BYTES:
        encoded += _CONTINUED[value & 0x3FFF]
        value >>= 14
    return encoded + _SMALL[value]


def delimited(tag: bytes, payload: bytes) -> bytes:
    """Encode a field of bytes, text or a message."""
    size = len(payload)
    return tag + (_SMALL[size] if size < _TWO_BYTES else varint(size)) + payload


def string_id(raw: bytes) -> bytes:
    """Encode an id as text, as all clients in use ask for."""
    text = raw.hex()
    return b"\x0a\x26\x12\x24" + f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()


def structured_id(raw: bytes) -> bytes:
    """Encode an id as two signed numbers."""
    bits = b"\x08" + varint(int.from_bytes(raw[:8], "big")) + b"\x10" + varint(int.from_bytes(raw[8:], "big"))
    return delimited(b"\x0a", delimited(b"\x0a", bits))


def read_event(event: ResolvedEvent, encode_id: IdEncoder) -> bytes:
    """Encode a ReadResp of the Streams service with one event."""
    parts = b""
    if event.event is not None:
        parts = delimited(b"\x0a", _recorded(event.event, event.event.position, encode_id))
    if event.link is not None:
        parts += delimited(b"\x12", _recorded(event.link, event.link.position, encode_id))
    return delimited(b"\x0a", parts + b"\x18" + varint(event.original.position))


def delivered_event(event: ResolvedEvent, retries: int, encode_id: IdEncoder) -> bytes:
    """Encode a ReadResp of the PersistentSubscriptions service; its events all show the original's position."""
    position = event.original.position
    parts = b""
    if event.event is not None:
        parts = delimited(b"\x0a", _recorded(event.event, position, encode_id))
    if event.link is not None:
        parts += delimited(b"\x12", _recorded(event.link, position, encode_id))
    return delimited(b"\x0a", parts + b"\x18" + varint(position) + b"\x28" + varint(retries))


def _recorded(event: RecordedEvent, shown_position: int, encode_id: IdEncoder) -> bytes:
    position = varint(shown_position)
    revision = event.revision
    encoded = b"%b%b\x18%b\x20%b\x28%b%b%b" % (
        encode_id(event.id),
        _stream(event.stream),
        _SMALL[revision] if revision < _TWO_BYTES else varint(revision),
        position,
        position,
        _kind(event.type, bool(event.is_json)),
        delimited(b"\x32", b"\x0a\x07created" + delimited(b"\x12", b"%d" % event.created)),
    )
    if event.metadata:
        encoded += delimited(b"\x3a", event.metadata)
    if event.data:
        encoded += delimited(b"\x42", event.data)
    return encoded


@lru_cache(maxsize=4096)
def _stream(name: str) -> bytes:
    return delimited(b"\x12", delimited(b"\x1a", name.encode()))


@lru_cache(maxsize=4096)
def _kind(event_type: str, is_json: bool) -> bytes:
    content_type = _JSON if is_json else _BINARY
    return _metadata_entry("type", event_type) + _metadata_entry("content-type", content_type)


def _metadata_entry(key: str, value: str) -> bytes:
    return delimited(b"\x32", delimited(b"\x0a", key.encode()) + delimited(b"\x12", value.encode()))


def id_text(raw: bytes) -> str:
    """Return an id as people write it."""
    return str(UUID(bytes=raw))
