"""When a message is sent, and when it is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from app.domain.delivery.model import Address, Change, NothingOwed, Owe, RecordFailure, RecordMade
from app.domain.delivery.next_action import Attempt, RetryPolicy, WaitUntil, due_at, next_action
from tests.support.builders import NOW
from tests.support.spec import DELIVERY

ADDRESS = Address("webhook", "we_1", "acme", "payment", "pay_1")
SECOND = timedelta(seconds=1)
OWED = DELIVERY.given().after(Owe(ADDRESS, (Change(0, "a", NOW), Change(1, "b", NOW)), NOW))
FAILED = OWED.after(RecordFailure(0, 1, "answered 500", NOW + 60 * SECOND, NOW))
POLICY = RetryPolicy()


def test_what_is_owed_is_sent_at_once_the_first_first() -> None:
    action = next_action(OWED.state, NOW)
    assert isinstance(action, Attempt)
    assert action.message.version == 0


def test_a_later_message_waits_for_the_earlier() -> None:
    assert next_action(FAILED.state, NOW + 59 * SECOND) == WaitUntil(NOW + 60 * SECOND)
    action = next_action(FAILED.state, NOW + 60 * SECOND)
    assert isinstance(action, Attempt)
    assert action.message.version == 0


def test_a_target_that_is_back_in_service_is_called_at_once() -> None:
    assert isinstance(next_action(FAILED.state, NOW + 2 * SECOND, NOW + SECOND), Attempt)


def test_a_target_that_was_back_before_it_failed_is_not() -> None:
    assert next_action(FAILED.state, NOW + 2 * SECOND, NOW - SECOND) == WaitUntil(NOW + 60 * SECOND)


def test_nothing_is_due_when_everything_is_settled() -> None:
    settled = OWED.after(RecordMade(0, 1, "200", NOW), RecordMade(1, 1, "200", NOW)).state
    for state in (settled, NothingOwed()):
        assert next_action(state, NOW) is None
        assert due_at(state) is None


def test_it_is_due_when_the_first_that_waits_is() -> None:
    assert due_at(OWED.state) == NOW
    assert due_at(FAILED.state) == NOW + 60 * SECOND


def test_attempts_go_on_for_about_three_days() -> None:
    for jitter, least, most in ((0.0, 2.9, 3.1), (1.0, 3.4, 3.7)):
        now, attempt = NOW, 1
        while (again := POLICY.next_attempt(attempt, now, None, jitter)) is not None:
            now, attempt = again, attempt + 1
        assert attempt == len(POLICY.pauses) + 1
        assert least <= (now - NOW) / timedelta(days=1) <= most


@pytest.mark.parametrize(
    ("wish", "pause"), [(1, 5), (60, 60), (3600, 3600), (10 * 24 * 3600, 24 * 3600), (-5, 5)], ids=str
)
def test_a_target_may_ask_for_more_time_but_not_for_less_nor_for_ever(wish: int, pause: int) -> None:
    assert POLICY.next_attempt(1, NOW, wish * SECOND, 0.0) == NOW + pause * SECOND


@drawn(st.integers(1, 40), st.floats(0, 1), st.none() | st.timedeltas(timedelta(-1), timedelta(400)))
def test_the_next_attempt_is_always_ahead_and_never_further_than_policy_allows(
    attempt: int, jitter: float, wish: timedelta | None
) -> None:
    again = POLICY.next_attempt(attempt, NOW, wish, jitter)
    if attempt > len(POLICY.pauses):
        assert again is None
    else:
        assert again is not None
        assert timedelta(0) < again - NOW <= max(POLICY.longest_wish, POLICY.pauses[attempt - 1] * 1.2)
