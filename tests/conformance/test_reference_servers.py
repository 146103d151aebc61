"""What the kit asks for can be had: the servers of the protocols' authors meet it, but where they leave their text."""

import asyncio
import socket
import struct
from urllib.parse import urlencode, urlsplit

import httpx
import pytest

from app.audit import Level, Options, Report, Verdict, audit
from tests.conformance.node_clients import NodeClients
from tests.conformance.stock_server import SCENARIO
from tests.support.plain_http import NO_CERTIFICATES

EVENT_STREAM = {"accept": "text/event-stream"}
RULES = ("http-*", "ws-*", "sse-*")
KNOWN_TO_DIFFER = {
    # graphql-ws closes the whole socket with 4500 when a document cannot be read.
    "ws-error-syntax-error",
    "ws-error-syntax-error-ends",
    "ws-id-reused-after-error",
    "ws-fault-ends-one",
    # graphql-http answers variables that do not fit with 200, without data.
    "http-missing-variable-not-2xx",
    "http-wrong-variable-not-2xx",
}
# graphql-ws starts an operation a moment after it has read `subscribe`, and a `complete` may come in between.
RACES = {"ws-stop-at-once"}
SINGLE_CONNECTION_MODE = ["sse-single-reservation", "sse-single-one-stream", "sse-single-operation"]


@pytest.fixture(scope="session")
def report(node: NodeClients) -> Report:
    with node.serving("reference-server.mjs") as url:
        return asyncio.run(audit(url, Options(scenario=SCENARIO, only=RULES)))


def test_a_client_that_breaks_off_does_not_end_the_reference_server(node: NodeClients) -> None:
    watching = {"query": "subscription { count(to: 3) }"}
    with node.serving("reference-server.mjs") as url:
        for _ in range(20):
            break_off(f"{url}?{urlencode(watching)}")
        # It lasts longer than what the others would have been sent next.
        answer = httpx.get(
            url, params=watching, headers=EVENT_STREAM, timeout=30, trust_env=False, verify=NO_CERTIFICATES
        )
    assert answer.text.count("event: next") == 3


def break_off(url: str) -> None:
    """Begin to read an event stream, then reset the connection."""
    address = urlsplit(url)
    request = (
        f"GET {address.path}?{address.query} HTTP/1.1\r\nhost: {address.netloc}\r\naccept: text/event-stream\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), 30) as connection:
        connection.sendall(request.encode())
        assert connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_every_must_is_met_but_where_they_are_known_to_differ(report: Report) -> None:
    must = [finding for finding in report.findings if finding.level is Level.MUST]
    assert {finding.id for finding in must if finding.verdict is not Verdict.MET} - RACES == KNOWN_TO_DIFFER


@pytest.mark.parametrize("rule", SINGLE_CONNECTION_MODE)
def test_the_single_connection_mode_is_examined_where_it_is_offered(report: Report, rule: str) -> None:
    assert report.finding(rule).verdict is Verdict.MET
