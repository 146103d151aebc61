from datetime import datetime

import pytest

from app.domain.payment.events import Operation, TokenErased
from app.domain.payment.evolve import call_of
from app.domain.payment.model import Authorizing, AwaitingCustomer, Ended, Initiated, NotInitiated, token_to_erase
from app.domain.payment.next_action import (
    CallProvider,
    EndByDeadline,
    EndByGivingUp,
    EraseToken,
    LookUp,
    NextAction,
    Policy,
    WaitUntil,
    due_at,
    next_action,
)
from tests.support.builders import (
    ACTION_NEEDED,
    CANCEL,
    DEADLINE_SECONDS,
    DECLINED,
    LATER,
    NO_ANSWER,
    NO_TRACE,
    NOW,
    PENDING,
    TOKEN_IS_ERASED,
    TOKEN_STREAM,
    VOIDED,
    GivenPayment,
    at,
    authorized,
    call,
    captured,
    initiated,
    keeping_token,
    payment,
    refund,
    refunded,
    said,
)
from tests.support.every import of_every
from tests.support.positions import (
    POSITIONS,
    authorizing,
    awaiting_customer,
    cancelled,
    cancelling,
    capturing,
    declined,
    ending_session,
    expired,
    held,
    refunding,
    session_expired,
    taken,
    timed_out,
    voiding,
)
from tests.support.spec import PAYMENT

AUTHORIZE, CAPTURE, VOID, REFUND = Operation.AUTHORIZE, Operation.CAPTURE, Operation.VOID, Operation.REFUND
POLICY = Policy()
CALLED_AT = at(1)
ANSWERED_BY = CALLED_AT + POLICY.call_timeout
ERASE = EraseToken(TOKEN_STREAM)
ASKED_AT = NOW + POLICY.customer_poll


def after_attempts(number: int) -> GivenPayment:
    """As many authorisations without a trace."""
    given = payment()
    for _ in range(number):
        given = given.after(call(), said(NO_TRACE))
    return given


def look_up(given: GivenPayment, operation: Operation, refund_id: str | None = None) -> LookUp:
    made = call_of(given.state, operation, refund_id)
    assert made
    return LookUp(operation, made, refund_id)


UNKNOWN = authorizing().after(said(NO_ANSWER))
ACTED = awaiting_customer().after(said(PENDING))
UNENDED = ending_session().after(said(DECLINED, VOID))
CALLED_REFUND = refunding().after(call(REFUND, "ref_1"))

TABLE: dict[str, tuple[GivenPayment, datetime, NextAction]] = {
    "nothing happened yet": (PAYMENT.given(), NOW, None),
    "a new payment is authorised": (payment(), NOW, CallProvider(AUTHORIZE)),
    "a new payment whose deadline has come ends": (payment(expires=True), LATER, EndByDeadline()),
    "a call under way is waited for": (authorizing(), at(2), WaitUntil(ANSWERED_BY)),
    "a call that took too long is asked about": (authorizing(), ANSWERED_BY, look_up(authorizing(), AUTHORIZE)),
    "a call without an answer is asked about at once": (UNKNOWN, at(2), look_up(UNKNOWN, AUTHORIZE)),
    "an open outcome is asked about, deadline or not": (
        authorizing(expires=True),
        LATER,
        look_up(authorizing(), AUTHORIZE),
    ),
    "what left no trace is tried again": (after_attempts(1), NOW, CallProvider(AUTHORIZE)),
    "what left no trace is tried again, but once more": (after_attempts(2), NOW, CallProvider(AUTHORIZE)),
    "after enough attempts it is given up": (after_attempts(3), NOW, EndByGivingUp()),
    "what left no trace and is overdue ends": (
        authorizing(expires=True).after(said(NO_TRACE)),
        LATER,
        EndByDeadline(),
    ),
    "what is cancelled and left no trace is given up": (cancelling().after(said(NO_TRACE)), NOW, EndByGivingUp()),
    "what is cancelled and left no trace is given up, not expired": (
        cancelling(expires=True).after(said(NO_TRACE)),
        LATER,
        EndByGivingUp(),
    ),
    "a customer gets a while to act": (awaiting_customer(), NOW, WaitUntil(ASKED_AT)),
    "then the provider is asked": (awaiting_customer(), ASKED_AT, look_up(awaiting_customer(), AUTHORIZE)),
    "a customer has until the deadline": (awaiting_customer(expires=True), LATER, EndByDeadline()),
    "what came of the customer's action is asked for": (ACTED, NOW, look_up(ACTED, AUTHORIZE)),
    "a session that cannot be ended is asked about": (UNENDED, NOW, look_up(UNENDED, AUTHORIZE)),
    "held money waits for the merchant": (held(), NOW, None),
    "held money that is to be taken is taken": (capturing(), NOW, CallProvider(CAPTURE)),
    "a capture under way is waited for": (capturing().after(call(CAPTURE)), at(2), WaitUntil(ANSWERED_BY)),
    "a capture without a trace is tried again": (
        capturing().after(call(CAPTURE), said(NO_TRACE, CAPTURE)),
        NOW,
        CallProvider(CAPTURE),
    ),
    "held money that is not wanted is released": (voiding(), NOW, CallProvider(VOID)),
    "a session that is not wanted is ended": (ending_session(), NOW, CallProvider(VOID)),
    "taken money rests": (taken(), NOW, None),
    "a refund is made": (refunding(), NOW, CallProvider(REFUND, "ref_1")),
    "a refund under way is waited for": (CALLED_REFUND, at(2), WaitUntil(ANSWERED_BY)),
    "a refund that took too long is asked about": (
        CALLED_REFUND,
        ANSWERED_BY,
        look_up(CALLED_REFUND, REFUND, "ref_1"),
    ),
    "refunds are made one after another": (
        refunding(400).after(refund("ref_2"), said(refunded(400), REFUND, refund_id="ref_1")),
        NOW,
        CallProvider(REFUND, "ref_2"),
    ),
    "a refused refund rests": (refunding().after(said(DECLINED, REFUND, refund_id="ref_1")), NOW, None),
    "a decline rests": (declined(), NOW, None),
    "a cancellation rests": (cancelled(), NOW, None),
    "a time-out rests": (timed_out(), NOW, None),
    "an expiry rests": (expired(), LATER, None),
    "a late hold is released": (declined().after(said(authorized())), NOW, CallProvider(VOID)),
    "money that came late goes back": (cancelled().after(said(captured())), NOW, CallProvider(REFUND)),
    "what went back rests": (
        cancelled().after(said(authorized()), call(VOID), said(VOIDED, VOID, attempt=1)),
        NOW,
        None,
    ),
    "the token of held money is erased": (keeping_token(held()), NOW, ERASE),
    "the token of taken money is erased": (keeping_token(taken()), NOW, ERASE),
    "the token of a decline is erased": (keeping_token(declined()), NOW, ERASE),
    "an erased token is not erased again": (keeping_token(taken()).after(TOKEN_IS_ERASED), NOW, None),
    "not even when the payment has gone on": (
        keeping_token(held()).after(TOKEN_IS_ERASED, CANCEL, said(VOIDED, VOID)),
        NOW,
        None,
    ),
    "a capture comes before the token": (keeping_token(capturing()), NOW, CallProvider(CAPTURE)),
    "a refund comes before the token": (keeping_token(refunding()), NOW, CallProvider(REFUND, "ref_1")),
    "the token comes before the watch over a session": (keeping_token(session_expired()), at(10_000), ERASE),
    "what was kept rests for people to look at": (
        declined().after(said(captured()), said(DECLINED, REFUND)),
        NOW,
        None,
    ),
}


