"""What endpoints a merchant has, and what can be asked of them: types only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.endpoints.events import EndpointRegistered, EndpointUpdated

MOST_ENDPOINTS = 20
"""How many endpoints one merchant may have."""


class EndpointStatus(StrEnum):
    """Whether an endpoint is called."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    """By the merchant."""
    SWITCHED_OFF = "SWITCHED_OFF"
    """By us, as it did not answer or said that it is gone."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which types of event are wanted of what happens from `since` on; None for all."""

    since: datetime
    event_types: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Secret:
    """A sealed signing secret; the current one has no end."""

    sealed: str
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint. `secrets` has the current one first, `choices` the current one last."""

    id: str
    merchant_id: str
    url: str
    description: str | None
    choices: tuple[Choice, ...]
    secrets: tuple[Secret, ...]
    registered_at: datetime
    status: EndpointStatus = EndpointStatus.ENABLED
    resumed_at: datetime | None = None
    """When it was last enabled, or got another URL: what failed before says nothing of it."""
    off_at: datetime | None = None
    off_reason: str | None = None

    @property
    def event_types(self) -> tuple[str, ...] | None:
        """The types of event that are wanted now; None for all."""
        return self.choices[-1].event_types

    def wants(self, event_type: str, at: datetime) -> bool:
        """Whether it is to be told of what happened at `at`: by the choice of that time, and nothing from before."""
        choice = next((each for each in reversed(self.choices) if each.since <= at), None)
        return choice is not None and (choice.event_types is None or event_type in choice.event_types)

    def secrets_at(self, now: datetime) -> tuple[Secret, ...]:
        """The secrets to sign with, the current one first."""
        return tuple(each for each in self.secrets if each.valid_until is None or now < each.valid_until)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints that are there, in the order in which they were registered; `replays` are the ids of replays."""

    by_id: Mapping[str, Endpoint] = field(default_factory=dict)
    replays: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Register:
    """Register an endpoint; the event it becomes is the command's whole content."""

    terms: EndpointRegistered


@dataclass(frozen=True, slots=True)
class Update:
    """Make the endpoint as the event says."""

    terms: EndpointUpdated


@dataclass(frozen=True, slots=True)
class RollSecret:
    """Sign with a new secret and, until `old_valid_until`, with the ones before too."""

    endpoint_id: str
    sealed_secret: str
    old_valid_until: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Disable:
    """Send nothing for now."""

    endpoint_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Enable:
    """Send again."""

    endpoint_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SwitchOff:
    """Send no more until the merchant enables it again."""

    endpoint_id: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Remove:
    """Forget the endpoint."""

    endpoint_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Replay:
    """Send again what was first owed from `begin` to `end`."""

    endpoint_id: str
    replay_id: str
    begin: datetime
    end: datetime
    at: datetime


EndpointCommand = Register | Update | RollSecret | Disable | Enable | SwitchOff | Remove | Replay
