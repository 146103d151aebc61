"""What holds of an order and its payments, whatever went wrong: always, whenever all is heard, and at rest.

What holds in the moment in which something is written stands in `witness`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from app.domain.ids import PaymentId, refund_id_for
from app.domain.order import events as of_order
from app.domain.order.model import AttemptStatus, Cancelled, Confirmed, NotPlaced, OrderStatus, Pending
from app.domain.order.model import status_of as order_status_of
from app.domain.payment import events as of_payment
from app.domain.payment import model as payment
from app.domain.payment.events import Operation, PaymentEvent
from tests.support.builders import PRICE
from tests.unit.domain.payment.arrows import assert_moves_along_the_arrows
from tests.unit.processor.witness import has_money
from tests.unit.processor.world import World

MERCHANTS_REFUNDS = ("ref_1", "ref_2")


# Always


@dataclass
class Onlooker:
    """Looks at each event once."""

    world: World
    seen: dict[str, int] = field(default_factory=dict)
    seen_of_order: int = 0

    def look(self) -> None:
        """At what was written since."""
        for payment_id, books in self.world.books.items():
            self._look_at(payment_id)
            assert 0 <= books.given_back <= books.taken <= PRICE.amount
            # Nobody is charged twice.
            assert max(books.ledger.count(Operation.AUTHORIZE), books.ledger.count(Operation.CAPTURE)) <= 1
        self._look_at_the_order()

    def _look_at_the_order(self) -> None:
        told, seen = self.world.order_history, self.seen_of_order
        for event, (before, after) in zip(told.events[seen:], pairwise(told.states[seen:]), strict=True):
            if isinstance(before, NotPlaced) or isinstance(after, NotPlaced):
                continue
            assert order_status_of(before) in (order_status_of(after), OrderStatus.PENDING)
            if isinstance(event, of_order.OrderPaymentStarted) and before.attempts:
                deadline = before.terms.expires_at
                assert not deadline or event.at < deadline, "another payment is tried after the deadline"
            assert [attempt.status for attempt in after.attempts].count(AttemptStatus.PAID) <= 1
        self.seen_of_order = len(told.events)

    def _look_at(self, payment_id: str) -> None:
        told, seen = self.world.history(payment_id), self.seen.get(payment_id, 0)
        if len(told.events) == seen:
            return
        assert_moves_along_the_arrows(told.events[seen:], told.states[seen])
        for event, before in zip(told.events[seen:], told.states[seen:-1], strict=True):
            if isinstance(before, payment.Initiated) and isinstance(event, of_payment.ProviderCallStarted):
                deadline = before.terms.expires_at
                assert not deadline or event.at < deadline, f"{payment_id} is begun after its deadline"
        self.seen[payment_id] = len(told.events)


# Whenever processors have heard of everything


def nothing_is_left_undone(world: World) -> None:
    """The order knows what its payments came to, and no payment goes on, or keeps money, that is not to."""
    order = world.placed
    for attempt in order.attempts:
        state, what = world.state(attempt.payment_id), f"{attempt.payment_id} is {attempt.status}"
        if attempt.status is AttemptStatus.OPEN and not _goes_back(state):
            assert not isinstance(state, payment.Ended | payment.NotInitiated), f"{what} and has ended"
        if isinstance(order, Pending):
            assert not has_money(state), f"{what} and has paid"
        elif attempt.status is not AttemptStatus.PAID:
            assert not _goes_on(state), f"{what}, its order has ended, and it is not called off"
            if attempt.status is not AttemptStatus.STUCK and not _is_giving_back(state, attempt.payment_id):
                assert not has_money(state), f"{what}, its order has ended, and it keeps money"


def _goes_back(state: payment.PaymentState) -> bool:
    """Whether what came late is on its way back."""
    return isinstance(state, payment.Ended) and state.late is not None and state.late.outcome == "PENDING"


def _is_giving_back(state: payment.PaymentState, payment_id: str) -> bool:
    """Whether the order's own refund is under way, beside which only what other refunds failed to give back is left.

    What becomes of that is told when the own one has been answered.
    """
    if not isinstance(state, payment.Captured):
        return False
    own = _own(payment_id, "not for this order")
    under_way = any(refund.refund_id == own and refund.outcome == "PENDING" for refund in state.refunds)
    failed = sum(refund.amount for refund in state.refunds if refund.outcome == "FAILED")
    return under_way and state.refundable <= failed


def _goes_on(state: payment.PaymentState) -> bool:
    """Whether it may still take money, and nobody has wished otherwise."""
    match state:
        case payment.Initiated() | payment.AwaitingCustomer():
            return True
        case payment.Authorizing() | payment.Confirming():
            return not state.cancelling
        case payment.Authorized():
            # What a provider refuses three times to release is for people.
            return state.refused_voids < 3
    return False


def nothing_overdue_is_left(world: World) -> None:
    """When all that is due has been done: whose time is over has ended, unless an outcome is still open."""
    now = world.clock.now
    for payment_id in world.books:
        state = world.state(payment_id)
        if isinstance(state, payment.Initiated | payment.AwaitingCustomer):
            deadline = state.terms.expires_at
            if deadline is None and isinstance(state, payment.AwaitingCustomer):
                deadline = state.since + world.policy.customer_patience
            assert deadline is None or now < deadline, f"{payment_id} is overdue"
    order = world.placed
    if not isinstance(order, Pending) or order.terms.expires_at is None:
        return
    looked_at = world.order_history.events[-1].at + world.policy.order_patience
    if now >= order.terms.expires_at and now >= looked_at:
        assert order.under_way, "the order is overdue"
        state = world.state(order.under_way.payment_id)
        assert _outcome_is_open(state), f"the order is overdue while its payment is {type(state).__name__}"


def _outcome_is_open(state: payment.PaymentState) -> bool:
    """Whether the provider has yet to say what becomes of money, be it on its way in or back."""
    if isinstance(state, payment.Captured):
        return any(refund.outcome == "PENDING" for refund in state.refunds)
    return isinstance(state, payment.Authorizing | payment.Capturing | payment.Voiding) or _goes_back(state)


# At rest


def everything_agrees(world: World) -> None:
    """The order has ended, its payments agree with the provider's books, and all that had to follow was written."""
    order = world.placed
    assert order_status_of(order).final
    for attempt in order.attempts:
        _attempt_agrees(world, attempt.payment_id, attempt.status)
        _all_has_followed(world.history(attempt.payment_id).events)
        _called_off_is_called_off(world, attempt.payment_id)
    statuses = [attempt.status for attempt in order.attempts]
    assert statuses.count(AttemptStatus.PAID) == isinstance(order, Confirmed)
    _all_of_the_order_has_followed(world)


