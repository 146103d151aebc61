"""Every command and every report, in every position: nothing is left out, because the tables are made, not written."""

from typing import get_args

import pytest

from app.domain import reports
from app.domain.payment.decide import decide
from app.domain.payment.evolve import fold
from app.domain.payment.model import (
    Captured,
    Expire,
    GiveUp,
    Initiate,
    NotInitiated,
    PaymentCommand,
    PaymentState,
    RecordReport,
    StartCall,
    status_of,
)
from app.domain.refusals import IllegalTransition, Refusal
from app.eventstore.transact import PAYMENTS
from tests.support.builders import GivenPayment
from tests.support.commands import COMMANDS, REPORTS, decided_or_refused
from tests.support.positions import POSITIONS
from tests.unit.domain.payment.arrows import assert_moves_along_the_arrows

in_every_position = pytest.mark.parametrize("given", POSITIONS.values(), ids=POSITIONS.keys())


def _refusal(command: PaymentCommand, state: PaymentState) -> Refusal | None:
    try:
        decide(command, state)
    except Refusal as refusal:
        return refusal
    return None


def test_the_tables_leave_out_no_state_no_command_and_no_report() -> None:
    assert {type(given.state) for given in POSITIONS.values()} == set(get_args(PaymentState))
    assert {type(command) for command in COMMANDS} == set(get_args(PaymentCommand))
    assert {type(report) for report in REPORTS} == set(get_args(reports.ProviderReport))


@in_every_position
def test_whatever_is_asked_or_said_events_follow_that_are_possible_or_a_refusal(given: GivenPayment) -> None:
    for command in COMMANDS:
        decided = decided_or_refused(command, given.state)
        if decided:
            assert_moves_along_the_arrows([*given.events, *decided])


@in_every_position
def test_whatever_is_asked_or_said_twice_changes_nothing_the_second_time(given: GivenPayment) -> None:
    for command in COMMANDS:
        decided = decided_or_refused(command, given.state)
        if decided:
            assert decide(command, fold(decided, given.state)) == [], (command, decided)


@in_every_position
def test_what_follows_is_the_same_after_a_detour_through_json(given: GivenPayment) -> None:
    for command in COMMANDS:
        for event in decided_or_refused(command, given.state):
            kind = PAYMENTS.events[type(event).__name__]
            assert kind.model_validate_json(event.model_dump_json()) == event


@in_every_position
def test_only_a_merchant_is_ever_refused_anything_once_there_is_a_payment(given: GivenPayment) -> None:
    """What the processor and a provider bring is taken in or means nothing; there is nobody to refuse it to."""
    if isinstance(given.state, NotInitiated):
        return
    for command in COMMANDS:
        if isinstance(command, StartCall | RecordReport | Expire | GiveUp):
            decide(command, given.state)


@in_every_position
def test_a_refusal_names_the_status_it_comes_from(given: GivenPayment) -> None:
    status = "NONE" if isinstance(given.state, NotInitiated) else status_of(given.state)
    for command in COMMANDS:
        refusal = _refusal(command, given.state)
        assert not isinstance(refusal, IllegalTransition) or refusal.status == status


def test_of_a_payment_that_was_never_initiated_nothing_can_be_asked() -> None:
    for command in COMMANDS:
        if not isinstance(command, Initiate):
            with pytest.raises(IllegalTransition):
                decide(command, NotInitiated())


@in_every_position
def test_money_is_counted_as_taken_only_when_it_is_what_was_asked_for(given: GivenPayment) -> None:
    """Whatever amount and currency a provider names: what the payment says was taken, the merchant had asked for."""
    for command in COMMANDS:
        state = fold(decided_or_refused(command, given.state), given.state)
        if isinstance(state, Captured):
            assert 0 < state.amount <= state.terms.amount
            assert 0 <= state.refunded <= state.amount
            assert 0 <= state.refundable <= state.amount
            on_its_way_or_back = sum(refund.amount for refund in state.refunds if refund.outcome != "FAILED")
            assert on_its_way_or_back <= state.amount
