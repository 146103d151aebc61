"""Every command and every report, in every position: nothing is left out, because the tables are made, not written."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import get_args

import pytest

from app.domain import reports
from app.domain.payment.decide import decide
from app.domain.payment.events import PaymentEvent
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
from tests.support.commands import COMMANDS, REPORTS
from tests.support.every import of_every
from tests.support.positions import POSITIONS
from tests.unit.domain.payment.arrows import assert_moves_along_the_arrows


@dataclass(frozen=True)
class Position:
    """A position, and what every command comes to there: decided once for all that is asserted of it."""

    given: GivenPayment
    decided: list[tuple[PaymentCommand, list[PaymentEvent]]]
    refused: list[tuple[PaymentCommand, Refusal]]

    @property
    def state(self) -> PaymentState:
        return self.given.state

    @cached_property
    def followed_by(self) -> Collection[list[PaymentEvent]]:
        """What can follow, each once: most commands come to the same as some other."""
        return {repr(events): events for _, events in self.decided if events}.values()


def position_after(given: GivenPayment) -> Position:
    position = Position(given, [], [])
    for command in COMMANDS:
        try:
            position.decided.append((command, decide(command, position.state)))
        except Refusal as refusal:
            position.refused.append((command, refusal))
    return position


def whatever_is_asked_or_said_events_follow_that_are_possible_or_a_refusal(position: Position) -> None:
    assert_moves_along_the_arrows(position.given.events)
    for decided in position.followed_by:
        assert_moves_along_the_arrows(decided, position.state)


def whatever_is_asked_or_said_twice_changes_nothing_the_second_time(position: Position) -> None:
    for command, decided in position.decided:
        if decided:
            assert decide(command, fold(decided, position.state)) == [], (command, decided)


def what_follows_is_the_same_after_a_detour_through_json(position: Position) -> None:
    for decided in position.followed_by:
        for event in decided:
            kind = PAYMENTS.events[type(event).__name__]
            assert kind.model_validate_json(event.model_dump_json()) == event


def only_a_merchant_is_ever_refused_anything_once_there_is_a_payment(position: Position) -> None:
    """What the processor and a provider bring is taken in or means nothing; there is nobody to refuse it to."""
    if isinstance(position.state, NotInitiated):
        return
    for command, refusal in position.refused:
        assert not isinstance(command, StartCall | RecordReport | Expire | GiveUp), (command, refusal)


def a_refusal_names_the_status_it_comes_from(position: Position) -> None:
    status = "NONE" if isinstance(position.state, NotInitiated) else status_of(position.state)
    for _, refusal in position.refused:
        assert not isinstance(refusal, IllegalTransition) or refusal.status == status


def money_is_counted_as_taken_only_when_it_is_what_was_asked_for(position: Position) -> None:
    """Whatever amount and currency a provider names: what the payment says was taken, the merchant had asked for."""
    for state in (position.state, *(fold(decided, position.state) for decided in position.followed_by)):
        if isinstance(state, Captured):
            assert 0 < state.amount <= state.terms.amount
            assert 0 <= state.refunded <= state.amount
            assert 0 <= state.refundable <= state.amount
            on_its_way_or_back = sum(refund.amount for refund in state.refunds if refund.outcome != "FAILED")
            assert on_its_way_or_back <= state.amount


@of_every(POSITIONS.items())
def test_in_every_position_whatever_comes_is_taken_in_or_refused_as_it_should_be(given: GivenPayment) -> None:
    # What every command comes to is decided once for all that holds.
    position = position_after(given)
    whatever_is_asked_or_said_events_follow_that_are_possible_or_a_refusal(position)
    whatever_is_asked_or_said_twice_changes_nothing_the_second_time(position)
    what_follows_is_the_same_after_a_detour_through_json(position)
    only_a_merchant_is_ever_refused_anything_once_there_is_a_payment(position)
    a_refusal_names_the_status_it_comes_from(position)
    money_is_counted_as_taken_only_when_it_is_what_was_asked_for(position)


def test_of_a_payment_that_was_never_initiated_nothing_can_be_asked() -> None:
    for command in COMMANDS:
        if not isinstance(command, Initiate):
            with pytest.raises(IllegalTransition):
                decide(command, NotInitiated())


def test_the_tables_leave_out_no_state_no_command_and_no_report() -> None:
    assert {type(given.state) for given in POSITIONS.values()} == set(get_args(PaymentState))
    assert {type(command) for command in COMMANDS} == set(get_args(PaymentCommand))
    assert {type(report) for report in REPORTS} == set(get_args(reports.ProviderReport))
