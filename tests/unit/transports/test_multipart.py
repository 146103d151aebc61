"""Multipart subscriptions, byte for byte and as Apollo Client reads them.

apollographql/router, "Multipart HTTP protocol for GraphQL subscriptions"; RFC 2046 §5.1.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.transports import multipart
from app.transports.multipart import wants_multipart_subscription

BODY = b'{"data":{"paymentStatus":{"status":"PAID"}}}'
HEAD = b"\r\nContent-Type: application/json\r\n\r\n"


def parts_seen(stream: bytes) -> Iterator[Any]:
    """What a client that waits for the next delimiter has got so far, as Apollo Client does."""
    *whole, _rest = (b"\r\n" + stream).split(b"\r\n--graphql")
    for part in whole[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        assert head == b"\r\nContent-Type: application/json"
        yield json.loads(body)


def test_a_stream_byte_for_byte() -> None:
    stream = multipart.opening() + multipart.heartbeat() + multipart.part(BODY) + multipart.closing()
    assert stream == (
        b"--graphql" + HEAD + b"{}\r\n--graphql" + HEAD + b'{"payload":' + BODY + b"}\r\n--graphql" + b"--\r\n"
    )


def test_each_part_is_whole_as_soon_as_it_is_sent() -> None:
    """The next delimiter goes with the part before it, or the client lags one message."""
    stream = multipart.opening()
    assert list(parts_seen(stream)) == []
    stream += multipart.heartbeat()
    assert list(parts_seen(stream)) == [{}]
    stream += multipart.part(BODY)
    assert list(parts_seen(stream)) == [{}, {"payload": json.loads(BODY)}]
    stream += multipart.closing()
    assert list(parts_seen(stream)) == [{}, {"payload": json.loads(BODY)}]


def test_a_fatal_error_has_no_payload() -> None:
    stream = multipart.opening() + multipart.fatal(b'[{"message":"gone"}]') + multipart.closing()
    assert list(parts_seen(stream)) == [{"payload": None, "errors": [{"message": "gone"}]}]


def test_an_empty_stream_still_begins_and_ends() -> None:
    """RFC 2046 §5.1.1: the close delimiter is the delimiter and two hyphens."""
    assert multipart.opening() + multipart.closing() == b"--graphql--\r\n"


def test_the_media_type_names_the_boundary_and_the_protocol() -> None:
    assert multipart.MEDIA_TYPE == "multipart/mixed;boundary=graphql;subscriptionSpec=1.0"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ('multipart/mixed;subscriptionSpec="1.0", application/json', True),
        ("multipart/mixed;subscriptionSpec=1.0, application/json", True),
        ('multipart/mixed;boundary="graphql";subscriptionSpec="1.0", application/json', True),
        ('application/json;q=0.9, Multipart/Mixed; SUBSCRIPTIONSPEC="1.0";q=0.5', True),
        ("multipart/mixed", False),
        ('multipart/mixed;deferSpec="20220824", application/json', False),
        ("multipart/mixed;subscriptionSpec=2.0", False),
        ("multipart/mixed;subscriptionSpec=1.0;q=0", False),
        ("multipart/related;subscriptionSpec=1.0", False),
        ("multipart/*;subscriptionSpec=1.0", False),
        ("*/*", False),
        ('application/json;a="multipart/mixed;subscriptionSpec=1.0"', False),
        ("application/json", False),
        ("", False),
    ],
)
def test_only_who_asks_for_the_protocol_gets_it(accept: str, wanted: bool) -> None:
    assert wants_multipart_subscription(accept) is wanted
