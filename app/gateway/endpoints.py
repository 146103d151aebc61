"""What a merchant can do with its webhook endpoints. Every answer is given after the event store has acknowledged."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from app.access.model import Caller
from app.access.permissions import can_list
from app.access.vault import WEBHOOK_SECRETS, Vault
from app.destinations import Destinations, NotAllowed, NotFound
from app.domain.delivery.model import Owing, RequestDelivery
from app.domain.endpoints.events import EndpointRegistered, EndpointUpdated
from app.domain.endpoints.model import (
    Disable,
    Enable,
    Endpoint,
    EndpointCommand,
    Endpoints,
    Register,
    Remove,
    Replay,
    RollSecret,
    Update,
)
from app.domain.ids import endpoint_id_from
from app.domain.refusals import NoSuchEndpoint, NoSuchMessage, TooManyEndpoints
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import DELIVERIES, ENDPOINTS, load, transact
from app.gateway.endpoint_requests import (
    EndpointRequest,
    RedeliverRequest,
    RegisterEndpointRequest,
    ReplayRequest,
    RollSecretRequest,
    UpdateEndpointRequest,
)
from app.gateway.inflight import InFlight
from app.gateway.payments import Forbidden, acting
from app.gateway.requests import FieldProblem, InvalidRequest
from projections.deliveries import DeliveryLog, DeliveryPage, LoggedDelivery
from projections.fold import deliveries_view

_SECRET_BYTES = 32
_ID_BYTES = 15


@dataclass(frozen=True, slots=True)
class EndpointWithSecret:
    """An endpoint and its new secret, which is shown this once."""

    endpoint: Endpoint
    secret: SecretStr


@dataclass(frozen=True)
class EndpointCommands:
    """The commands and queries. Commands raise `InvalidRequest`, `NoSuchEndpoint`, `Forbidden`, `StoreUnavailable`.

    `random` answers that many unguessable bytes.
    """

    store: EventStore
    log: DeliveryLog
    vault: Vault
    destinations: Destinations
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    in_flight: InFlight

    async def register(self, caller: Caller, request: RegisterEndpointRequest) -> EndpointWithSecret:
        """Register an endpoint and make its secret."""
        merchant_id = acting(caller).merchant_id
        await self._check(request.url)
        secret = self._new_secret()
        terms = EndpointRegistered(
            endpoint_id=endpoint_id_from(self.random(_ID_BYTES)),
            merchant_id=merchant_id,
            url=request.url,
            description=request.description,
            event_types=request.events,
            sealed_secret=self.vault.seal(secret, WEBHOOK_SECRETS),
            at=self.clock(),
        )
        try:
            endpoints = await self._carry_out(merchant_id, Register(terms))
        except TooManyEndpoints as refusal:
            raise InvalidRequest((FieldProblem("url", "too_many_endpoints", f"url: {refusal}"),)) from None
        return EndpointWithSecret(endpoints.by_id[terms.endpoint_id], secret)

    async def update(self, caller: Caller, request: UpdateEndpointRequest) -> Endpoint:
        """Change what the request gives."""
        merchant_id = acting(caller).merchant_id
        if request.url is not None:
            await self._check(request.url)
        before = _found(request.endpoint_id, await self._endpoints(merchant_id))
        given = request.model_fields_set
        terms = EndpointUpdated(
            endpoint_id=before.id,
            url=request.url or before.url,
            description=request.description if "description" in given else before.description,
            event_types=request.events if "events" in given else before.event_types,
            at=self.clock(),
        )
        return _found(before.id, await self._carry_out(merchant_id, Update(terms)))

    async def roll_secret(self, caller: Caller, request: RollSecretRequest) -> EndpointWithSecret:
        """Make a new secret; the old one counts for the hours that the request says."""
        secret, now = self._new_secret(), self.clock()
        sealed = self.vault.seal(secret, WEBHOOK_SECRETS)
        until = now + timedelta(hours=request.overlap_hours)
        command = RollSecret(request.endpoint_id, sealed, until, now)
        endpoints = await self._carry_out(acting(caller).merchant_id, command)
        return EndpointWithSecret(_found(request.endpoint_id, endpoints), secret)

    async def enable(self, caller: Caller, request: EndpointRequest) -> Endpoint:
        """Send again, beginning with what is owed."""
        command = Enable(request.endpoint_id, self.clock())
        return _found(request.endpoint_id, await self._carry_out(acting(caller).merchant_id, command))

    async def disable(self, caller: Caller, request: EndpointRequest) -> Endpoint:
        """Send nothing for now; what is owed meanwhile waits."""
        command = Disable(request.endpoint_id, self.clock())
        return _found(request.endpoint_id, await self._carry_out(acting(caller).merchant_id, command))

    async def remove(self, caller: Caller, request: EndpointRequest) -> None:
        """Forget the endpoint and what it is owed."""
        await self._carry_out(acting(caller).merchant_id, Remove(request.endpoint_id, self.clock()))

    async def replay(self, caller: Caller, request: ReplayRequest) -> Endpoint:
        """Have a span of time sent again."""
        replay_id = f"replay_{self.random(_ID_BYTES).hex()}"
        command = Replay(request.endpoint_id, replay_id, request.begin, request.end, self.clock())
        return _found(request.endpoint_id, await self._carry_out(acting(caller).merchant_id, command))

    async def redeliver(self, caller: Caller, request: RedeliverRequest) -> LoggedDelivery:
        """Have one message sent again. Raises `NoSuchMessage`."""
        return await self.in_flight.finish(self._redeliver(acting(caller).merchant_id, request))

    async def _redeliver(self, merchant_id: str, request: RedeliverRequest) -> LoggedDelivery:
        endpoint_id, subject, version = request.parts
        if endpoint_id not in (await self._endpoints(merchant_id)).by_id:
            raise NoSuchMessage("there is no such delivery")
        delivery_id = f"{endpoint_id}.{subject}"
        command = RequestDelivery(version, f"request_{self.random(_ID_BYTES).hex()}", self.clock())
        outcome = await transact(self.store, DELIVERIES, delivery_id, command, new_cause(delivery_id))
        state = outcome.history.state
        messages = deliveries_view(state, outcome.history.revision).messages if isinstance(state, Owing) else ()
        return next(LoggedDelivery(endpoint_id, subject, each) for each in messages if each.version == version)

    async def endpoints(self, caller: Caller) -> list[Endpoint]:
        """The merchant's endpoints, in the order in which they were registered."""
        if not can_list(caller):
            raise Forbidden("this credential may not list endpoints")
        return list((await self._endpoints(caller.merchant_id)).by_id.values())

    async def deliveries(self, caller: Caller, endpoint_id: str, *, first: int, after: str | None) -> DeliveryPage:
        """A page of an endpoint's delivery log, newest first. Raises `RedisError` and `InvalidCursor` too."""
        if not can_list(caller):
            raise Forbidden("this credential may not list deliveries")
        endpoint = _found(endpoint_id, await self._endpoints(caller.merchant_id))
        return await self.log.page(endpoint.id, first=first, after=after)

    async def _endpoints(self, merchant_id: str) -> Endpoints:
        return (await load(self.store, ENDPOINTS, merchant_id)).state

    async def _carry_out(self, merchant_id: str, command: EndpointCommand) -> Endpoints:
        work = transact(self.store, ENDPOINTS, merchant_id, command, new_cause(merchant_id))
        return (await self.in_flight.finish(work)).history.state

    async def _check(self, url: str) -> None:
        try:
            await self.destinations.check(url)
        except NotAllowed as refusal:
            raise InvalidRequest((FieldProblem("url", refusal.code, f"url: {refusal}"),)) from None
        except NotFound as fault:
            raise InvalidRequest((FieldProblem("url", "host_not_found", f"url: {fault}"),)) from None

    def _new_secret(self) -> SecretStr:
        return SecretStr(f"whsec_{base64.b64encode(self.random(_SECRET_BYTES)).decode()}")


def _found(endpoint_id: str, endpoints: Endpoints) -> Endpoint:
    endpoint = endpoints.by_id.get(endpoint_id)
    if endpoint is None:
        raise NoSuchEndpoint("there is no such endpoint")
    return endpoint
