"""What can have happened to a merchant's webhook endpoints. Stored for ever: see `app.domain.payment.events`."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class EndpointRegistered(_Stored):
    """A merchant wants to be told at `url`; of which types of event, or of all."""

    endpoint_id: str
    merchant_id: str
    url: str
    description: str | None = None
    event_types: tuple[str, ...] | None = None
    sealed_secret: str
    at: datetime


class EndpointUpdated(_Stored):
    """The endpoint as it is from now on."""

    endpoint_id: str
    url: str
    description: str | None = None
    event_types: tuple[str, ...] | None = None
    at: datetime


class EndpointSecretRolled(_Stored):
    """There is a new secret; the ones before count until `old_valid_until`, and no longer than they would have."""

    endpoint_id: str
    sealed_secret: str
    old_valid_until: datetime
    at: datetime


class EndpointDisabled(_Stored):
    """The merchant wants nothing to be sent for now."""

    endpoint_id: str
    at: datetime


class EndpointEnabled(_Stored):
    """What is owed is sent again."""

    endpoint_id: str
    at: datetime


class EndpointSwitchedOff(_Stored):
    """We have stopped sending, as the endpoint does not answer or said that it is gone."""

    endpoint_id: str
    reason: str
    at: datetime


class EndpointRemoved(_Stored):
    """The endpoint is no more; what it was owed is given up."""

    endpoint_id: str
    at: datetime


class ReplayRequested(_Stored):
    """The merchant wants everything again that was first owed from `begin` to `end`."""

    endpoint_id: str
    replay_id: str
    begin: datetime
    end: datetime
    at: datetime


EndpointEvent = (
    EndpointRegistered
    | EndpointUpdated
    | EndpointSecretRolled
    | EndpointDisabled
    | EndpointEnabled
    | EndpointSwitchedOff
    | EndpointRemoved
    | ReplayRequested
)
