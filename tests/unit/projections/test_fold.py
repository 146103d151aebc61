"""What clients see of a history, whatever history the domain can produce."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.domain.order.events import OrderEvent
from app.domain.order.evolve import fold as fold_order_events
from app.domain.order.model import Cancel, Confirm, EndPayment, OrderCommand, Reject, StartPayment
from app.domain.payment import events as happened
from app.domain.payment.events import PaymentEvent
from app.domain.payment.evolve import fold
from app.domain.payment.model import Cancel as CancelPayment
from app.domain.payment.model import Captured, NotInitiated, status_of
from app.domain.refusals import Refusal
from projections.fold import FoldedOrder, FoldedPayment, fold_order, fold_payment, order_updates, payment_updates
from projections.views import PaymentView, Update
from tests.support.builders import (
    ACTION_NEEDED,
    DECLINED,
    NO_ANSWER,
    NOW,
    REDIRECT,
    GivenPayment,
    authorized,
    call,
    initiated,
    placed,
    refund,
    refunded,
    said,
)
from tests.support.commands import histories
from tests.support.positions import (
    CAPTURE,
    REFUND,
    VOID,
    authorizing,
    awaiting_customer,
    capturing,
    declined,
    expired,
    held,
    refunding,
    taken,
)
from tests.support.spec import ORDER

ORDER_COMMANDS: tuple[OrderCommand, ...] = (
    StartPayment(initiated(payment_id="pay_1"), NOW),
    StartPayment(initiated(payment_id="pay_2"), NOW),
    EndPayment("pay_1", "declined", NOW),
    Confirm("pay_1", NOW),
    Reject("nobody paid", NOW),
    Cancel(NOW, "changed my mind"),
)


@st.composite
def order_histories(draw: st.DrawFn) -> list[OrderEvent]:
    events: list[OrderEvent] = [placed()]
    for command in draw(st.lists(st.sampled_from(ORDER_COMMANDS), max_size=8)):
        try:
            events += ORDER.decide(command, fold_order_events(events))
        except Refusal:
            continue
    return events


def view(given: GivenPayment) -> PaymentView:
    folded, _ = payment_updates(given.events)
    assert folded
    return folded.view


def seen(given: GivenPayment) -> list[tuple[int | None, int, str]]:
    """What a subscriber gets: previous, version, status."""
    return [(each.previous, each.version, each.payment.status.value) for each in payment_updates(given.events)[1]]


def assert_unbroken(updates: Sequence[Update], revisions: int) -> None:
    previous = None
    for update in updates:
        assert update.previous == previous
        assert previous is None or update.version > previous
        previous = update.version
    assert updates[0].version == 0
    assert updates[-1].version < revisions


@given(histories())
def test_the_chain_of_versions_has_no_hole_and_rises(events: list[PaymentEvent]) -> None:
    folded, updates = payment_updates(events)
    assert folded
    assert_unbroken(updates, len(events))
    for update in updates:
        assert update.payment.version == update.payment.changed == update.version
        assert update.payment.previous == update.previous
        assert update.final == update.payment.status.final


@given(histories())
def test_what_a_client_cannot_see_moves_the_version_and_nothing_else(events: list[PaymentEvent]) -> None:
    folded: FoldedPayment | None = None
    for revision, event in enumerate(events):
        before, (folded, update) = folded, fold_payment(folded, revision, event)
        assert folded.view.version == revision
        assert folded.at == event.at
        if update is None:
            assert before
            assert folded.view == before.view.model_copy(update={"version": revision})
        else:
            assert update.version == folded.view.changed == revision
            assert before is None or _visible(folded.view) != _visible(before.view)


def _visible(of: PaymentView) -> tuple[object, ...]:
    return of.status, of.refunded, of.action, of.failure


@given(histories(), st.integers(min_value=0))
def test_a_view_is_the_fold_of_the_whole_wherever_the_fold_paused(events: list[PaymentEvent], cut: int) -> None:
    whole, updates = payment_updates(events)
    cut = cut % len(events) + 1
    folded, before = payment_updates(events[:cut])
    after = []
    for revision, event in enumerate(events[cut:], start=cut):
        folded, update = fold_payment(folded, revision, event)
        after += [update] if update else []
    assert folded == whole
    assert before + after == updates


@given(histories())
def test_a_view_says_what_the_domain_says(events: list[PaymentEvent]) -> None:
    folded, updates = payment_updates(events)
    state = fold(events)
    assert folded
    assert not isinstance(state, NotInitiated)
    assert folded.state == state
    assert folded.view.status is status_of(state)
    assert folded.view.refunded == (state.refunded if isinstance(state, Captured) else 0)
    assert [transition.version for transition in folded.view.history] == [update.version for update in updates]
    assert [transition.status for transition in folded.view.history] == [each.payment.status for each in updates]


@given(histories())
def test_an_update_survives_its_way_through_the_channel(events: list[PaymentEvent]) -> None:
    for update in payment_updates(events)[1]:
        received = Update.decode(update.encode())
        assert received == update
        assert received.payment == update.payment


def test_a_payment_that_succeeds_is_seen_three_times_and_the_calls_to_the_provider_never() -> None:
    payment = taken()
    assert seen(payment) == [(None, 0, "INITIATED"), (0, 1, "PROCESSING"), (1, 5, "SUCCEEDED")]
    assert [type(event) for event in payment.events] == [
        happened.PaymentInitiated,
        happened.ProviderCallStarted,
        happened.PaymentAuthorized,
        happened.CaptureRequested,
        happened.ProviderCallStarted,
        happened.PaymentCaptured,
    ]


def test_an_unknown_outcome_is_not_seen() -> None:
    payment = authorizing()
    assert seen(payment.after(said(NO_ANSWER))) == seen(payment)
    assert view(payment.after(said(NO_ANSWER))).version == view(payment).version + 1


def test_what_the_customer_has_to_do_is_shown_until_it_is_done() -> None:
    assert view(awaiting_customer()).action == REDIRECT
    assert view(awaiting_customer().after(said(authorized()))).action is None
    assert [status for *_, status in seen(awaiting_customer().after(said(authorized())))] == [
        "INITIATED",
        "PROCESSING",
        "REQUIRES_ACTION",
        "PROCESSING",
    ]


def test_a_failure_says_why_here_and_in_the_history() -> None:
    failed = view(declined())
    assert failed.failure
    assert (failed.failure.code, failed.failure.retryable) == ("card_declined", False)
    assert failed.history[-1].detail == "card_declined"


def test_the_merchants_reason_is_in_the_history_wherever_it_was_given() -> None:
    cancel = CancelPayment(NOW, "out of stock")
    for position in (held(), awaiting_customer()):
        assert view(position.after(cancel)).history[-1].detail == "out of stock"


def test_a_late_success_is_seen_after_the_end() -> None:
    accepted = expired().after(said(authorized()), call(CAPTURE))
    assert [status for *_, status in seen(accepted)] == ["INITIATED", "EXPIRED", "PROCESSING"]
    returned = declined().after(said(authorized()), said(DECLINED, VOID), said(ACTION_NEEDED))
    assert seen(returned) == seen(declined())


def test_each_refund_is_seen_when_the_money_is_back_and_not_before() -> None:
    asked = refunding(400)
    assert seen(asked) == seen(taken())
    back = asked.after(said(refunded(400), REFUND, refund_id="ref_1"))
    assert seen(back)[-1][2] == "PARTIALLY_REFUNDED"
    more = back.after(refund("ref_2", 100), said(refunded(100), REFUND, refund_id="ref_2"))
    assert (seen(more)[-1][2], view(more).refunded) == ("PARTIALLY_REFUNDED", 500)
    assert len(seen(more)) == len(seen(back)) + 1


def test_a_refused_capture_is_seen_as_a_failure() -> None:
    assert seen(capturing().after(said(DECLINED, CAPTURE)))[-1][2] == "FAILED"


@given(order_histories())
def test_the_same_holds_of_orders(events: list[OrderEvent]) -> None:
    folded, updates = order_updates(events)
    assert folded
    assert_unbroken(updates, len(events))
    assert folded.view.version == len(events) - 1
    assert [each.version for each in folded.view.history] == [update.version for update in updates]
    step: FoldedOrder | None = None
    for revision, event in enumerate(events):
        step, update = fold_order(step, revision, event)
        assert update is None or Update.decode(update.encode()).order == step.view
    assert step == folded


def test_an_order_shows_its_payments_and_why_it_ended() -> None:
    paying = ORDER.given(placed()).after(StartPayment(initiated(payment_id="pay_1"), NOW))
    folded, _ = order_updates(paying.after(Cancel(NOW, "changed my mind")).events)
    assert folded
    assert (folded.view.payment_id, folded.view.reason) == ("pay_1", "changed my mind")
    folded, _ = order_updates(paying.after(EndPayment("pay_1", "declined", NOW)).events)
    assert folded
    assert [(each.payment_id, each.status) for each in folded.view.attempts] == [("pay_1", "ENDED")]
    assert (folded.view.payment_id, folded.view.reason) == ("pay_1", None)
