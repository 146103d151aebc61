"""A process that counts by itself lets a burst through at once and the rate in the long run."""

from hypothesis import given
from hypothesis import strategies as st

from app.access import rates
from app.access.rates import LocalRates, Rate, RateLimited, Work


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_burst_passes_at_once_and_the_next_is_told_how_long_to_wait() -> None:
    clock = Clock()
    local = LocalRates(clock)
    assert [local.early("ada", Rate(2, 3)) for _ in range(3)] == [0, 0, 0]
    assert round(local.early("ada", Rate(2, 3)), 3) == 0.5
    clock.now += 0.5
    assert local.early("ada", Rate(2, 3)) == 0
    assert local.early("ada", Rate(2, 3)) > 0


def test_one_caller_leaves_the_others_alone() -> None:
    local = LocalRates(Clock())
    assert local.early("ada", Rate(1, 1)) == 0
    assert local.early("ada", Rate(1, 1)) > 0
    assert local.early("bob", Rate(1, 1)) == 0


@given(st.lists(st.floats(0, 5), max_size=200), st.integers(1, 50), st.integers(1, 20))
def test_never_more_than_burst_and_rate_allow(pauses: list[float], rate: int, burst: int) -> None:
    clock = Clock()
    local, passed = LocalRates(clock), 0
    for pause in pauses:
        clock.now += pause
        passed += local.early("ada", Rate(rate, burst)) == 0
        assert passed <= burst + (clock.now - 1000.0) * rate + 0.01


def test_whoever_waits_as_long_as_told_may_go_on() -> None:
    clock = Clock()
    local = LocalRates(clock)
    while not (early := local.early("ada", Rate(3, 4))):
        pass
    clock.now += early
    assert local.early("ada", Rate(3, 4)) == 0


def test_what_it_remembers_is_bounded_and_whoever_owes_most_is_not_forgotten() -> None:
    local = LocalRates(Clock())
    while not local.early("greedy", Rate(1, 5)):
        pass
    for number in range(2 * rates._MOST_REMEMBERED):
        local.early(f"caller {number}", Rate(1, 5))
    assert len(local._settled) <= rates._MOST_REMEMBERED
    assert local.early("greedy", Rate(1, 5)) > 0


def test_a_client_is_never_told_to_come_back_at_once() -> None:
    assert [RateLimited(Work.READ, seconds).retry_after for seconds in (0.01, 1.0, 1.2)] == [1, 1, 2]
