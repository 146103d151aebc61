"""A token bucket lets its burst through at once and its rate in the long run."""

from hypothesis import given
from hypothesis import strategies as st

from app.transports.limits import TokenBucket


def test_the_burst_passes_at_once_and_nothing_more() -> None:
    bucket = TokenBucket(rate=20, burst=60, now=5.0)
    assert [bucket.take(5.0) for _ in range(61)] == [True] * 60 + [False]


def test_it_fills_with_time_up_to_the_burst() -> None:
    bucket = TokenBucket(rate=20, burst=60, now=0.0)
    assert all(bucket.take(0.0) for _ in range(60))
    assert [bucket.take(0.1) for _ in range(3)] == [True, True, False]
    assert [bucket.take(1000.0) for _ in range(61)] == [True] * 60 + [False]


def test_a_clock_that_steps_back_takes_nothing_away_and_gives_nothing_twice() -> None:
    bucket = TokenBucket(rate=1, burst=2, now=10.0)
    assert [bucket.take(10.0), bucket.take(0.0), bucket.take(10.0)] == [True, True, False]


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 50), st.integers(1, 20))
def test_never_more_than_burst_and_rate_allow(pauses: list[float], rate: int, burst: int) -> None:
    bucket = TokenBucket(rate, burst, now=0.0)
    now, passed = 0.0, 0
    for pause in pauses:
        now += pause
        passed += bucket.take(now)
        assert passed <= burst + now * rate + 1e-6
