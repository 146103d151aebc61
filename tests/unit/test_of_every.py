"""A test of every case tries all of them, and names each that does not hold."""

import pytest

from tests.support.every import of_every


def test_all_that_do_not_hold_are_told_of_each_by_its_name() -> None:
    @of_every([("one", 1), ("two", 2), ("three", 3)])
    def test_even(number: int) -> None:
        assert number % 2 == 0

    with pytest.raises(ExceptionGroup, match="2 of 3 cases") as told:
        test_even()
    assert [fault.__notes__[-1] for fault in told.value.exceptions] == ["case: one", "case: three"]


def test_of_no_case_at_all_no_test_is_made() -> None:
    with pytest.raises(ValueError, match="no case"):
        of_every([])


@of_every([("one", 1), ("two", 2)])
def test_what_holds_of_all_passes_and_asks_for_no_fixture(number: int) -> None:
    assert number > 0
