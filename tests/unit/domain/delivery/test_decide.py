"""What is owed is sent in order, recorded once, and given up only when every attempt has failed."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from app.domain.delivery import events as happened
from app.domain.delivery.decide import decide
from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.evolve import ImpossibleDeliveryHistory, fold
from app.domain.delivery.model import (
    Address,
    Change,
    DeliveryCommand,
    DeliveryState,
    DeliveryStatus,
    GiveUpAll,
    NothingOwed,
    Owe,
    Owing,
    RecordFailure,
    RecordMade,
    RequestDelivery,
)
from app.domain.ids import message_id_for
from app.domain.refusals import NoSuchMessage, Refusal
from tests.support.builders import NOW
from tests.support.spec import DELIVERY, Given

GivenDelivery = Given[DeliveryCommand, DeliveryState, DeliveryEvent]

ADDRESS = Address("webhook", "we_1", "acme", "payment", "pay_1")
LATER = NOW + timedelta(seconds=30)
TYPES = {0: "paygate.payment.initiated", 1: "paygate.payment.processing", 5: "paygate.payment.succeeded"}


def message_id(version: int) -> str:
    return message_id_for("we_1", "pay_1", version)


def owe(*versions: int) -> Owe:
    return Owe(ADDRESS, tuple(Change(version, TYPES[version], NOW) for version in versions), NOW)


def made(version: int, attempt: int = 1) -> RecordMade:
    return RecordMade(version, attempt, "answered 200", NOW)


def failed(version: int, attempt: int = 1, next_attempt_at: datetime | None = LATER) -> RecordFailure:
    return RecordFailure(version, attempt, "answered 500", next_attempt_at, NOW)


def owed(version: int) -> happened.DeliveryOwed:
    return happened.DeliveryOwed(
        message_id=message_id(version),
        version=version,
        type=TYPES[version],
        occurred_at=NOW,
        merchant_id="acme",
        channel="webhook",
        target_id="we_1",
        subject_kind="payment",
        subject="pay_1",
        at=NOW,
    )


def given_owed(*versions: int) -> GivenDelivery:
    return DELIVERY.given().after(owe(*versions))


def owing(given: GivenDelivery) -> Owing:
    assert isinstance(given.state, Owing)
    return given.state


class TestOwing:
    def test_each_change_is_owed_once_in_the_order_of_versions(self) -> None:
        given = DELIVERY.given().when(owe(1, 0)).then(owed(0), owed(1))
        given.when(owe(0, 1)).then_nothing()
        given.when(owe(0, 1, 5)).then(owed(5))

    def test_a_change_before_one_that_is_owed_already_is_not_owed_after_it(self) -> None:
        given_owed(5).when(owe(0, 1)).then_nothing()

    def test_the_first_that_is_owed_is_the_first_that_is_sent(self) -> None:
        state = owing(given_owed(0, 1, 5))
        assert state.next is not None
        assert (state.next.version, state.next.next_attempt_at) == (0, NOW)


class TestAttempts:
    def test_a_message_that_is_taken_makes_way_for_the_next(self) -> None:
        given = (
            given_owed(0, 1)
            .when(made(0))
            .then(happened.DeliveryMade(message_id=message_id(0), version=0, attempt=1, detail="answered 200", at=NOW))
        )
        state = owing(given)
        assert state.waiting == (1,)
        assert state.messages[0].status is DeliveryStatus.DELIVERED

    def test_a_message_that_fails_stays_before_the_next(self) -> None:
        given = (
            given_owed(0, 1)
            .when(failed(0))
            .then(
                happened.DeliveryFailed(
                    message_id=message_id(0), version=0, attempt=1, reason="answered 500", next_attempt_at=LATER, at=NOW
                )
            )
        )
        state = owing(given)
        assert state.waiting == (0, 1)
        assert state.next is not None
        assert (state.next.attempts, state.next.next_attempt_at) == (1, LATER)

    def test_two_who_sent_the_same_message_record_it_once(self) -> None:
        given_owed(0).when(made(0), made(0)).then_nothing()
        given_owed(0).when(failed(0), failed(0)).then_nothing()
        given_owed(0).when(made(0), failed(0)).then_nothing()

    def test_the_last_attempt_that_fails_gives_the_message_up_and_the_next_has_its_turn(self) -> None:
        given = given_owed(0, 1).after(failed(0)).after(failed(0, attempt=2, next_attempt_at=None))
        state = owing(given)
        assert state.messages[0].status is DeliveryStatus.GIVEN_UP
        assert state.waiting == (1,)

    def test_nothing_waits_for_a_target_that_is_no_more(self) -> None:
        state = owing(given_owed(0, 1, 5).after(made(0), GiveUpAll("removed", NOW)))
        assert state.waiting == ()
        assert [state.messages[version].status.value for version in (0, 1, 5)] == ["DELIVERED", "GIVEN_UP", "GIVEN_UP"]


class TestRequests:
    @pytest.mark.parametrize("before", [made(0), failed(0, next_attempt_at=None)])
    def test_a_message_that_is_settled_is_sent_again_with_all_its_attempts(self, before: DeliveryCommand) -> None:
        state = owing(given_owed(0).after(before, RequestDelivery(0, "req_1", LATER)))
        assert state.next is not None
        assert (state.next.attempts, state.next.next_attempt_at) == (0, LATER)

    def test_a_message_that_waits_is_sent_at_once_and_in_its_turn(self) -> None:
        state = owing(given_owed(0, 1).after(failed(0), RequestDelivery(0, "req_1", NOW)))
        assert state.waiting == (0, 1)
        assert state.messages[0].next_attempt_at == NOW

    def test_the_same_wish_counts_once_also_when_it_is_fulfilled(self) -> None:
        wish = RequestDelivery(0, "req_1", NOW)
        given_owed(0).after(made(0)).when(wish, wish).then_nothing()
        given_owed(0).after(made(0)).when(wish, made(0), wish).then_nothing()

    def test_nobody_gets_again_what_was_never_owed(self) -> None:
        DELIVERY.given().when(RequestDelivery(0, "req_1", NOW)).then_refused(NoSuchMessage)
        given_owed(0).when(RequestDelivery(1, "req_1", NOW)).then_refused(NoSuchMessage)


VERSIONS = st.sampled_from(sorted(TYPES))
COMMANDS = st.one_of(
    st.builds(owe, VERSIONS),
    st.builds(lambda versions: owe(*versions), st.lists(VERSIONS, unique=True, min_size=1)),
    st.builds(made, VERSIONS, st.integers(1, 4)),
    st.builds(failed, VERSIONS, st.integers(1, 4), st.sampled_from([LATER, None])),
    st.builds(RequestDelivery, VERSIONS, st.sampled_from(["req_1", "req_2"]), st.just(LATER)),
    st.just(GiveUpAll("removed", NOW)),
)


def carried_out(commands: list[DeliveryCommand]) -> list[DeliveryEvent]:
    events: list[DeliveryEvent] = []
    for command in commands:
        try:
            events += decide(command, fold(events))
        except Refusal:
            continue
    return events


@drawn(st.lists(COMMANDS, max_size=30))
def test_whatever_is_commanded_messages_are_owed_in_order_and_settled_once_for_each_time_they_are_wanted(
    commands: list[DeliveryCommand],
) -> None:
    events = carried_out(commands)
    versions = [event.version for event in events if isinstance(event, happened.DeliveryOwed)]
    assert versions == sorted(set(versions))
    for version in versions:
        about = [type(event) for event in events if event.version == version]
        wanted = sum(kind in {happened.DeliveryOwed, happened.DeliveryRequested} for kind in about)
        settled = sum(kind in {happened.DeliveryMade, happened.DeliveryGivenUp} for kind in about)
        assert settled <= wanted


@drawn(st.lists(COMMANDS, max_size=30))
def test_whatever_is_commanded_what_waits_is_what_is_not_settled(commands: list[DeliveryCommand]) -> None:
    state = fold(carried_out(commands))
    if isinstance(state, NothingOwed):
        return
    waiting = {version for version, each in state.messages.items() if each.status is DeliveryStatus.WAITING}
    assert sorted(state.waiting) == sorted(waiting)
    assert all(state.messages[version].next_attempt_at is not None for version in state.waiting)


@drawn(st.lists(COMMANDS, max_size=30), COMMANDS)
def test_a_command_that_was_carried_out_changes_nothing_when_it_comes_again(
    commands: list[DeliveryCommand], command: DeliveryCommand
) -> None:
    events = carried_out([*commands, command])
    if isinstance(command, RecordFailure) and command.next_attempt_at is not None:
        return  # the next attempt may fail the same way: it has another number
    assert carried_out([*commands, command, command]) == events


def test_a_stream_that_nobody_can_have_written_is_not_taken_for_one() -> None:
    ending = happened.DeliveryMade(message_id=message_id(0), version=0, attempt=1, detail="200", at=NOW)
    impossible: list[list[DeliveryEvent]] = [
        [ending],
        [owed(0), ending, ending],
        [owed(1), owed(0)],
        [owed(0), owed(0)],
    ]
    for events in impossible:
        with pytest.raises(ImpossibleDeliveryHistory):
            fold(events)
