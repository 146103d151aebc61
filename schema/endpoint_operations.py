"""Operations on webhook endpoints: check, call one service, map."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import strawberry

from app.access.model import Caller
from app.domain.endpoints.model import Endpoint as DomainEndpoint
from app.domain.refusals import NoSuchEndpoint, Refusal
from app.gateway.endpoint_requests import (
    EndpointRequest,
    RedeliverRequest,
    RegisterEndpointRequest,
    ReplayRequest,
    RollSecretRequest,
    UpdateEndpointRequest,
)
from app.gateway.requests import InvalidRequest, parse
from schema import endpoints, mapping
from schema.context import Info
from schema.endpoints import (
    Endpoint,
    EndpointAccepted,
    EndpointDeliveryConnection,
    EndpointInput,
    EndpointRegistered,
    EndpointRemoved,
    EndpointResult,
    RedeliverInput,
    RedeliverResult,
    RedeliveryAccepted,
    RegisterEndpointInput,
    RegisterEndpointResult,
    RemoveEndpointResult,
    ReplayDeliveriesInput,
    RollEndpointSecretInput,
    RollEndpointSecretResult,
    UpdateEndpointInput,
)
from schema.errors import api_error

_MOST_AT_ONCE = 100

Request = TypeVar("Request", UpdateEndpointRequest, EndpointRequest, ReplayRequest)


@strawberry.type
class EndpointQueries:
    """What can be read of endpoints."""

    @strawberry.field(description="Your webhook endpoints, in the order in which they were registered.")
    async def endpoints(self, info: Info) -> list[Endpoint]:
        """All endpoints."""
        found = await info.context.services.endpoints.endpoints(info.context.caller)
        return [endpoints.endpoint(each) for each in found]

    @strawberry.field(description="What one of your endpoints was told, newest first.")
    async def deliveries(
        self,
        info: Info,
        endpoint_id: strawberry.ID,
        first: Annotated[int | None, strawberry.argument(description="At most 100.")] = 20,
        after: str | None = None,
    ) -> EndpointDeliveryConnection:
        """A page of the delivery log."""
        count = 20 if first is None else first
        if not 0 <= count <= _MOST_AT_ONCE:
            raise api_error("INVALID_INPUT", f"first: takes 0 to {_MOST_AT_ONCE}", field="first")
        service = info.context.services.endpoints
        try:
            page = await service.deliveries(info.context.caller, endpoint_id, first=count, after=after)
        except NoSuchEndpoint:
            raise api_error("ENDPOINT_NOT_FOUND", "there is no such endpoint", field="endpointId") from None
        return endpoints.connection(page, after=after)


@strawberry.type
class EndpointMutations:
    """What can be done with endpoints."""

    @strawberry.mutation(description="Have a server of yours told what happens to payments and orders from now on.")
    async def register_endpoint(self, info: Info, input: RegisterEndpointInput) -> RegisterEndpointResult:  # noqa: A002
        """Register an endpoint."""
        try:
            request = parse(RegisterEndpointRequest, mapping.given(input))
            made = await info.context.services.endpoints.register(info.context.caller, request)
        except InvalidRequest as refusal:
            return mapping.invalid(refusal)
        return EndpointRegistered(endpoint=endpoints.endpoint(made.endpoint), secret=made.secret.get_secret_value())

    @strawberry.mutation(description="Change an endpoint. Another choice of events counts for what happens after it.")
    async def update_endpoint(self, info: Info, input: UpdateEndpointInput) -> EndpointResult:  # noqa: A002
        """Change an endpoint."""
        return await _command(info, input, UpdateEndpointRequest, info.context.services.endpoints.update)

    @strawberry.mutation(description="Replace an endpoint's secret. Messages are signed with both for a while.")
    async def roll_endpoint_secret(self, info: Info, input: RollEndpointSecretInput) -> RollEndpointSecretResult:  # noqa: A002
        """Replace a secret."""
        try:
            request = parse(RollSecretRequest, mapping.given(input))
            made = await info.context.services.endpoints.roll_secret(info.context.caller, request)
        except (Refusal, InvalidRequest) as refusal:
            return endpoints.refused(refusal)
        return EndpointRegistered(endpoint=endpoints.endpoint(made.endpoint), secret=made.secret.get_secret_value())

    @strawberry.mutation(description="Call an endpoint again, beginning with what it is owed.")
    async def enable_endpoint(self, info: Info, input: EndpointInput) -> EndpointResult:  # noqa: A002
        """Enable an endpoint."""
        return await _command(info, input, EndpointRequest, info.context.services.endpoints.enable)

    @strawberry.mutation(description="Call an endpoint no more for now. What it is owed waits.")
    async def disable_endpoint(self, info: Info, input: EndpointInput) -> EndpointResult:  # noqa: A002
        """Disable an endpoint."""
        return await _command(info, input, EndpointRequest, info.context.services.endpoints.disable)

    @strawberry.mutation(description="Forget an endpoint, and what it is owed.")
    async def remove_endpoint(self, info: Info, input: EndpointInput) -> RemoveEndpointResult:  # noqa: A002
        """Remove an endpoint."""
        try:
            request = parse(EndpointRequest, mapping.given(input))
            await info.context.services.endpoints.remove(info.context.caller, request)
        except (Refusal, InvalidRequest) as refusal:
            return endpoints.refused(refusal)
        return EndpointRemoved(endpoint_id=strawberry.ID(request.endpoint_id))

    @strawberry.mutation(description="Send one message again, or at once when it waits.")
    async def redeliver(self, info: Info, input: RedeliverInput) -> RedeliverResult:  # noqa: A002
        """Send one message again."""
        try:
            request = parse(RedeliverRequest, mapping.given(input))
            logged = await info.context.services.endpoints.redeliver(info.context.caller, request)
        except (Refusal, InvalidRequest) as refusal:
            return endpoints.redelivery_refused(refusal)
        return RedeliveryAccepted(delivery=endpoints.delivery(logged))

    @strawberry.mutation(description="Send everything again that an endpoint was first owed in a span of time.")
    async def replay_deliveries(self, info: Info, input: ReplayDeliveriesInput) -> EndpointResult:  # noqa: A002
        """Send a span of time again."""
        return await _command(info, input, ReplayRequest, info.context.services.endpoints.replay)


async def _command(
    info: Info,
    given: Any,
    kind: type[Request],
    carry_out: Callable[[Caller, Request], Awaitable[DomainEndpoint]],
) -> EndpointResult:
    try:
        changed = await carry_out(info.context.caller, parse(kind, mapping.given(given)))
    except (Refusal, InvalidRequest) as refusal:
        return endpoints.refused(refusal)
    return EndpointAccepted(endpoint=endpoints.endpoint(changed))
