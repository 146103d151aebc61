"""What a merchant can do with its endpoints, and what each endpoint is told of."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from app.domain.endpoints import events as happened
from app.domain.endpoints.decide import decide
from app.domain.endpoints.events import EndpointEvent
from app.domain.endpoints.evolve import ImpossibleEndpointHistory, fold
from app.domain.endpoints.model import (
    MOST_ENDPOINTS,
    Disable,
    Enable,
    Endpoint,
    EndpointCommand,
    Endpoints,
    EndpointStatus,
    Register,
    Remove,
    Replay,
    RollSecret,
    SwitchOff,
    Update,
)
from app.domain.refusals import NoSuchEndpoint, Refusal, TooManyEndpoints
from tests.support.builders import NOW
from tests.support.spec import ENDPOINTS, Given

HOUR = timedelta(hours=1)
SUCCEEDED, FAILED = "paygate.payment.succeeded", "paygate.payment.failed"


def register(endpoint_id: str = "we_1", event_types: tuple[str, ...] | None = None, at: datetime = NOW) -> Register:
    return Register(
        happened.EndpointRegistered(
            endpoint_id=endpoint_id,
            merchant_id="acme",
            url="https://shop.test/hook",
            event_types=event_types,
            sealed_secret="sealed-1",
            at=at,
        )
    )


def update(
    event_types: tuple[str, ...] | None = None, at: datetime = NOW + HOUR, url: str = "https://b.test"
) -> Update:
    return Update(happened.EndpointUpdated(endpoint_id="we_1", url=url, event_types=event_types, at=at))


def roll(secret: str, hours: int, at: datetime = NOW) -> RollSecret:
    return RollSecret("we_1", secret, at + hours * HOUR, at)


def endpoint(given: Given[EndpointCommand, Endpoints, EndpointEvent]) -> Endpoint:
    return given.state.by_id["we_1"]


REGISTERED = ENDPOINTS.given().after(register())


class TestWhatItIsToldOf:
    def test_everything_from_its_registration_on_and_nothing_from_before(self) -> None:
        one = endpoint(REGISTERED)
        assert one.wants(SUCCEEDED, NOW)
        assert not one.wants(SUCCEEDED, NOW - timedelta(microseconds=1))

    def test_only_the_types_it_chose(self) -> None:
        one = endpoint(ENDPOINTS.given().after(register(event_types=(SUCCEEDED,))))
        assert one.wants(SUCCEEDED, NOW)
        assert not one.wants(FAILED, NOW)

    def test_what_happened_before_a_new_choice_is_judged_by_the_old_one_however_late_it_is_seen(self) -> None:
        one = endpoint(REGISTERED.after(update((FAILED,))))
        assert one.wants(SUCCEEDED, NOW)
        assert not one.wants(SUCCEEDED, NOW + HOUR)
        assert one.wants(FAILED, NOW + HOUR)


class TestSecrets:
    def test_the_old_secret_counts_until_the_overlap_is_over(self) -> None:
        one = endpoint(REGISTERED.after(roll("sealed-2", 24)))
        assert [each.sealed for each in one.secrets_at(NOW)] == ["sealed-2", "sealed-1"]
        assert [each.sealed for each in one.secrets_at(NOW + 24 * HOUR)] == ["sealed-2"]

    def test_without_overlap_the_old_secret_counts_no_more(self) -> None:
        assert [each.sealed for each in endpoint(REGISTERED.after(roll("sealed-2", 0))).secrets] == ["sealed-2"]

    def test_a_second_roll_lengthens_nobodys_life(self) -> None:
        one = endpoint(REGISTERED.after(roll("sealed-2", 1), roll("sealed-3", 24)))
        assert [each.sealed for each in one.secrets_at(NOW)] == ["sealed-3", "sealed-2", "sealed-1"]
        assert [each.sealed for each in one.secrets_at(NOW + HOUR)] == ["sealed-3", "sealed-2"]


class TestOnAndOff:
    def test_one_that_is_disabled_stays_so_until_it_is_enabled(self) -> None:
        given = REGISTERED.after(Disable("we_1", NOW))
        assert endpoint(given).status is EndpointStatus.DISABLED
        given.when(Disable("we_1", NOW)).then_nothing()
        given.when(SwitchOff("we_1", "fails", NOW)).then_nothing()
        assert endpoint(given.after(Enable("we_1", NOW))).status is EndpointStatus.ENABLED

    def test_one_that_is_switched_off_says_why(self) -> None:
        given = REGISTERED.after(SwitchOff("we_1", "answered 410", NOW))
        one = endpoint(given)
        assert (one.status, one.off_reason, one.off_at) == (EndpointStatus.SWITCHED_OFF, "answered 410", NOW)
        given.when(SwitchOff("we_1", "again", NOW)).then_nothing()
        enabled = endpoint(given.after(Enable("we_1", NOW + HOUR)))
        assert (enabled.status, enabled.off_reason, enabled.resumed_at) == (EndpointStatus.ENABLED, None, NOW + HOUR)

    def test_enabling_one_that_is_enabled_changes_nothing(self) -> None:
        REGISTERED.when(Enable("we_1", NOW)).then_nothing()

    def test_one_that_is_removed_is_not_there(self) -> None:
        given = REGISTERED.after(Remove("we_1", NOW))
        assert given.state.by_id == {}
        given.when(Remove("we_1", NOW)).then_refused(NoSuchEndpoint)


def test_a_change_that_changes_nothing_is_none() -> None:
    REGISTERED.when(update(url="https://shop.test/hook")).then_nothing()


def test_a_replay_is_asked_for_once_under_its_id() -> None:
    replay = Replay("we_1", "replay_1", NOW, NOW + HOUR, NOW)
    REGISTERED.when(replay, replay).then_nothing()


def test_nobody_has_more_endpoints_than_are_allowed() -> None:
    full = ENDPOINTS.given().after(*(register(f"we_{number}") for number in range(MOST_ENDPOINTS)))
    full.when(register("we_more")).then_refused(TooManyEndpoints, maximum=MOST_ENDPOINTS)
    full.after(Remove("we_1", NOW)).when(register("we_more")).then(register("we_more").terms)


COMMANDS: tuple[EndpointCommand, ...] = (
    register(),
    update(),
    update((FAILED,)),
    roll("sealed-2", 1),
    Disable("we_1", NOW),
    Enable("we_1", NOW),
    SwitchOff("we_1", "fails", NOW),
    Remove("we_1", NOW),
    Replay("we_1", "replay_1", NOW, NOW, NOW),
)


@pytest.mark.parametrize("command", COMMANDS[1:], ids=lambda command: type(command).__name__)
def test_what_is_not_there_cannot_be_changed(command: EndpointCommand) -> None:
    ENDPOINTS.given().when(command).then_refused(NoSuchEndpoint)


@drawn(st.lists(st.sampled_from(COMMANDS), max_size=20))
def test_whatever_is_commanded_the_history_can_be_read_and_there_is_one_current_secret(
    commands: list[EndpointCommand],
) -> None:
    events: list[EndpointEvent] = []
    for command in commands:
        try:
            events += decide(command, fold(events))
        except Refusal:
            continue
    for each in fold(events).by_id.values():
        assert [secret.valid_until is None for secret in each.secrets] == [True, *(False for _ in each.secrets[1:])]


def test_a_stream_that_nobody_can_have_written_is_not_taken_for_one() -> None:
    with pytest.raises(ImpossibleEndpointHistory):
        fold([happened.EndpointEnabled(endpoint_id="we_1", at=NOW)])