def _attempt_agrees(world: World, payment_id: str, status: AttemptStatus) -> None:
    books, state, what = world.books[payment_id], world.existing(payment_id), f"{payment_id} rests {status}"
    kept = books.taken - books.given_back
    refunds = {refund.refund_id for refund in state.refunds} if isinstance(state, payment.Captured) else set()
    late = state.late if isinstance(state, payment.Ended) else None
    match status:
        case AttemptStatus.PAID:
            assert isinstance(state, payment.Captured)
            assert (books.taken, books.given_back) == (state.amount, state.refunded)
            # Only the merchant gives it back.
            assert refunds <= {*MERCHANTS_REFUNDS, _own(payment_id, "after cancellation")}
        case AttemptStatus.STUCK:
            assert books.refused, f"{what} though nothing was refused"
            # Or the provider let go of it when it refused to take it, and will not be told to let go once more.
            assert kept or books.money == "held" or (late and not late.captured and books.money == "released")
            failed = isinstance(state, payment.Captured) and any(each.outcome == "FAILED" for each in state.refunds)
            assert failed or isinstance(state, payment.Authorized) or (late and late.outcome == "FAILED")
        case AttemptStatus.ENDED | AttemptStatus.RETURNED:
            assert kept == 0, f"{what} and keeps {kept}"
            assert books.money != "held", f"{what} and holds"
            if status is AttemptStatus.ENDED:
                assert isinstance(state, payment.Ended), what
                assert late is None, f"{what} and its late money was {late}"
            else:
                returned = isinstance(state, payment.Captured) and state.refunded == state.amount == books.taken
                assert returned or isinstance(state, payment.Ended), what
        case _:
            raise AssertionError(what)


