"""What clients see beside what the stream folds to: nothing differs, or exactly what was changed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings

from app.domain.payment.events import PaymentEvent
from app.domain.payment.next_action import Policy
from app.reconciling.model import Kind
from app.reconciling.views import differences, due_of_nothing
from projections.names import Topic
from projections.stored import Stored
from projections.views import update_of
from projections.whole import Whole, whole_payment
from tests.support.builders import initiated
from tests.support.commands import histories


def stored(whole: Whole) -> Stored:
    """What Redis holds when it is right."""
    due = whole.due.timestamp() if whole.due else None
    return Stored(whole.view.version, whole.view.model_dump_json().encode(), update_of(whole.view).encode(), due, True)


Change = Callable[[Stored], Stored]

CHANGES: list[tuple[Change, Kind]] = [
    (lambda kept: Stored(due=kept.due, listed=True), Kind.VIEW_MISSING),
    (lambda kept: replace(kept, view=None), Kind.VIEW_MISSING),
    (lambda kept: replace(kept, revision=(kept.revision or 0) - 1), Kind.VIEW_BEHIND),
    (lambda kept: replace(kept, revision=(kept.revision or 0) + 1), Kind.VIEW_AHEAD),
    (lambda kept: replace(kept, view=b"{}"), Kind.VIEW_DIFFERS),
    (lambda kept: replace(kept, view=(kept.view or b"").replace(b"acme", b"amce")), Kind.VIEW_DIFFERS),
    (lambda kept: replace(kept, update=None), Kind.VIEW_DIFFERS),
    (lambda kept: replace(kept, listed=False), Kind.NOT_LISTED),
    (lambda kept: replace(kept, due=None if kept.due else 1.0), Kind.DUE_MISSING),
    (lambda kept: replace(kept, due=1.0), Kind.DUE_STALE),
]


@settings(max_examples=40)
@given(histories())
def test_the_fold_of_every_history_agrees_with_itself(events: list[PaymentEvent]) -> None:
    whole = whole_payment(events, Policy())
    assert whole is None or differences(whole, stored(whole)) == []


@pytest.mark.parametrize(("change", "kind"), CHANGES)
def test_one_change_is_one_difference(change: Change, kind: Kind) -> None:
    whole = whole_payment([initiated()], Policy())
    assert whole is not None
    assert whole.due is not None
    (found,) = differences(whole, change(stored(whole)))
    assert (found.kind, found.subject) == (kind, "pay_1")
    assert "paygate replay pay_1" in found.remedy


def test_how_far_the_projection_is_behind_is_said() -> None:
    whole = whole_payment([initiated()], Policy())
    assert whole is not None
    later = replace(whole, view=whole.view.model_copy(update={"version": 3}))
    (found,) = differences(later, stored(whole))
    assert "behind by 3 events" in found.sentence


def test_a_time_at_which_somebody_looks_at_nothing_is_stale() -> None:
    assert due_of_nothing(Topic("order", "ord_1")).kind is Kind.DUE_STALE
