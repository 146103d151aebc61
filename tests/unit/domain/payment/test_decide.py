"""The rules of a payment, one by one."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.domain import reports
from app.domain.ids import PaymentId, provider_key, refund_id_for
from app.domain.payment import events as happened
from app.domain.payment.decide import decide
from app.domain.payment.events import Operation
from app.domain.payment.model import (
    AwaitingCustomer,
    Cancel,
    Capture,
    Captured,
    Expire,
    GiveUp,
    Initiate,
    PaymentStatus,
    status_of,
)
from app.domain.refusals import AmountNotAllowed, IdempotencyKeyReused, IllegalTransition
from app.domain.reports import ProviderReport
from tests.support.builders import (
    ACTION_NEEDED,
    CANCEL,
    DECLINED,
    LATER,
    NO_ANSWER,
    NO_TRACE,
    NO_TRACE_YET,
    NOW,
    PENDING,
    REDIRECT,
    REFERENCE,
    VOIDED,
    GivenPayment,
    at,
    authorized,
    call,
    captured,
    initiated,
    payment,
    refund,
    refunded,
    said,
)
from tests.support.positions import (
    authorizing,
    awaiting_customer,
    cancelled,
    cancelling,
    capturing,
    declined,
    ending_session,
    expired,
    held,
    partly_taken,
    refunding,
    taken,
    timed_out,
    voiding,
)
from tests.support.spec import PAYMENT

AUTHORIZE, CAPTURE, VOID, REFUND = Operation.AUTHORIZE, Operation.CAPTURE, Operation.VOID, Operation.REFUND

AUTHORIZED = happened.PaymentAuthorized(reference=REFERENCE, amount=1000, at=NOW)
CAPTURED = happened.PaymentCaptured(reference=REFERENCE, amount=1000, at=NOW)
CAPTURE_REQUESTED = happened.CaptureRequested(amount=1000, at=NOW)
VOID_REQUESTED = happened.VoidRequested(at=NOW)
CANCELLED = happened.PaymentCancelled(at=NOW)
ACTED = happened.ActionCompleted(at=NOW)
FAILED = happened.PaymentFailed(code="card_declined", message="the card was declined", reference=REFERENCE, at=NOW)


def status(given: GivenPayment) -> PaymentStatus:
    assert given.events, "there is no payment yet"
    return status_of(given.state)  # type: ignore[arg-type] # there is one


def late(*, taken: bool, accepted: bool, amount: int = 1000) -> happened.LateSuccessRecorded:
    return happened.LateSuccessRecorded(
        reference=REFERENCE,
        amount=amount,
        captured=taken,
        resolution="ACCEPTED" if accepted else "RETURNED",
        at=NOW,
    )


class TestInitiating:
    def test_a_new_payment_begins_with_its_terms(self) -> None:
        given = PAYMENT.given().when(Initiate(initiated())).then(initiated())
        assert status(given) is PaymentStatus.INITIATED

    def test_the_same_request_again_finds_the_payment_wherever_it_stands(self) -> None:
        for given in (payment(), capturing(), taken(), declined(), expired()):
            repeated = initiated(at=at(500), expires=True)
            given.when(Initiate(repeated)).then_nothing()

    def test_another_request_with_the_same_key_is_refused(self) -> None:
        taken().when(Initiate(initiated(fingerprint="f2"))).then_refused(IdempotencyKeyReused)


class TestTheWayToTheMoney:
    def test_the_intent_names_the_operation_the_attempt_and_the_providers_key(self) -> None:
        payment().when(call()).then(
            happened.ProviderCallStarted(operation=AUTHORIZE, provider_key="pay_1.authorize.1", attempt=1, at=at(1))
        )

    def test_held_money_is_taken_at_once(self) -> None:
        given = authorizing().when(said(authorized())).then(AUTHORIZED, CAPTURE_REQUESTED)
        given = given.after(call(CAPTURE)).when(said(captured(), CAPTURE)).then(CAPTURED)
        assert status(given) is PaymentStatus.SUCCEEDED

    def test_between_authorisation_and_capture_a_client_sees_no_rest(self) -> None:
        assert status(PAYMENT.given(*authorizing().events, AUTHORIZED)) is PaymentStatus.PROCESSING

    def test_money_held_by_hand_waits_for_the_merchant(self) -> None:
        given = authorizing(manual=True).when(said(authorized())).then(AUTHORIZED)
        assert status(given) is PaymentStatus.AUTHORIZED
        given.when(Capture(NOW)).then(CAPTURE_REQUESTED)

    def test_money_taken_without_a_hold_is_taken(self) -> None:
        authorizing().when(said(captured())).then(CAPTURED)

    def test_a_decline_ends_it_and_says_why(self) -> None:
        given = authorizing().when(said(DECLINED)).then(FAILED)
        assert status(given) is PaymentStatus.FAILED

    @pytest.mark.parametrize(
        ("report", "events"),
        [
            (authorized(), (ACTED, AUTHORIZED, CAPTURE_REQUESTED)),
            (captured(), (ACTED, CAPTURED)),
            (DECLINED, (ACTED, FAILED)),
            (VOIDED, (ACTED, CANCELLED)),
            (PENDING, (ACTED,)),
            (ACTION_NEEDED, ()),
        ],
    )
    def test_after_the_customer_acted_the_payment_is_processed_before_it_ends(
        self, report: ProviderReport, events: tuple[happened.PaymentEvent, ...]
    ) -> None:
        awaiting_customer().when(said(report)).then(*events)

    def test_what_the_customer_has_to_do_is_kept(self) -> None:
        given = authorizing().when(said(ACTION_NEEDED))
        after = given.then(happened.ActionRequired(reference=REFERENCE, action=REDIRECT, at=NOW))
        assert isinstance(after.state, AwaitingCustomer)
        assert after.state.action == REDIRECT

    def test_a_part_can_be_captured(self) -> None:
        given = held().when(Capture(NOW, 600)).then(happened.CaptureRequested(amount=600, at=NOW))
        given.when(said(captured(600), CAPTURE)).then(happened.PaymentCaptured(reference=REFERENCE, amount=600, at=NOW))

    @pytest.mark.parametrize("amount", [-1, 0, 1001])
    def test_no_more_than_is_held_can_be_captured_and_no_less_than_something(self, amount: int) -> None:
        held().when(Capture(NOW, amount)).then_refused(AmountNotAllowed, maximum=1000)

    def test_the_same_capture_again_changes_nothing_and_another_one_is_refused(self) -> None:
        for given in (held().after(Capture(NOW, 600)), partly_taken(600)):
            given.when(Capture(NOW, 600)).then_nothing()
            given.when(Capture(NOW)).then_nothing()
            given.when(Capture(NOW, 500)).then_refused(IllegalTransition, status=status(given))

    @pytest.mark.parametrize("given", [payment(), authorizing(), awaiting_customer(), voiding(), declined(), expired()])
    def test_what_is_not_held_cannot_be_captured(self, given: GivenPayment) -> None:
        given.when(Capture(NOW)).then_refused(IllegalTransition, status=status(given))

    def test_a_refused_capture_ends_it(self) -> None:
        capturing().when(said(DECLINED, CAPTURE)).then(FAILED)

    def test_a_hold_released_before_its_capture_ends_it(self) -> None:
        given = capturing().after(said(VOIDED))
        assert status(given) is PaymentStatus.FAILED


class TestCallsWithoutAnAnswer:
    def test_while_a_call_is_under_way_nobody_begins_another(self) -> None:
        authorizing().when(call()).then_nothing()

    def test_no_answer_is_written_down_once_and_allows_no_second_call(self) -> None:
        unknown = happened.ProviderOutcomeUnknown(operation=AUTHORIZE, attempt=1, reason="no answer", at=NOW)
        given = authorizing().when(said(NO_ANSWER)).then(unknown)
        given.when(said(NO_ANSWER)).then_nothing()
        given.when(call()).then_nothing()

    def test_no_trace_yet_means_nothing(self) -> None:
        authorizing().when(said(NO_TRACE_YET)).then_nothing()

    def test_no_trace_for_certain_allows_a_second_call_with_the_same_key(self) -> None:
        missing = happened.ProviderCallMissing(operation=AUTHORIZE, attempt=1, at=NOW)
        given = authorizing().when(said(NO_TRACE)).then(missing)
        given.when(call()).then(
            happened.ProviderCallStarted(operation=AUTHORIZE, provider_key="pay_1.authorize.1", attempt=2, at=at(1))
        )

    @pytest.mark.parametrize("silence", [NO_TRACE, NO_ANSWER])
    def test_the_silence_about_an_earlier_call_says_nothing_of_the_one_under_way(self, silence: ProviderReport) -> None:
        second = authorizing().after(said(NO_TRACE, attempt=1), call())
        second.when(said(silence, attempt=1)).then_nothing()
        assert second.when(said(silence, attempt=2)).given.after(said(silence, attempt=2)).state != second.state

    def test_giving_up_needs_certainty(self) -> None:
        for given in (authorizing(), authorizing().after(said(NO_ANSWER)), awaiting_customer(), capturing()):
            given.when(GiveUp(NOW)).then_nothing()

    def test_giving_up_fails_the_payment_so_that_the_merchant_may_try_another(self) -> None:
        given = authorizing().after(said(NO_TRACE), GiveUp(NOW))
        failed = given.events[-1]
        assert isinstance(failed, happened.PaymentFailed)
        assert (failed.code, failed.retryable) == ("provider_timeout", True)

    def test_a_customer_who_acted_after_all_is_proof_of_the_call(self) -> None:
        given = awaiting_customer().after(said(NO_TRACE), said(PENDING))
        given.when(call()).then_nothing()
        given.when(GiveUp(NOW)).then_nothing()

    def test_no_call_is_begun_that_nobody_wants(self) -> None:
        for given in (held(), taken(), declined(), cancelled(), expired(), awaiting_customer()):
            for operation in Operation:
                given.when(call(operation)).then_nothing()
        cancelling().after(said(NO_TRACE)).when(call()).then_nothing()
        refunding().when(call(REFUND, "another")).then_nothing()

    def test_a_refund_that_is_named_with_another_operation_begins_no_second_call_of_it(self) -> None:
        """Under another key the provider would do it a second time."""
        returning = cancelled().after(said(captured()))
        for given, operation in ((payment(), AUTHORIZE), (capturing(), CAPTURE), (returning, REFUND)):
            given.when(call(operation, "ref_1")).then_nothing()
            begun = given.after(call(operation))
            begun.when(said(NO_TRACE, operation, refund_id="ref_1")).then_nothing()
            begun.when(said(NO_ANSWER, operation, refund_id="ref_1")).then_nothing()


class TestCancelling:
    def test_before_any_call_it_is_off_at_once(self) -> None:
        payment().when(Cancel(NOW, "why not")).then(happened.PaymentCancelled(reason="why not", at=NOW))

    def test_during_a_call_it_waits_for_the_outcome(self) -> None:
        given = authorizing().when(Cancel(NOW, "x")).then(happened.CancellationRequested(reason="x", at=NOW))
        assert status(given) is PaymentStatus.PROCESSING
        given.when(CANCEL).then_nothing()

    @pytest.mark.parametrize(
        ("report", "events"),
        [
            (authorized(), (AUTHORIZED, VOID_REQUESTED)),
            (DECLINED, (CANCELLED,)),
            (VOIDED, (CANCELLED,)),
            (
                ACTION_NEEDED,
                (happened.ActionRequired(reference=REFERENCE, action=REDIRECT, at=NOW), VOID_REQUESTED),
            ),
        ],
    )
    def test_then_whatever_came_of_the_call_is_undone(
        self, report: ProviderReport, events: tuple[happened.PaymentEvent, ...]
    ) -> None:
        cancelling().when(said(report)).then(*events)

    def test_money_taken_meanwhile_goes_back_all_of_it(self) -> None:
        back = happened.RefundRequested(
            refund_id=refund_id_for(PaymentId("pay_1"), "after cancellation"),
            amount=1000,
            reason="cancelled before the money was taken",
            at=NOW,
        )
        for given in (cancelling(), voiding(), ending_session()):
            given.when(said(captured())).then(CAPTURED, back)

    def test_of_a_call_without_a_trace_nothing_has_to_be_undone(self) -> None:
        cancelling().after(said(NO_TRACE)).when(GiveUp(NOW)).then(CANCELLED)

    def test_what_is_being_cancelled_does_not_expire_for_an_expired_payment_may_still_be_paid(self) -> None:
        cancelling(expires=True).after(said(NO_TRACE)).when(Expire(LATER)).then_nothing()

    @pytest.mark.parametrize("given", [held(), awaiting_customer()])
    def test_held_money_and_a_waiting_session_are_released_and_the_reason_is_kept(self, given: GivenPayment) -> None:
        voided = given.when(Cancel(NOW, "x")).then(happened.VoidRequested(reason="x", at=NOW))
        assert status(voided) is PaymentStatus.PROCESSING
        voided.when(CANCEL).then_nothing()
        voided.when(said(VOIDED, VOID)).then(CANCELLED)

    def test_a_refused_release_leaves_the_money_held(self) -> None:
        given = voiding().after(call(VOID), said(DECLINED, VOID))
        assert status(given) is PaymentStatus.AUTHORIZED

    def test_a_release_asked_for_anew_is_another_operation_with_another_key(self) -> None:
        """With the key of the first, a provider would repeat its refusal for ever."""
        again = voiding().after(call(VOID), said(DECLINED, VOID), CANCEL)
        again.when(call(VOID)).then(
            happened.ProviderCallStarted(operation=VOID, provider_key="pay_1.void.2", attempt=1, at=at(1))
        )

    def test_an_old_word_of_a_hold_that_was_let_go_of_is_no_late_money(self) -> None:
        let_go = voiding().after(call(VOID), said(VOIDED, VOID))
        let_go.when(said(authorized())).then_nothing()
        returned = {"reference": "ch_1", "amount": 1000, "captured": True, "resolution": "RETURNED", "at": NOW}
        let_go.when(said(captured())).then(happened.LateSuccessRecorded.model_validate(returned))

    def test_a_session_the_provider_will_not_end_is_not_waited_for_longer_than_for_any_customer(self) -> None:
        """Money that comes after that is given back: the session is watched on."""
        waiting = ending_session().after(call(VOID), said(DECLINED, VOID))
        waiting.when(Expire(LATER)).then_nothing()
        over = waiting.when(Expire(LATER, patience=timedelta(seconds=60)))
        cancelled = over.then(happened.PaymentCancelled(at=LATER))
        returned = {"reference": "ch_1", "amount": 1000, "captured": True, "resolution": "RETURNED", "at": NOW}
        cancelled.when(said(captured())).then(happened.LateSuccessRecorded.model_validate(returned))

    def test_a_session_the_provider_will_not_end_is_waited_for(self) -> None:
        """Ending it again and again would be refused again and again."""
        waiting = ending_session().after(call(VOID), said(DECLINED, VOID))
        waiting.when(said(ACTION_NEEDED)).then_nothing()
        waiting.when(said(DECLINED)).then(CANCELLED, happened.SessionClosed(at=NOW))
        voided = waiting.when(said(authorized())).then(AUTHORIZED, VOID_REQUESTED)
        voided.when(call(VOID)).then(
            happened.ProviderCallStarted(operation=VOID, provider_key="pay_1.void.2", attempt=1, at=at(1))
        )

    @pytest.mark.parametrize("given", [capturing(), taken(), declined(), expired()])
    def test_too_late_is_refused(self, given: GivenPayment) -> None:
        given.when(CANCEL).then_refused(IllegalTransition, status=status(given))

    def test_a_cancelled_payment_stays_so_when_it_is_cancelled_again(self) -> None:
        cancelled().when(CANCEL).then_nothing()


class TestRefunds:
    def test_all_of_it_goes_back(self) -> None:
        given = taken().when(refund()).then(happened.RefundRequested(refund_id="ref_1", amount=1000, at=NOW))
        assert status(given) is PaymentStatus.SUCCEEDED
        done = happened.PaymentRefunded(refund_id="ref_1", reference="re_1", amount=1000, at=NOW)
        given = given.after(call(REFUND, "ref_1")).when(said(refunded(), REFUND, refund_id="ref_1")).then(done)
        assert status(given) is PaymentStatus.REFUNDED

    def test_a_part_goes_back_then_the_rest(self) -> None:
        given = refunding(400).after(said(refunded(400), REFUND, refund_id="ref_1"))
        assert status(given) is PaymentStatus.PARTIALLY_REFUNDED
        given = given.when(refund("ref_2")).then(happened.RefundRequested(refund_id="ref_2", amount=600, at=NOW))
        given = given.after(said(refunded(600), REFUND, refund_id="ref_2"))
        assert status(given) is PaymentStatus.REFUNDED

    def test_what_is_on_its_way_back_cannot_be_asked_back_again(self) -> None:
        refunding(400).when(refund("ref_2", 601)).then_refused(AmountNotAllowed, maximum=600)
        refunding().when(refund("ref_2")).then_refused(AmountNotAllowed, maximum=0)

    @pytest.mark.parametrize("amount", [-1, 0, 601])
    def test_no_more_than_was_taken_goes_back(self, amount: int) -> None:
        partly_taken(600).when(refund(amount=amount)).then_refused(AmountNotAllowed, maximum=600)

    def test_what_the_provider_refused_to_give_back_can_be_asked_back_again(self) -> None:
        given = refunding().when(said(DECLINED, REFUND, refund_id="ref_1"))
        after = given.then(
            happened.RefundFailed(refund_id="ref_1", code="card_declined", message="the card was declined", at=NOW)
        )
        assert status(after) is PaymentStatus.SUCCEEDED
        after.when(refund("ref_2")).then(happened.RefundRequested(refund_id="ref_2", amount=1000, at=NOW))

    def test_the_same_refund_again_changes_nothing_and_another_amount_is_refused(self) -> None:
        refunding(400).when(refund(amount=400)).then_nothing()
        refunding(400).when(refund(amount=300)).then_refused(IdempotencyKeyReused)

    @pytest.mark.parametrize("given", [payment(), authorizing(), held(), capturing(), declined(), cancelled()])
    def test_what_was_not_taken_cannot_go_back(self, given: GivenPayment) -> None:
        given.when(refund()).then_refused(IllegalTransition, status=status(given))

    def test_each_refund_has_a_key_of_its_own(self) -> None:
        given = refunding(400).after(refund("ref_2", 300))
        keys = set()
        for refund_id in ("ref_1", "ref_2"):
            (intent,) = decide(call(REFUND, refund_id), given.state)
            assert isinstance(intent, happened.ProviderCallStarted)
            keys.add(intent.provider_key)
        assert keys == {provider_key(PaymentId("pay_1"), "REFUND", refund_id) for refund_id in ("ref_1", "ref_2")}


class TestDeadlines:
    def test_without_a_deadline_nothing_expires(self) -> None:
        payment().when(Expire(at(10**9))).then_nothing()

    def test_before_its_deadline_nothing_expires(self) -> None:
        payment(expires=True).when(Expire(at(599.9))).then_nothing()

    @pytest.mark.parametrize(
        "given",
        [
            payment(expires=True),
            awaiting_customer(expires=True),
            authorizing(expires=True).after(said(NO_TRACE)),
        ],
    )
    def test_what_is_open_expires_when_its_deadline_has_come(self, given: GivenPayment) -> None:
        expired = given.when(Expire(LATER)).then(happened.PaymentExpired(at=LATER))
        assert status(expired) is PaymentStatus.EXPIRED

    def test_while_an_outcome_is_open_the_deadline_waits_for_it(self) -> None:
        under_way = authorizing(expires=True)
        for given in (under_way, under_way.after(said(NO_ANSWER)), under_way.after(said(authorized()))):
            given.when(Expire(LATER)).then_nothing()


class TestLateSuccesses:
    @pytest.mark.parametrize("ended", [expired, timed_out])
    def test_after_expiry_or_a_time_out_it_is_accepted(self, ended: Callable[[], GivenPayment]) -> None:
        ended().when(said(authorized())).then(late(taken=False, accepted=True), AUTHORIZED, CAPTURE_REQUESTED)
        given = ended().when(said(captured())).then(late(taken=True, accepted=True), CAPTURED)
        assert status(given) is PaymentStatus.SUCCEEDED

    @pytest.mark.parametrize("given", [expired(manual=True), timed_out(manual=True)])
    def test_accepted_it_waits_for_the_merchant_when_that_was_wished(self, given: GivenPayment) -> None:
        after = given.when(said(authorized())).then(late(taken=False, accepted=True), AUTHORIZED)
        assert status(after) is PaymentStatus.AUTHORIZED

    @pytest.mark.parametrize("given", [cancelled(), declined()])
    def test_after_a_cancellation_or_a_decline_it_is_returned(self, given: GivenPayment) -> None:
        ended = status(given)
        recorded = given.when(said(captured())).then(late(taken=True, accepted=False))
        assert status(recorded) is ended
        returned = recorded.after(call(REFUND)).when(said(refunded(), REFUND))
        after = returned.then(happened.LateSuccessReturned(reference="re_1", at=NOW))
        assert status(after) is ended

    def test_another_amount_after_a_time_out_is_returned(self) -> None:
        timed_out().when(said(captured(999))).then(late(taken=True, accepted=False, amount=999))

    @pytest.mark.parametrize("given", [cancelled(), declined()])
    def test_a_late_hold_is_released(self, given: GivenPayment) -> None:
        given = given.when(said(authorized())).then(late(taken=False, accepted=False))
        given = (
            given.after(call(VOID))
            .when(said(VOIDED, VOID, attempt=1))
            .then(happened.LateSuccessReturned(reference=REFERENCE, at=NOW))
        )

    @pytest.mark.parametrize("given", [cancelled(), declined()])
    @pytest.mark.parametrize("report", [authorized(), captured()])
    def test_it_is_returned_once_however_often_it_is_reported(
        self, given: GivenPayment, report: ProviderReport
    ) -> None:
        recorded = given.after(said(report))
        recorded.when(said(report)).then_nothing()
        operation, back = (VOID, VOIDED) if isinstance(report, reports.Authorized) else (REFUND, refunded())
        returned = recorded.after(call(operation), said(back, operation))
        returned.when(said(report)).then_nothing()
        returned.when(call(operation)).then_nothing()

    def test_money_taken_after_a_late_hold_is_given_back_too(self) -> None:
        """A provider may tell of the hold first: the money is not to be forgotten for that."""
        held_late = cancelled().after(said(authorized()), call(VOID))
        given = held_late.when(said(captured())).then(late(taken=True, accepted=False))
        given.when(said(DECLINED, VOID)).then_nothing()
        given.after(call(REFUND)).when(said(refunded(), REFUND)).then(
            happened.LateSuccessReturned(reference="re_1", at=NOW)
        )

    def test_a_refusal_to_take_it_back_is_written_down_for_people(self) -> None:
        given = declined().after(said(captured()), call(REFUND)).when(said(DECLINED, REFUND))
        after = given.then(happened.LateReturnRefused(code="card_declined", message="the card was declined", at=NOW))
        after.when(call(REFUND)).then_nothing()

    def test_another_amount_after_expiry_is_not_accepted(self) -> None:
        given = expired().after(said(captured(999)))
        assert isinstance(given.events[-1], happened.ContradictionRecorded)
        assert status(given) is PaymentStatus.EXPIRED


class TestContradictions:
    @pytest.mark.parametrize(
        ("given", "operation", "report"),
        [
            (authorizing(), AUTHORIZE, authorized(999)),
            (authorizing(), AUTHORIZE, authorized(currency="USD")),
            (authorizing(), AUTHORIZE, authorized(currency="no such currency")),
            (authorizing(), AUTHORIZE, captured(1001)),
            (awaiting_customer(), AUTHORIZE, captured(currency="VND")),
            (capturing(), CAPTURE, captured(999)),
            (held().after(Capture(NOW, 600)), CAPTURE, captured(1000)),
            (voiding(), VOID, captured(1)),
            (held(), AUTHORIZE, captured()),
            (held(), AUTHORIZE, DECLINED),
            (taken(), AUTHORIZE, DECLINED),
            (expired(), AUTHORIZE, authorized(1)),
        ],
    )
    def test_what_cannot_be_is_written_down_once_and_moves_no_money(
        self, given: GivenPayment, operation: Operation, report: ProviderReport
    ) -> None:
        before = status(given)
        after = given.after(said(report, operation))
        (recorded,) = after.events[len(given.events) :]
        assert isinstance(recorded, happened.ContradictionRecorded)
        assert recorded.operation is operation
        assert status(after) is before
        after.when(said(report, operation)).then_nothing()

    def test_a_contradictory_refund_leaves_the_refund_open(self) -> None:
        given = refunding(400)
        after = given.after(said(refunded(300), REFUND, refund_id="ref_1"))
        assert isinstance(after.events[-1], happened.ContradictionRecorded)
        assert isinstance(after.state, Captured)
        assert after.state.refunded == 0
        after.when(said(refunded(400), REFUND, refund_id="ref_1")).then(
            happened.PaymentRefunded(refund_id="ref_1", reference="re_1", amount=400, at=NOW)
        )

    def test_each_thing_that_cannot_be_is_written_down(self) -> None:
        given = authorizing().after(said(authorized(1)), said(authorized(2)), said(authorized(1)))
        recorded = [event.detail for event in given.events if isinstance(event, happened.ContradictionRecorded)]
        assert len(recorded) == len(set(recorded)) == 2

    def test_it_does_not_stand_in_the_way_of_the_truth(self) -> None:
        authorizing().after(said(authorized(1))).when(said(authorized())).then(AUTHORIZED, CAPTURE_REQUESTED)


class TestReportsOutOfOrder:
    def test_an_old_authorisation_after_the_capture_says_nothing_new(self) -> None:
        for given in (capturing(), taken(), refunding()):
            given.when(said(authorized())).then_nothing()

    def test_an_old_wish_for_the_customer_says_nothing_new_once_the_money_is_held(self) -> None:
        for given in (held(), capturing(), taken(), declined(), cancelled()):
            given.when(said(ACTION_NEEDED)).then_nothing()

    def test_a_refund_nobody_asked_for_here_says_nothing(self) -> None:
        taken().when(said(refunded(), REFUND, refund_id="another")).then_nothing()


def test_a_refund_that_fails_after_it_was_made_is_recorded_for_people() -> None:
    made = refunding(400).after(said(refunded(400), REFUND, refund_id="ref_1"))
    after = made.after(said(DECLINED, REFUND, refund_id="ref_1"))
    assert isinstance(after.events[-1], happened.ContradictionRecorded)
    assert status(after) is PaymentStatus.PARTIALLY_REFUNDED
