"""What an update means to a watcher, by the watcher's position alone."""

import pytest

from app.live.position import Verdict, judge
from projections.views import Update


@pytest.mark.parametrize(
    ("have", "previous", "version", "verdict"),
    [
        (None, None, 0, Verdict.DELIVER),
        (None, 3, 7, Verdict.DELIVER),
        (-1, None, 0, Verdict.DELIVER),
        (-1, 0, 1, Verdict.FILL),
        (0, None, 0, Verdict.DROP),
        (3, 3, 7, Verdict.DELIVER),
        # Events that nobody sees have moved the watcher on, between one update and the next.
        (5, 3, 7, Verdict.DELIVER),
        (6, 3, 7, Verdict.DELIVER),
        (7, 3, 7, Verdict.DROP),
        (9, 3, 7, Verdict.DROP),
        (2, 3, 7, Verdict.FILL),
    ],
)
def test_it_is_dropped_delivered_or_shows_a_hole(
    have: int | None, previous: int | None, version: int, verdict: Verdict
) -> None:
    assert judge(have, Update(previous, version, final=False, shown=b"")) is verdict
