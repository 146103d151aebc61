"""(state, event) -> state."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from app.domain.endpoints import events as happened
from app.domain.endpoints.events import EndpointEvent
from app.domain.endpoints.model import Choice, Endpoint, Endpoints, EndpointStatus, Secret


class ImpossibleEndpointHistory(Exception):
    """An event that cannot follow the state before it: the stream was not written by `decide`."""

    def __init__(self, event: EndpointEvent) -> None:
        super().__init__(f"{type(event).__name__} is about an endpoint that is not there")


def fold(events: Iterable[EndpointEvent], state: Endpoints = Endpoints()) -> Endpoints:  # noqa: B008 — frozen
    """The state after `events`, from `state` or from nothing."""
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: Endpoints, event: EndpointEvent) -> Endpoints:
    """The state after `event`; raises `ImpossibleEndpointHistory` when it cannot follow."""
    if isinstance(event, happened.EndpointRegistered):
        return _with(state, _registered(event))
    endpoint = state.by_id.get(event.endpoint_id)
    if endpoint is None:
        raise ImpossibleEndpointHistory(event)
    match event:
        case happened.EndpointRemoved():
            others = {name: each for name, each in state.by_id.items() if name != endpoint.id}
            return replace(state, by_id=others)
        case happened.ReplayRequested():
            return replace(state, replays=state.replays | {event.replay_id})
        case happened.EndpointUpdated():
            return _with(state, _updated(endpoint, event))
        case happened.EndpointSecretRolled():
            return _with(state, _rolled(endpoint, event))
        case happened.EndpointDisabled():
            off = replace(endpoint, status=EndpointStatus.DISABLED, off_at=event.at, off_reason=None)
            return _with(state, off)
        case happened.EndpointSwitchedOff():
            off = replace(endpoint, status=EndpointStatus.SWITCHED_OFF, off_at=event.at, off_reason=event.reason)
            return _with(state, off)
        case happened.EndpointEnabled():
            on = replace(endpoint, status=EndpointStatus.ENABLED, resumed_at=event.at, off_at=None, off_reason=None)
            return _with(state, on)


def _with(state: Endpoints, endpoint: Endpoint) -> Endpoints:
    return replace(state, by_id={**state.by_id, endpoint.id: endpoint})


def _registered(event: happened.EndpointRegistered) -> Endpoint:
    return Endpoint(
        id=event.endpoint_id,
        merchant_id=event.merchant_id,
        url=event.url,
        description=event.description,
        choices=(Choice(event.at, event.event_types),),
        secrets=(Secret(event.sealed_secret),),
        registered_at=event.at,
    )


def _updated(endpoint: Endpoint, event: happened.EndpointUpdated) -> Endpoint:
    resumed_at = endpoint.resumed_at if event.url == endpoint.url else event.at
    changed = replace(endpoint, url=event.url, description=event.description, resumed_at=resumed_at)
    if event.event_types == endpoint.event_types:
        return changed
    # What happened before the choice is judged by the choice of its time, however late it is come across.
    return replace(changed, choices=(*endpoint.choices, Choice(event.at, event.event_types)))


def _rolled(endpoint: Endpoint, event: happened.EndpointSecretRolled) -> Endpoint:
    before = (replace(each, valid_until=_sooner(each.valid_until, event.old_valid_until)) for each in endpoint.secrets)
    kept = (each for each in before if each.valid_until and each.valid_until > event.at)
    return replace(endpoint, secrets=(Secret(event.sealed_secret), *kept))


def _sooner(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)
