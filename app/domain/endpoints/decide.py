"""(command, state) -> events. `[]` when it is already so; a `Refusal` when it may not be."""

from typing import assert_never

from app.domain.endpoints import events as happened
from app.domain.endpoints.events import EndpointEvent
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
from app.domain.refusals import NoSuchEndpoint, TooManyEndpoints


def decide(command: EndpointCommand, state: Endpoints) -> list[EndpointEvent]:
    """What `command` changes in `state`; raises `NoSuchEndpoint` or `TooManyEndpoints`."""
    if isinstance(command, Register):
        return _register(command, state)
    if isinstance(command, Update):
        return _update(command, _found(command.terms.endpoint_id, state))
    endpoint = _found(command.endpoint_id, state)
    match command:
        case RollSecret():
            return [
                happened.EndpointSecretRolled(
                    endpoint_id=endpoint.id,
                    sealed_secret=command.sealed_secret,
                    old_valid_until=command.old_valid_until,
                    at=command.at,
                )
            ]
        case Disable():
            is_so = endpoint.status is EndpointStatus.DISABLED
            return [] if is_so else [happened.EndpointDisabled(endpoint_id=endpoint.id, at=command.at)]
        case Enable():
            is_so = endpoint.status is EndpointStatus.ENABLED
            return [] if is_so else [happened.EndpointEnabled(endpoint_id=endpoint.id, at=command.at)]
        case SwitchOff(_, reason, at):
            if endpoint.status is not EndpointStatus.ENABLED:
                return []
            return [happened.EndpointSwitchedOff(endpoint_id=endpoint.id, reason=reason, at=at)]
        case Remove():
            return [happened.EndpointRemoved(endpoint_id=endpoint.id, at=command.at)]
        case Replay():
            return _replay(command, state)
    assert_never(command)


def _found(endpoint_id: str, state: Endpoints) -> Endpoint:
    endpoint = state.by_id.get(endpoint_id)
    if endpoint is None:
        raise NoSuchEndpoint("there is no such endpoint")
    return endpoint


def _register(command: Register, state: Endpoints) -> list[EndpointEvent]:
    if command.terms.endpoint_id in state.by_id:
        return []
    if len(state.by_id) >= MOST_ENDPOINTS:
        raise TooManyEndpoints(f"a merchant has at most {MOST_ENDPOINTS} endpoints", maximum=MOST_ENDPOINTS)
    return [command.terms]


def _update(command: Update, endpoint: Endpoint) -> list[EndpointEvent]:
    terms = command.terms
    before = (endpoint.url, endpoint.description, endpoint.event_types)
    return [] if before == (terms.url, terms.description, terms.event_types) else [terms]


def _replay(command: Replay, state: Endpoints) -> list[EndpointEvent]:
    if command.replay_id in state.replays:
        return []
    return [
        happened.ReplayRequested(
            endpoint_id=command.endpoint_id,
            replay_id=command.replay_id,
            begin=command.begin,
            end=command.end,
            at=command.at,
        )
    ]
