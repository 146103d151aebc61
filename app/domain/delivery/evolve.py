"""(state, event) -> state."""

from collections.abc import Iterable
from dataclasses import replace

from app.domain.delivery import events as happened
from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.model import Address, DeliveryState, DeliveryStatus, NothingOwed, OwedMessage, Owing


class ImpossibleDeliveryHistory(Exception):
    """An event that cannot follow the state before it: the stream was not written by `decide`."""

    def __init__(self, state: DeliveryState, event: DeliveryEvent) -> None:
        super().__init__(f"{type(event).__name__} cannot follow {type(state).__name__}")


def fold(events: Iterable[DeliveryEvent], state: DeliveryState = NothingOwed()) -> DeliveryState:  # noqa: B008 — frozen
    """The state after `events`, from `state` or from nothing."""
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: DeliveryState, event: DeliveryEvent) -> Owing:
    """The state after `event`; raises `ImpossibleDeliveryHistory` when it cannot follow."""
    if isinstance(event, happened.DeliveryOwed):
        return _owed(state, event)
    if not isinstance(state, Owing) or event.version not in state.messages:
        raise ImpossibleDeliveryHistory(state, event)
    message = state.messages[event.version]
    if isinstance(event, happened.DeliveryRequested):
        return _requested(state, message, event)
    if event.version not in state.waiting:
        raise ImpossibleDeliveryHistory(state, event)
    match event:
        case happened.DeliveryFailed():
            failed = replace(
                message,
                attempts=event.attempt,
                failed_at=event.at,
                next_attempt_at=event.next_attempt_at,
                last_answer=event.reason,
            )
            return _with(state, failed, state.waiting)
        case happened.DeliveryMade():
            made = replace(
                message,
                status=DeliveryStatus.DELIVERED,
                attempts=event.attempt,
                next_attempt_at=None,
                delivered_at=event.at,
                last_answer=event.detail,
            )
            return _with(state, made, _without(state, event.version))
        case happened.DeliveryGivenUp():
            given_up = replace(message, status=DeliveryStatus.GIVEN_UP, next_attempt_at=None)
            return _with(state, given_up, _without(state, event.version))


def _owed(state: DeliveryState, event: happened.DeliveryOwed) -> Owing:
    address = Address(event.channel, event.target_id, event.merchant_id, event.subject_kind, event.subject)
    before = state if isinstance(state, Owing) else Owing(address)
    if before.address != address or event.version <= max(before.messages, default=-1):
        raise ImpossibleDeliveryHistory(state, event)
    message = OwedMessage(
        event.message_id, event.version, event.type, event.occurred_at, event.at, next_attempt_at=event.at
    )
    return _with(before, message, (*before.waiting, event.version))


def _requested(state: Owing, message: OwedMessage, event: happened.DeliveryRequested) -> Owing:
    waiting = state.waiting if event.version in state.waiting else (*state.waiting, event.version)
    wanted = replace(
        message,
        status=DeliveryStatus.WAITING,
        attempts=0,
        next_attempt_at=event.at,
        failed_at=None,
        requests=message.requests | {event.request_id},
    )
    return _with(state, wanted, waiting)


def _with(state: Owing, message: OwedMessage, waiting: tuple[int, ...]) -> Owing:
    return Owing(state.address, {**state.messages, message.version: message}, waiting)


def _without(state: Owing, version: int) -> tuple[int, ...]:
    return tuple(each for each in state.waiting if each != version)
