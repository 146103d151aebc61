"""Those who end first leave time to those who end later."""

import pytest

from app.laptop.supervisor.roster import share


def test_with_time_enough_each_has_what_it_wants() -> None:
    assert share(remaining=4.5, wanted=2.0, later=5) == 2.0


def test_a_laggard_does_not_take_the_time_of_those_after_it() -> None:
    remaining = 4.5
    for later in range(5, -1, -1):
        used = share(remaining, wanted=60.0, later=later)
        assert used == pytest.approx(2.5 if later == 5 else 0.4)
        remaining -= used
    assert remaining == pytest.approx(0.0)


def test_without_time_nobody_waits() -> None:
    assert share(remaining=-1.0, wanted=2.0, later=0) == 0.0
