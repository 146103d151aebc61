"""The first restart is immediate, later ones wait longer and longer, and good conduct is rewarded."""

from app.laptop.supervisor.backoff import Backoff, Crashes

BACKOFF = Backoff(shortest=1.0, longest=5.0, healthy_after=30.0)


def full_delays(crashes: Crashes, *, ready_for: float | None, times: int) -> list[float]:
    return [crashes.delay_after(ready_for) for _ in range(times)]


def always_the_most() -> float:
    return 1.0


def test_the_wait_doubles_up_to_the_longest() -> None:
    crashes = Crashes(BACKOFF, always_the_most)
    assert full_delays(crashes, ready_for=None, times=6) == [0.0, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_who_served_for_a_while_is_started_at_once_again() -> None:
    crashes = Crashes(BACKOFF, always_the_most)
    full_delays(crashes, ready_for=0.1, times=4)
    assert crashes.delay_after(30.0) == 0.0
    assert crashes.delay_after(0.1) == 1.0


def test_chance_spreads_the_wait_over_its_upper_half() -> None:
    assert BACKOFF.delay(3, 0.0) == 1.0
    assert BACKOFF.delay(3, 1.0) == 2.0


def test_a_child_may_crash_for_days() -> None:
    assert BACKOFF.delay(100_000, 1.0) == 5.0
