"""The run of mixed payments waits for as long as anything gets further."""

from benchmarks.mixed.settling import Patience


def test_patience_is_out_when_nothing_has_got_further_for_as_long_as_it_lasts() -> None:
    now = [0.0]
    patience = Patience(120.0, clock=lambda: now[0])
    seen = []
    for at, reached in ((0.0, 5), (110.0, 5), (119.0, 6), (238.0, 6), (239.5, 6)):
        now[0] = at
        seen.append(patience.is_out(reached))
    assert seen == [False, False, False, False, True]


def test_what_falls_back_and_comes_up_again_has_not_got_further() -> None:
    now = [0.0]
    patience = Patience(10.0, clock=lambda: now[0])
    for at, reached in ((0.0, -3), (5.0, -4), (9.0, -3)):
        now[0] = at
        assert not patience.is_out(reached)
    now[0] = 10.5
    assert patience.is_out(-3)
