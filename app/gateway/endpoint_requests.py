"""What a client sends about webhook endpoints, checked before anything happens; see `requests`."""

import re
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.domain.event_types import EVENT_TYPES
from app.gateway.requests import CheckedRequest, Id, Text

EVERY_TYPE = "*"
"""Alone in a choice of types of event: all there are and all there will be."""

_LONGEST_OVERLAP_HOURS = 7 * 24
_LONGEST_SPAN = timedelta(days=31)
_DELIVERY_ID = re.compile(r"(?P<target>[A-Za-z0-9_-]{1,64})\.(?P<subject>[A-Za-z0-9_-]{1,64})\.(?P<version>\d{1,9})")


def _event_type(text: str) -> str:
    if text not in EVENT_TYPES:
        raise PydanticCustomError("unknown_event_type", "is not a type of event, such as paygate.payment.succeeded")
    return text


def _delivery_id(text: str) -> str:
    if not _DELIVERY_ID.fullmatch(text):
        raise PydanticCustomError("invalid_id", "takes the id of a delivery as `deliveries` shows it")
    return text


def _choice(given: object) -> object:
    return None if given == [EVERY_TYPE] else given


EventTypes = Annotated[
    tuple[Annotated[str, AfterValidator(_event_type)], ...] | None,
    Field(min_length=1, max_length=len(EVENT_TYPES)),
    BeforeValidator(_choice),
]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]


class RegisterEndpointRequest(CheckedRequest):
    """Be told at `url`, of all types of event or of some."""

    url: Url
    description: Text | None = None
    events: EventTypes = None


class UpdateEndpointRequest(CheckedRequest):
    """Change what is given and leave the rest."""

    endpoint_id: Id
    url: Url | None = None
    description: Text | None = None
    events: EventTypes = None


class RollSecretRequest(CheckedRequest):
    """Sign with a new secret, and with the old one too for `overlap_hours`."""

    endpoint_id: Id
    overlap_hours: Annotated[int, Field(ge=0, le=_LONGEST_OVERLAP_HOURS, strict=True)] = 24


class EndpointRequest(CheckedRequest):
    """Name an endpoint."""

    endpoint_id: Id


class RedeliverRequest(CheckedRequest):
    """Send one message again."""

    delivery_id: Annotated[str, AfterValidator(_delivery_id)]

    @property
    def parts(self) -> tuple[str, str, int]:
        """The endpoint, the payment or order, and the version that the message is about."""
        endpoint_id, subject, version = self.delivery_id.split(".")
        return endpoint_id, subject, int(version)


class ReplayRequest(CheckedRequest):
    """Send again what was first owed from one time to another."""

    endpoint_id: Id
    begin: Annotated[AwareDatetime, Field(alias="from")]
    end: Annotated[AwareDatetime, Field(alias="to")]

    @model_validator(mode="after")
    def _forwards_and_not_for_ever(self) -> Self:
        if self.end < self.begin:
            raise PydanticCustomError("invalid_span", "takes a time after `from`", {"field": "to"})
        if self.end - self.begin > _LONGEST_SPAN:
            raise PydanticCustomError("invalid_span", "takes at most 31 days", {"field": "to"})
        return self
