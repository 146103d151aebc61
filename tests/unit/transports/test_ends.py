"""The table of ends is whole, fits its frames, and sends away only whom it means to."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.transports.ends import MOST_REASON_BYTES, End, close_reason

FATAL_4000S = {4400, 4401, 4406, 4409, 4429, 4500, 4004, 4005}
RETRIED_1000S = {1000, 1001, 1005, 1006, 1012, 1013, 1014}


def reference_client_retries(code: int) -> bool:
    """graphql-ws 6, client.ts: what its default `shouldRetry` never sees again."""
    return code not in FATAL_4000S and (code in RETRIED_1000S or not 1000 <= code <= 1999)


@pytest.mark.parametrize("end", [end for end in End if end is not End.CLIENT_LEFT])
def test_the_reference_client_comes_back_exactly_where_the_table_says_so(end: End) -> None:
    assert reference_client_retries(end.close_code) is end.retryable


@pytest.mark.parametrize("end", list(End))
def test_every_end_has_a_code_an_endpoint_may_send_and_a_reason_that_fits(end: End) -> None:
    """RFC 6455 §7.4: 1004 to 1006 and 1015 are never sent; §5.5: 125 bytes with the code."""
    assert end.close_code in range(1000, 1015) or end.close_code in range(4000, 5000)
    assert end.close_code not in (1004, 1005, 1006)
    assert close_reason(end.reason) == end.reason
    assert end.label == end.name.lower()


def test_no_end_is_another_one_by_accident() -> None:
    assert len(End.__members__) == len(list(End))
    assert len({end.reason for end in End}) == len(list(End))


@pytest.mark.parametrize(
    ("end", "code", "reason"),
    [
        (End.UNAUTHORIZED, 4401, "Unauthorized"),
        (End.FORBIDDEN, 4403, "Forbidden"),
        (End.SUBPROTOCOL, 4406, "Subprotocol not acceptable"),
        (End.INIT_TIMEOUT, 4408, "Connection initialisation timeout"),
        (End.TOO_MANY_INITS, 4429, "Too many initialisation requests"),
    ],
)
def test_the_protocol_s_own_ends_have_its_words(end: End, code: int, reason: str) -> None:
    """graphql-transport-ws, PROTOCOL.md."""
    assert (end.close_code, end.reason) == (code, reason)


def test_an_end_tells_an_operation_its_code_and_whether_to_come_back() -> None:
    told = json.loads(End.SLOW_CONSUMER.errors("too slow", position=7))
    assert told == [{"message": "too slow", "extensions": {"code": "SLOW_CONSUMER", "retryable": True, "position": 7}}]
    assert json.loads(End.DRAIN.errors())[0]["message"] == End.DRAIN.reason


def test_only_ends_of_a_token_end_the_operations_first() -> None:
    """After an `error` the reference client does not subscribe again, which a drain wants it to."""
    assert {end for end in End if end.tells_operations} == {End.EXPIRED, End.REVOKED}


@given(st.text())
def test_a_reason_always_fits_the_frame_and_is_valid_text(text: str) -> None:
    reason = close_reason(text)
    assert len(reason.encode("utf-8")) <= MOST_REASON_BYTES


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 123, "x" * 123),
        ("x" * 124, "x" * 120 + "…"),
        ("€" * 41, "€" * 41),
        ("€" * 42, "€" * 40 + "…"),
        ("😀" * 31, "😀" * 30 + "…"),
        ("\ud800", "?"),
    ],
)
def test_a_long_reason_is_cut_between_characters(text: str, reason: str) -> None:
    assert close_reason(text) == reason
