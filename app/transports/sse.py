"""GraphQL over Server-Sent Events, distinct connections mode: what the body is made of.

[enisdenjo/graphql-sse, PROTOCOL.md, "Distinct connections mode"; HTML Living Standard §9.2.] The specification of
GraphQL knows no `id:`; with it a browser's own `EventSource` comes back with `Last-Event-ID` and misses nothing.
"""

import re

MEDIA_TYPE = "text/event-stream"
_LINE_BREAK = re.compile(rb"\r\n|\r|\n")
_MOST_ID_CHARACTERS = 512
_EVENT_ID = re.compile(r"[\x21-\x7e]+")


class MalformedEventId(ValueError):
    """A `Last-Event-ID` that this gateway never gave out."""


def next_event(body: bytes, event_id: str | None) -> bytes:
    """A result; `event_id` is its position, None when there is nothing to resume from."""
    identity = b"" if event_id is None else b"id: %b\n" % _checked(event_id).encode("ascii")
    return b"event: next\n%bdata: %b\n\n" % (identity, _one_field(body))


def complete_event() -> bytes:
    """The end. With an empty `data:`, since an event without data is never dispatched [HTML §9.2.6]."""
    return b"event: complete\ndata:\n\n"


def comment() -> bytes:
    """Nothing, said to keep proxies from closing a connection they think idle."""
    return b":\n\n"


def last_event_id(header: str | None) -> str | None:
    """The position in a `Last-Event-ID`, None when there is none; raises `MalformedEventId`."""
    if header is None or not header.strip():
        return None
    try:
        return _checked(header.strip())
    except ValueError:
        raise MalformedEventId("Last-Event-ID: takes an id that this server gave out") from None


def _checked(event_id: str) -> str:
    # A line break would begin a field of its own, NUL makes a client forget the id.
    if len(event_id) > _MOST_ID_CHARACTERS or not _EVENT_ID.fullmatch(event_id):
        raise ValueError("an event id is of visible ASCII characters")
    return event_id


def _one_field(body: bytes) -> bytes:
    """`body`, each line of it in a `data:` of its own, which the client joins again."""
    if b"\n" not in body and b"\r" not in body:
        return body
    return _LINE_BREAK.sub(b"\ndata: ", body)
