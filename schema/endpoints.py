"""Webhook endpoints as merchants see them: object types, results, inputs, and the way to them."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.domain.delivery.model import DeliveryStatus
from app.domain.endpoints.model import Endpoint as DomainEndpoint
from app.domain.endpoints.model import EndpointStatus
from app.domain.refusals import NoSuchEndpoint, NoSuchMessage, Refusal
from app.gateway.endpoint_requests import EVERY_TYPE
from app.gateway.requests import InvalidRequest
from projections.deliveries import DeliveryPage, LoggedDelivery
from schema import mapping
from schema.results import InvalidInput, Problem
from schema.types import Node, PageInfo

strawberry.enum(EndpointStatus, description="Whether an endpoint is called.")
strawberry.enum(DeliveryStatus, description="Where a message to an endpoint stands.")


@strawberry.type(description="A server of yours that is told, by signed webhooks, what happens.")
class Endpoint(Node):
    """A webhook endpoint."""

    id: strawberry.ID
    url: str
    description: str | None
    events: list[str] = strawberry.field(description='The types of event it is told of; `["*"]` for all.')
    status: EndpointStatus
    off_reason: str | None = strawberry.field(description="Why it was switched off.")
    off_at: datetime | None = strawberry.field(description="Since when it is not called.")
    registered_at: datetime
    old_secret_valid_until: datetime | None = strawberry.field(
        description="Until when messages are signed with an earlier secret too."
    )


@strawberry.type(description="A message to an endpoint, and what became of it.")
class EndpointDelivery(Node):
    """An entry of the delivery log."""

    id: strawberry.ID
    message_id: str = strawberry.field(description="The header `webhook-id`, the same on every attempt.")
    endpoint_id: strawberry.ID
    subject: strawberry.ID = strawberry.field(description="The payment or order it tells of.")
    version: int
    type: str
    status: DeliveryStatus
    attempts: int = strawberry.field(description="Since it was first owed or last asked for.")
    last_answer: str | None
    occurred_at: datetime
    owed_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None


@strawberry.type(description="A place in a list of deliveries.")
class EndpointDeliveryEdge:
    """A delivery in a list."""

    cursor: str
    node: EndpointDelivery


@strawberry.type(description="A page of deliveries, newest first.")
class EndpointDeliveryConnection:
    """As in the Relay connection specification."""

    edges: list[EndpointDeliveryEdge]
    nodes: list[EndpointDelivery]
    page_info: PageInfo


@strawberry.input(description="A server of yours to be told.")
class RegisterEndpointInput:
    """An endpoint to register."""

    url: str
    description: str | None = strawberry.UNSET
    events: list[str] | None = strawberry.field(
        default=strawberry.UNSET, description='Types such as `paygate.payment.succeeded`; all, or `["*"]`, by default.'
    )


@strawberry.input(description="What to change of an endpoint; what is not given stays.")
class UpdateEndpointInput:
    """An endpoint to change."""

    endpoint_id: strawberry.ID
    url: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET
    events: list[str] | None = strawberry.UNSET


@strawberry.input(description="An endpoint whose secret to replace.")
class RollEndpointSecretInput:
    """A secret to roll."""

    endpoint_id: strawberry.ID
    overlap_hours: int | None = strawberry.field(
        default=24, description="For how long messages are signed with the old secret too; at most 168."
    )


@strawberry.input(description="An endpoint.")
class EndpointInput:
    """An endpoint to do something with."""

    endpoint_id: strawberry.ID


@strawberry.input(description="A message to send again.")
class RedeliverInput:
    """A message to send again."""

    delivery_id: strawberry.ID


@strawberry.input(description="A span of time, of at most 31 days, whose messages to send again.")
class ReplayDeliveriesInput:
    """A span of time to send again."""

    endpoint_id: strawberry.ID
    from_: datetime = strawberry.field(name="from", description="When the first of them was first owed.")
    to: datetime


@strawberry.type(description="The endpoint is registered.")
class EndpointRegistered:
    """The endpoint is registered."""

    endpoint: Endpoint
    secret: str = strawberry.field(description="What messages are signed with. It is shown this once.")


@strawberry.type(description="The command is safely stored; `endpoint` is the endpoint after it.")
class EndpointAccepted:
    """The command is stored."""

    endpoint: Endpoint


@strawberry.type(description="The endpoint is no more.")
class EndpointRemoved:
    """The endpoint is removed."""

    endpoint_id: strawberry.ID


@strawberry.type(description="The message will be sent again.")
class RedeliveryAccepted:
    """The wish is stored."""

    delivery: EndpointDelivery


@strawberry.type(description="There is no such endpoint.")
class EndpointNotFound(Problem):
    """No such endpoint."""

    code: str
    message: str
    field: str


@strawberry.type(description="There is no such delivery.")
class DeliveryNotFound(Problem):
    """No such delivery."""

    code: str
    message: str
    field: str


RegisterEndpointResult = Annotated[EndpointRegistered | InvalidInput, strawberry.union("RegisterEndpointResult")]
RollEndpointSecretResult = Annotated[
    EndpointRegistered | InvalidInput | EndpointNotFound, strawberry.union("RollEndpointSecretResult")
]
EndpointResult = Annotated[EndpointAccepted | InvalidInput | EndpointNotFound, strawberry.union("EndpointResult")]
RemoveEndpointResult = Annotated[
    EndpointRemoved | InvalidInput | EndpointNotFound, strawberry.union("RemoveEndpointResult")
]
RedeliverResult = Annotated[RedeliveryAccepted | InvalidInput | DeliveryNotFound, strawberry.union("RedeliverResult")]


def endpoint(found: DomainEndpoint) -> Endpoint:
    """An endpoint as its merchant sees it."""
    return Endpoint(
        id=strawberry.ID(found.id),
        url=found.url,
        description=found.description,
        events=[EVERY_TYPE] if found.event_types is None else list(found.event_types),
        status=found.status,
        off_reason=found.off_reason,
        off_at=found.off_at,
        registered_at=found.registered_at,
        old_secret_valid_until=max((each.valid_until for each in found.secrets if each.valid_until), default=None),
    )


def delivery(logged: LoggedDelivery) -> EndpointDelivery:
    """A message as the endpoint's merchant sees it."""
    message = logged.message
    return EndpointDelivery(
        id=strawberry.ID(f"{logged.target_id}.{logged.subject}.{message.version}"),
        message_id=message.message_id,
        endpoint_id=strawberry.ID(logged.target_id),
        subject=strawberry.ID(logged.subject),
        version=message.version,
        type=message.type,
        status=message.status,
        attempts=message.attempts,
        last_answer=message.last_answer,
        occurred_at=message.occurred_at,
        owed_at=message.owed_at,
        next_attempt_at=message.next_attempt_at,
        delivered_at=message.delivered_at,
    )


def connection(page: DeliveryPage, *, after: str | None) -> EndpointDeliveryConnection:
    """A page of deliveries."""
    edges = [EndpointDeliveryEdge(cursor=each.cursor, node=delivery(each)) for each in page.deliveries]
    return EndpointDeliveryConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=page.has_more,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def refused(refusal: Refusal | InvalidRequest) -> InvalidInput | EndpointNotFound:
    """The answer to a command on an endpoint that was not carried out."""
    match refusal:
        case InvalidRequest():
            return mapping.invalid(refusal)
        case NoSuchEndpoint():
            return EndpointNotFound(code="endpoint_not_found", message=refusal.message, field="endpointId")
    raise refusal


def redelivery_refused(refusal: Refusal | InvalidRequest) -> InvalidInput | DeliveryNotFound:
    """The answer when a message is not sent again."""
    match refusal:
        case InvalidRequest():
            return mapping.invalid(refusal)
        case NoSuchMessage():
            return DeliveryNotFound(code="delivery_not_found", message=refusal.message, field="deliveryId")
    raise refusal