def _own(payment_id: str, purpose: str) -> str:
    return refund_id_for(PaymentId(payment_id), purpose)


_FOLLOWED_BY: dict[type[PaymentEvent], tuple[type[PaymentEvent], ...]] = {
    of_payment.RefundRequested: (of_payment.PaymentRefunded, of_payment.RefundFailed),
    of_payment.CaptureRequested: (
        of_payment.PaymentCaptured,
        of_payment.PaymentFailed,
        of_payment.PaymentCancelled,
    ),
    of_payment.VoidRequested: (
        of_payment.PaymentCancelled,
        of_payment.VoidFailed,
        of_payment.PaymentCaptured,
    ),
}


def _ways_on_from(event: PaymentEvent) -> tuple[type[PaymentEvent], ...]:
    if isinstance(event, of_payment.LateSuccessRecorded) and event.resolution == "ACCEPTED":
        return (of_payment.PaymentCaptured, of_payment.PaymentAuthorized)
    if isinstance(event, of_payment.LateSuccessRecorded):
        # A hold that was to be released may turn out to have been taken.
        found_taken = () if event.captured else (of_payment.LateSuccessRecorded,)
        return (of_payment.LateSuccessReturned, of_payment.LateReturnRefused, *found_taken)
    return _FOLLOWED_BY.get(type(event), ())


def _all_has_followed(history: Sequence[PaymentEvent]) -> None:
    for number, event in enumerate(history):
        ways = _ways_on_from(event)
        followed = any(isinstance(each, ways) for each in history[number + 1 :])
        assert followed or not ways, f"nothing has followed {event}"
    assert sum(isinstance(event, of_payment.PaymentExpired) for event in history) <= 1


def _called_off_is_called_off(world: World, payment_id: str) -> None:
    """Who calls a payment off has no money taken, unless it was too late, and then has it given back."""
    history, books = world.history(payment_id).events, world.books[payment_id]
    kinds = [type(event) for event in history]
    wished = [kind for kind in kinds if kind in (of_payment.CancellationRequested, of_payment.VoidRequested)]
    if not wished or books.refused:
        return
    assert books.money != "held", f"{payment_id} was called off and holds"
    assert books.taken == books.given_back, f"{payment_id} was called off and keeps money"
    assert of_payment.CaptureRequested not in kinds[kinds.index(wished[0]) :], f"{payment_id} was taken all the same"


def _all_of_the_order_has_followed(world: World) -> None:
    history = world.order_history.events
    ended = (of_order.OrderPaymentReturned, of_order.OrderReturnFailed)
    for number, event in enumerate(history):
        if isinstance(event, of_order.OrderPaymentRefused):
            rest = history[number + 1 :]
            assert any(isinstance(each, ended) and each.payment_id == event.payment_id for each in rest)
    for payment_id in world.books:
        asked = [
            event
            for event in world.history(payment_id).events
            if isinstance(event, of_payment.RefundRequested)
            and event.refund_id == _own(payment_id, "not for this order")
        ]
        refused = [
            event
            for event in history
            if isinstance(event, of_order.OrderPaymentRefused) and event.payment_id == payment_id
        ]
        assert len(asked) <= len(refused) <= 1
    if isinstance(world.placed, Cancelled):
        assert sum(isinstance(event, of_order.OrderCancelled) for event in history) == 1
