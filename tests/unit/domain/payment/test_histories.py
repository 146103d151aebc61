"""What holds of every history, whoever said and asked what, how often and in which order."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from app.domain.payment import events as happened
from app.domain.payment.events import Operation, PaymentEvent
from app.domain.payment.evolve import evolve, fold
from app.domain.payment.model import (
    Cancelled,
    Captured,
    Existing,
    Expired,
    Failed,
    NotInitiated,
    PaymentCommand,
    token_to_erase,
)
from app.domain.payment.next_action import Policy, due_at, next_action
from app.domain.payment.reported import PROVIDER_TIMEOUT
from app.eventstore.transact import PAYMENTS
from tests.support.builders import LATER, NOW, initiated
from tests.support.commands import COMMANDS, decided_or_refused, histories
from tests.unit.domain.payment.arrows import assert_moves_along_the_arrows

CLOSES: dict[Operation, tuple[type[PaymentEvent], ...]] = {
    Operation.AUTHORIZE: (
        happened.PaymentAuthorized,
        happened.PaymentCaptured,
        happened.PaymentFailed,
        happened.PaymentCancelled,
        happened.PaymentExpired,
    ),
    Operation.CONFIRM: (
        happened.ActionRequired,
        happened.PaymentAuthorized,
        happened.PaymentCaptured,
        happened.PaymentFailed,
        happened.PaymentCancelled,
        happened.PaymentExpired,
    ),
    Operation.CAPTURE: (happened.PaymentCaptured, happened.PaymentFailed),
    Operation.VOID: (
        happened.PaymentCancelled,
        happened.VoidFailed,
        happened.PaymentCaptured,
        happened.LateSuccessRecorded,
        happened.LateSuccessReturned,
        happened.LateReturnRefused,
    ),
    Operation.REFUND: (
        happened.PaymentRefunded,
        happened.RefundFailed,
        happened.LateSuccessReturned,
        happened.LateReturnRefused,
    ),
}
"""What ends a call, besides `ProviderCallMissing`."""


def states(events: list[PaymentEvent]) -> list[Existing]:
    return [
        state for length in range(1, len(events) + 1) if not isinstance(state := fold(events[:length]), NotInitiated)
    ]


@given(histories())
def test_the_status_moves_along_the_arrows_of_the_contract(events: list[PaymentEvent]) -> None:
    assert_moves_along_the_arrows(events)


@given(histories())
def test_no_more_goes_back_than_was_taken_and_no_more_is_taken_than_was_asked_for(events: list[PaymentEvent]) -> None:
    taken = sum(event.amount for event in events if isinstance(event, happened.PaymentCaptured))
    back = sum(event.amount for event in events if isinstance(event, happened.PaymentRefunded))
    asked_back = {event.refund_id: event.amount for event in events if isinstance(event, happened.RefundRequested)}
    for event in events:
        if isinstance(event, happened.RefundFailed):
            asked_back.pop(event.refund_id)
    assert 0 <= back <= sum(asked_back.values()) <= taken <= initiated().amount
    state = fold(events)
    if isinstance(state, Captured):
        assert (state.amount, state.refunded) == (taken, back)
        assert 0 <= state.refundable <= taken - back


@given(histories())
def test_money_is_taken_at_most_once(events: list[PaymentEvent]) -> None:
    assert sum(isinstance(event, happened.PaymentCaptured) for event in events) <= 1


@given(histories())
def test_at_most_one_call_is_under_way_for_an_operation(events: list[PaymentEvent]) -> None:
    under_way: dict[tuple[Operation, str | None], int] = {}
    for event in events:
        if isinstance(event, happened.ProviderCallStarted):
            assert (event.operation, event.refund_id) not in under_way
            under_way[event.operation, event.refund_id] = event.attempt
        elif isinstance(event, happened.ProviderCallMissing):
            under_way.pop((event.operation, event.refund_id), None)
        else:
            refund_id = getattr(event, "refund_id", None)
            ended = [call for call in under_way if call[1] == refund_id and isinstance(event, CLOSES[call[0]])]
            for call in ended:
                del under_way[call]


@given(histories())
def test_a_token_is_erased_once_and_no_authorisation_is_begun_without_it(events: list[PaymentEvent]) -> None:
    erased = False
    for event in events:
        assert not (erased and isinstance(event, happened.TokenErased))
        erased = erased or isinstance(event, happened.TokenErased)
        assert not (
            erased and isinstance(event, happened.ProviderCallStarted) and event.operation is Operation.AUTHORIZE
        )
    state = fold(events)
    assert isinstance(state, NotInitiated) or state.token_erased is erased


@given(histories())
def test_a_payment_with_nothing_left_to_do_has_no_token_left_that_it_does_not_need(events: list[PaymentEvent]) -> None:
    state = fold(events)
    kept = not isinstance(state, NotInitiated) and token_to_erase(state) is not None
    assert not (kept and next_action(state, LATER, Policy()) is None)


@given(histories())
def test_every_attempt_at_an_operation_uses_the_key_of_the_first(events: list[PaymentEvent]) -> None:
    keys: dict[tuple[Operation, str | None, int], set[str]] = defaultdict(set)
    voids = confirmations = 0
    for event in events:
        # What was refused may be asked for again, and what is authorised late is voided though its session was already.
        voids += isinstance(event, happened.VoidFailed | happened.LateSuccessRecorded)
        confirmations += isinstance(event, happened.ConfirmationRequested)
        if isinstance(event, happened.ProviderCallStarted):
            number = {Operation.VOID: voids, Operation.CONFIRM: confirmations}.get(event.operation, 0)
            keys[event.operation, event.refund_id, number].add(event.provider_key)
    assert all(len(used) == 1 for used in keys.values()), keys
    assert len(set().union(*keys.values())) == len(keys), "one operation has the key of another"


@given(histories())
def test_what_has_ended_stays_ended_but_for_the_named_compensations(events: list[PaymentEvent]) -> None:
    accepted = (happened.PaymentAuthorized, happened.PaymentCaptured)
    for state, event in zip(states(events)[:-1], events[1:], strict=True):
        following = evolve(state, event)
        match state:
            case Cancelled():
                assert isinstance(following, Cancelled)
            case Captured():
                assert isinstance(following, Captured)
                assert following.refunded >= state.refunded
            case Expired():
                assert isinstance(following, Expired) or isinstance(event, accepted)
            case Failed():
                assert isinstance(following, Failed) or (state.code == PROVIDER_TIMEOUT and isinstance(event, accepted))


@given(histories(), st.integers(min_value=0))
def test_folding_a_beginning_and_then_the_rest_is_folding_the_whole(events: list[PaymentEvent], cut: int) -> None:
    cut %= len(events) + 1
    assert fold(events[cut:], fold(events[:cut])) == fold(events)


@given(histories())
def test_a_history_survives_being_written_as_json_and_read_again(events: list[PaymentEvent]) -> None:
    read = [PAYMENTS.events[type(event).__name__].model_validate_json(event.model_dump_json()) for event in events]
    assert read == events


@given(histories())
def test_what_to_do_next_and_when_can_always_be_said(events: list[PaymentEvent]) -> None:
    state = fold(events)
    for moment in (NOW, LATER):
        action = next_action(state, moment, Policy())
        due = due_at(state, moment, Policy())
        assert (action is None) == (due is None)
        assert due is None or due >= moment


@given(histories(), st.sampled_from(COMMANDS))
def test_a_command_repeated_at_once_changes_nothing_more(events: list[PaymentEvent], command: PaymentCommand) -> None:
    state = fold(events)
    decided = decided_or_refused(command, state)
    assert decided_or_refused(command, fold(decided, state)) == []
