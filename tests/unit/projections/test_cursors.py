"""A cursor says where its merchant was, and nothing to anybody else."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.cursors import feed_cursor, feed_place
from projections.readmodel import InvalidCursor
from schema.context import position_from

PLACES = st.integers(-1, 2**62)
MERCHANTS = st.text(min_size=1, max_size=20)


@given(MERCHANTS, PLACES)
def test_a_merchants_cursor_is_its_place(merchant: str, place: int) -> None:
    assert feed_place(merchant, feed_cursor(merchant, place)) == place


@given(MERCHANTS, MERCHANTS, PLACES)
def test_another_merchants_cursor_is_refused(mine: str, others: str, place: int) -> None:
    if mine != others:
        with pytest.raises(InvalidCursor):
            feed_place(mine, feed_cursor(others, place))


@given(MERCHANTS, PLACES)
def test_no_transport_takes_a_cursor_for_a_number(merchant: str, place: int) -> None:
    cursor = feed_cursor(merchant, place)
    assert position_from(cursor) == cursor


@given(st.text() | st.binary().map(lambda some: base64.urlsafe_b64encode(some).decode()))
def test_what_did_not_come_from_here_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        feed_place("acme", cursor)


@pytest.mark.parametrize(
    "change", [lambda cursor: cursor + "=", lambda cursor: f"\n{cursor}", lambda cursor: cursor[:-1]]
)
def test_nor_is_anything_that_is_only_almost_a_cursor(change: Callable[[str], str]) -> None:
    with pytest.raises(InvalidCursor):
        feed_place("acme", change(feed_cursor("acme", 7)))


def test_a_place_before_everything_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        feed_place("acme", feed_cursor("acme", -2))