@pytest.mark.parametrize(("given", "now", "action"), TABLE.values(), ids=TABLE.keys())
def test_what_is_next(given: GivenPayment, now: datetime, action: NextAction) -> None:
    assert next_action(given.state, now, POLICY) == action


def test_patience_is_a_matter_of_policy() -> None:
    impatient = Policy(authorization_attempts=1)
    assert next_action(after_attempts(1).state, NOW, impatient) == EndByGivingUp()


def test_what_is_to_be_done_now_is_due_at_once_and_what_waits_when_its_time_comes() -> None:
    assert due_at(payment().state, NOW, POLICY) == NOW
    assert due_at(authorizing().state, CALLED_AT, POLICY) == ANSWERED_BY
    assert due_at(taken().state, NOW, POLICY) is None
    assert due_at(NotInitiated(), NOW, POLICY) is None


def test_a_customer_is_asked_about_no_later_than_the_deadline() -> None:
    shortly_before = at(DEADLINE_SECONDS - 1)
    given = authorizing(expires=True).after(said(ACTION_NEEDED))
    state = PAYMENT.given(*given.events[:-1], given.events[-1].model_copy(update={"at": shortly_before})).state
    assert due_at(state, shortly_before, POLICY) == LATER


@of_every(POSITIONS.items())
def test_what_waits_is_not_waiting_any_more_when_it_is_due(given: GivenPayment) -> None:
    """Otherwise a payment would be looked at for ever and never brought forward."""
    due = due_at(given.state, NOW, POLICY)
    assert due is None or not isinstance(next_action(given.state, due, POLICY), WaitUntil)


@of_every((f"{name} at {now}", (given, now)) for name, given in POSITIONS.items() for now in (NOW, LATER))
def test_a_token_is_erased_when_nothing_is_done_about_money_and_else_changes_nothing(
    case: tuple[GivenPayment, datetime],
) -> None:
    given, now = case
    if not given.events:
        return
    without = PAYMENT.given(given.events[0].model_copy(update={"method": initiated().method}), *given.events[1:])
    kept = PAYMENT.given(*(event for event in keeping_token(given).events if not isinstance(event, TokenErased)))
    erased = kept.after(TOKEN_IS_ERASED)
    action = next_action(without.state, now, POLICY)
    watching = isinstance(given.state, Ended) and given.state.session is not None
    assert next_action(kept.state, now, POLICY) == (ERASE if action is None or watching else action)
    assert next_action(erased.state, now, POLICY) == action


@of_every(POSITIONS.items())
def test_as_long_as_the_authorisation_is_open_its_token_is_needed(given: GivenPayment) -> None:
    if isinstance(given.state, NotInitiated):
        return
    state = keeping_token(given).state
    assert not isinstance(state, NotInitiated)
    needed = isinstance(state, Initiated | Authorizing | AwaitingCustomer)
    assert (token_to_erase(state) is None) == (needed or state.token_erased)


@of_every(POSITIONS.items())
def test_a_call_that_is_next_may_be_begun_and_is_not_next_any_more(given: GivenPayment) -> None:
    action = next_action(given.state, NOW, POLICY)
    if isinstance(action, CallProvider):
        begun = given.after(call(action.operation, action.refund_id))
        assert len(begun.events) == len(given.events) + 1
        assert not isinstance(next_action(begun.state, NOW, POLICY), CallProvider)


def test_a_cancellation_is_next_only_when_the_call_under_way_has_an_outcome() -> None:
    assert next_action(authorizing().after(CANCEL).state, at(2), POLICY) == WaitUntil(ANSWERED_BY)
