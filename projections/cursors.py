"""Cursors of a merchant's feed: opaque to clients, and of use to the merchant alone they were made for."""

import base64
import binascii
import hashlib
import struct

from app.eventstore.port import NO_STREAM
from projections.readmodel import InvalidCursor

# A number for this shape, the place, and whose feed it is in. A multiple of three bytes needs no padding.
_SHAPE = struct.Struct(">Bq9s")
_NUMBER = 1


def feed_cursor(merchant_id: str, place: int) -> str:
    """The cursor after which the entries above `place` stand."""
    return base64.urlsafe_b64encode(_SHAPE.pack(_NUMBER, place, _binding(merchant_id))).decode()


def feed_place(merchant_id: str, cursor: str) -> int:
    """The place in a cursor of this merchant; raises `InvalidCursor` for anything else, another merchant's included."""
    try:
        place: int = _SHAPE.unpack(base64.urlsafe_b64decode(cursor.encode("ascii")))[1]
    except (ValueError, binascii.Error, struct.error):
        raise InvalidCursor("not a cursor this server gave out") from None
    if place < NO_STREAM or cursor != feed_cursor(merchant_id, place):
        raise InvalidCursor("not a cursor this server gave this merchant")
    return place


def _binding(merchant_id: str) -> bytes:
    return hashlib.sha256(b"paygate feed of " + merchant_id.encode()).digest()[:9]
