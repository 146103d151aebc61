"""Sessions: a customer approves and we go on; a session that cannot be ended is watched after the payment has ended."""

from datetime import timedelta

from app.domain import reports
from app.domain.payment import events as happened
from app.domain.payment.events import Operation
from app.domain.payment.model import CloseSession, Expire, RequestLookUp
from app.domain.payment.next_action import CallProvider, LookUp, Policy, WaitUntil, WatchSession, next_action
from tests.support.builders import (
    ACTION_NEEDED,
    APPROVED,
    CANCEL,
    DECLINED,
    EXPIRED_THERE,
    LATER,
    NO_ANSWER,
    NO_TRACE,
    NOW,
    REFERENCE,
    VOIDED,
    at,
    authorized,
    call,
    captured,
    said,
)
from tests.support.positions import (
    CONFIRM,
    VOID,
    authorizing,
    awaiting_customer,
    confirming,
    session_cancelled,
    session_expired,
)

ACTED = happened.ActionCompleted(at=NOW)
POLICY = Policy()


class TestConfirming:
    def test_what_the_customer_approved_is_confirmed_once(self) -> None:
        requested = happened.ConfirmationRequested(reference=REFERENCE, at=NOW)
        given = awaiting_customer().when(said(APPROVED)).then(ACTED, requested)
        given.when(said(APPROVED)).then()
        assert next_action(given.state, NOW, POLICY) == CallProvider(CONFIRM)

    def test_an_answer_that_never_came_is_asked_for_before_anything_is_tried_again(self) -> None:
        given = confirming().after(call(CONFIRM), said(NO_ANSWER, CONFIRM))
        assert isinstance(next_action(given.state, NOW, POLICY), LookUp)
        assert next_action(given.after(said(NO_TRACE, CONFIRM)).state, NOW, POLICY) == CallProvider(CONFIRM)

    def test_money_that_is_taken_or_held_by_it_goes_the_way_of_all_money(self) -> None:
        taken = confirming().after(call(CONFIRM), said(captured(), CONFIRM))
        assert isinstance(taken.events[-1], happened.PaymentCaptured)
        held = confirming(manual=True).after(call(CONFIRM), said(authorized(), CONFIRM))
        assert isinstance(held.events[-1], happened.PaymentAuthorized)

    def test_a_customer_who_is_sent_back_to_choose_again_is_confirmed_with_another_key(self) -> None:
        again = confirming().after(call(CONFIRM), said(ACTION_NEEDED, CONFIRM), said(APPROVED), call(CONFIRM))
        started = [event for event in again.events if isinstance(event, happened.ProviderCallStarted)]
        keys = [event.provider_key for event in started if event.operation is Operation.CONFIRM]
        assert len(set(keys)) == 2

    def test_an_approval_that_was_refused_is_not_taken_for_a_new_one(self) -> None:
        sent_back = confirming().after(call(CONFIRM), said(ACTION_NEEDED, CONFIRM))
        sent_back.when(said(APPROVED, attempt=1)).then()
        back_again = sent_back.after(RequestLookUp("return_page", NOW)).after(said(APPROVED, attempt=1))
        assert isinstance(back_again.events[-1], happened.ConfirmationRequested)

    def test_cancelling_before_the_call_ends_it_and_afterwards_waits_for_the_outcome(self) -> None:
        before = confirming().after(CANCEL)
        assert isinstance(before.events[-1], happened.VoidRequested)
        after = confirming().after(call(CONFIRM), CANCEL)
        assert isinstance(after.events[-1], happened.CancellationRequested)
        refunded = after.after(said(captured(), CONFIRM))
        assert isinstance(refunded.events[-1], happened.RefundRequested)
        after.when(said(DECLINED, CONFIRM)).then(happened.PaymentCancelled(at=NOW))


class TestWatching:
    def test_an_expired_session_is_watched_and_a_late_payment_accepted(self) -> None:
        given = session_expired()
        assert isinstance(next_action(given.state, LATER, POLICY), WaitUntil)
        assert isinstance(next_action(given.state, LATER + timedelta(minutes=1), POLICY), WatchSession)
        late = given.after(said(captured()))
        assert isinstance(late.events[-1], happened.PaymentCaptured)

    def test_a_cancelled_session_is_watched_and_a_late_payment_given_back(self) -> None:
        given = session_cancelled()
        assert isinstance(next_action(given.state, LATER, POLICY), WatchSession)
        late = given.after(said(captured()))
        assert next_action(late.state, LATER, POLICY) == CallProvider(Operation.REFUND)

    def test_a_hold_that_comes_late_is_let_go_of_by_another_operation_than_the_end_of_the_session(self) -> None:
        """With the same key, a provider would repeat that the session has ended, and keep the hold."""
        late = session_cancelled().after(said(authorized())).when(call(VOID))
        late.then(happened.ProviderCallStarted(operation=VOID, provider_key="pay_1.void.late", attempt=1, at=at(1)))

    def test_an_old_word_that_the_session_is_over_lets_go_of_no_hold_that_came_late(self) -> None:
        late = session_cancelled().after(said(authorized()))
        late.when(said(VOIDED, VOID)).then()
        asked = late.after(call(VOID))
        asked.when(said(VOIDED, VOID)).then()
        asked.when(said(VOIDED, VOID, attempt=1)).then(happened.LateSuccessReturned(reference=REFERENCE, at=NOW))

    def test_the_providers_word_that_it_is_over_ends_the_watch(self) -> None:
        for report in (DECLINED, VOIDED, EXPIRED_THERE, NO_TRACE):
            over = session_expired().when(said(report)).then(happened.SessionClosed(at=NOW))
            assert next_action(over.state, LATER, POLICY) is None

    def test_our_own_wish_to_end_it_does_not(self) -> None:
        session_cancelled().when(said(VOIDED, VOID)).then()

    def test_so_does_the_end_of_its_time(self) -> None:
        over = session_cancelled().when(CloseSession(NOW)).then(happened.SessionClosed(at=NOW))
        over.when(CloseSession(NOW)).then()

    def test_what_the_provider_itself_ended_is_not_watched(self) -> None:
        given = awaiting_customer(expires=True).after(said(EXPIRED_THERE))
        assert given.events[-1] == happened.PaymentExpired(by_provider=True, at=NOW)
        assert next_action(given.state, LATER, POLICY) is None


class TestReasonsToAsk:
    def test_a_reason_to_ask_makes_it_due_at_once_and_is_written_down_once(self) -> None:
        asked = RequestLookUp("return_page", NOW)
        given = awaiting_customer()
        assert isinstance(next_action(given.state, NOW, POLICY), WaitUntil)
        urged = given.when(asked).then(happened.LookUpRequested(reason="return_page", at=NOW))
        assert isinstance(next_action(urged.state, NOW, POLICY), LookUp)
        urged.when(RequestLookUp("notice", NOW)).then()

    def test_it_is_no_reason_where_nobody_is_waited_for(self) -> None:
        for given in (confirming(), session_expired(), awaiting_customer(expires=True).after(Expire(LATER))):
            given.when(RequestLookUp("notice", NOW)).then()

    def test_that_the_provider_still_waits_says_nothing_new(self) -> None:
        still = reports.ActionNeeded(REFERENCE, None)
        awaiting_customer().when(said(still)).then()
        authorizing().when(said(still)).then()

    def test_an_unknown_answer_says_nothing(self) -> None:
        awaiting_customer().when(said(reports.Pending())).then(ACTED)
