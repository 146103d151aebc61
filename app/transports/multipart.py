"""GraphQL subscriptions over `multipart/mixed`: what the body is made of.

[apollographql/router, "Multipart HTTP protocol for GraphQL subscriptions"; RFC 2046 §5.1.] Each piece ends with the
delimiter of the next part: a client knows that a part is whole only once it sees what follows, and Apollo Client would
always be one result behind.
"""

from app.transports.accept import media_ranges

BOUNDARY = "graphql"
MEDIA_TYPE = f"multipart/mixed;boundary={BOUNDARY};subscriptionSpec=1.0"
_DELIMITER = f"--{BOUNDARY}".encode("ascii")
_HEAD = b"\r\nContent-Type: application/json\r\n\r\n"


def opening() -> bytes:
    """The first delimiter."""
    return _DELIMITER


def heartbeat() -> bytes:
    """A part that says nothing but that the stream lives."""
    return _part(b"{}")


def part(body: bytes) -> bytes:
    """A result; `body` is its JSON."""
    return _part(b'{"payload":%b}' % body)


def fatal(errors: bytes) -> bytes:
    """The errors, a JSON list, that end the stream; `closing` follows."""
    return _part(b'{"payload":null,"errors":%b}' % errors)


def closing() -> bytes:
    """What makes the delimiter already sent the last one."""
    return b"--\r\n"


def wants_multipart_subscription(accept: str) -> bool:
    """Whether the client speaks the protocol: it must say so, `multipart/mixed` or `*/*` alone do not."""
    return any(
        (each.type, each.subtype) == ("multipart", "mixed")
        and each.parameters.get("subscriptionspec") == "1.0"
        and each.quality > 0
        for each in media_ranges(accept)
    )


def _part(body: bytes) -> bytes:
    return b"%b%b\r\n%b" % (_HEAD, body, _DELIMITER)
