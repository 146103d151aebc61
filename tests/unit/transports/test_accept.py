"""What a client prefers is what it gets: RFC 9110 §12.4.2 (weights), §12.5.1 (`Accept`)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transports.accept import MediaRange, best, media_ranges

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
EVENTS = "text/event-stream"
OFFERED = (JSON, RESPONSE, EVENTS)

CHOICES = [
    # Anything goes: GraphQL over HTTP wants application/json for those who do not say.
    (None, JSON),
    ("", JSON),
    ("  ", JSON),
    ("*/*", JSON),
    ("application/*", JSON),
    ("*/*;q=0.1", JSON),
    # What is named, in whatever spelling.
    (RESPONSE, RESPONSE),
    ("Application/GraphQL-Response+JSON", RESPONSE),
    ("text/*", EVENTS),
    (f"text/html, {EVENTS}", EVENTS),
    (f"{EVENTS},*/*;q=0.5", EVENTS),
    # Equals: the server's order decides, not the client's.
    (f"{RESPONSE}, {JSON}", JSON),
    (f"{EVENTS}, */*", JSON),
    # §12.4.2: weights.
    (f"{JSON};q=0.9, {RESPONSE}", RESPONSE),
    (f"{JSON};Q=0.9 , {RESPONSE} ; q=1.000", RESPONSE),
    (f"{JSON};q=0.001,{RESPONSE};q=0.002", RESPONSE),
    (f"{JSON};q=0", None),
    (f"{JSON};q=0, */*", RESPONSE),
    (f"{JSON};q=0.0, application/*;q=0, */*;q=0.1", EVENTS),
    # §12.5.1: the most specific range that covers a type speaks for it, wherever it stands.
    (f"*/*;q=1, application/*;q=0.2, {JSON};q=0.5", EVENTS),
    (f"{RESPONSE};q=0.3, application/*;q=0.8", JSON),
    (f"{JSON};charset=utf-8;q=0.1, {JSON}, {RESPONSE};q=0.5", RESPONSE),
    # Parameters: everything here is UTF-8, and nothing else is promised.
    (f"{RESPONSE}; charset=utf-8, {JSON};q=0.5", RESPONSE),
    (f'{JSON};charset="UTF-8"', JSON),
    (f"{JSON};charset=latin1", None),
    (f"{JSON};version=1", None),
    (f"{JSON};version=1, {RESPONSE}", RESPONSE),
    # Not on offer.
    ("text/html", None),
    ("text/html, image/*;q=0.9", None),
    # Commas and semicolons in quotes separate nothing.
    (f'text/html;a="b, {JSON};q=1", {RESPONSE}', RESPONSE),
    (f'text/html;a="b\\", {JSON}", {RESPONSE}', RESPONSE),
    # What cannot be read is passed over, the rest is not.
    (f"json, {RESPONSE}", RESPONSE),
    (f"*/json, {EVENTS}", EVENTS),
    (f",,{RESPONSE},", RESPONSE),
    (f"{JSON};q=2, {RESPONSE}", RESPONSE),
    (f"{JSON};q=, {RESPONSE}", RESPONSE),
    (f"{JSON};q=0.1234, {RESPONSE}", RESPONSE),
    (f"{JSON};q=-1, {RESPONSE}", RESPONSE),
    (f"{JSON};q=nan, {RESPONSE}", RESPONSE),
    (f"{JSON} x, {RESPONSE}", RESPONSE),
    (f'{JSON};a="b, {RESPONSE}', None),
    ("application", None),
    ("/", None),
    (";q=1", None),
    (f"{JSON};", JSON),
    (f"{JSON};;q=0.5", JSON),
]


@pytest.mark.parametrize(("accept", "choice"), CHOICES)
def test_the_client_s_preference_decides(accept: str | None, choice: str | None) -> None:
    assert best(accept, OFFERED) == choice


def test_an_offer_with_parameters_is_covered_by_ranges_without() -> None:
    offered = ('multipart/mixed;subscriptionSpec="1.0"',)
    assert best("multipart/mixed", offered) == offered[0]
    assert best("multipart/mixed;subscriptionspec=1.0", offered) == offered[0]
    assert best("multipart/mixed;subscriptionSpec=2.0", offered) is None


def test_where_nothing_is_offered_nothing_is_chosen() -> None:
    assert [best(None, ()), best("*/*", ())] == [None, None]


def test_a_range_is_read_whole() -> None:
    assert media_ranges('Multipart/Mixed;subscriptionSpec="1.\\0" ;q=0.5') == [
        MediaRange("multipart", "mixed", {"subscriptionspec": "1.0"}, 0.5)
    ]


@given(st.text() | st.text('ab/*;,=q01."\\ \t'))
def test_no_header_raises_and_only_what_is_offered_is_chosen(accept: str) -> None:
    assert best(accept, OFFERED) in (*OFFERED, None)


@pytest.mark.parametrize(
    "piece", ['"', '"\\', '\\"', ";", "; ", " ", "a/b;", "a/b;c=", 'a/b;c="', ",", "a", "=", 'a/b;c="d', "a/a "]
)
def test_a_long_header_costs_no_more_than_its_length(piece: str) -> None:
    """A quadratic reader would take minutes for these."""
    for accept in ("a" + piece * 100_000, "a/b;" + piece * 100_000 + "x", "a/b;c=" + piece * 100_000):
        assert best(accept, OFFERED) is None


@given(st.permutations([f"{JSON};q=0.3", f"{RESPONSE};q=0.7", f"{EVENTS};q=0.5"]))
def test_the_order_of_elements_says_nothing(elements: list[str]) -> None:
    assert best(", ".join(elements), OFFERED) == RESPONSE
