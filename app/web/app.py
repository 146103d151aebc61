"""The Starlette application: routes, and what lives as long as the process."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypedDict

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from app.access.credentials import credential_in
from app.access.model import Caller
from app.limits import Limits, load_limits
from app.observability.log import configure_logging
from app.observability.metrics import exposition
from app.settings import Settings, load_settings
from app.transports.connections import Connections
from app.transports.http import GraphQLEndpoint
from app.transports.limits import ProtocolLimits
from app.transports.long_poll import ORDER_STATUS, PAYMENT_STATUS, StatusEndpoint
from app.transports.places import Places
from app.transports.validity import Validity
from app.transports.websocket import WebSocketEndpoint
from app.web import health
from app.web.graphiql import GraphiQL, static_assets
from app.web.return_page import ReturnPage
from app.web.webhooks import WebhookEndpoint
from app.wiring.gateway import Gateway, executor_of, open_gateway
from app.wiring.shared import utc_now
from schema.context import Services


class _State(TypedDict):
    gateway: Gateway


def from_environment() -> Starlette:
    """The application as `paygate serve` runs it, in each of its processes."""
    settings, limits = load_settings(), load_limits()
    configure_logging(settings.log_format, settings.log_level)
    return create_app(settings, limits)


def create_app(
    settings: Settings,
    limits: Limits,
    opening: Callable[[Settings, Limits], AbstractAsyncContextManager[Gateway]] = open_gateway,
) -> Starlette:
    """The application; connections are made by `opening` when it starts and closed when it stops."""
    running: list[Gateway] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[_State, None]:
        async with opening(settings, limits) as gateway:
            running.append(gateway)
            yield {"gateway": gateway}

    def services() -> Services:
        return running[-1].services

    async def identify(request: HTTPConnection) -> Caller:
        return await running[-1].authenticator.identify(credential_in(request.headers))

    async def identify_socket(socket: WebSocket, payload: Mapping[str, Any]) -> Caller:
        credential = credential_in(payload) or credential_in(socket.headers)
        return await running[-1].authenticator.identify(credential)

    executor = executor_of(settings, limits)
    places = Places(
        limits.connections_per_caller, limits.connections_per_client_secret, limits.connections_unidentified
    )
    connections = Connections(limits.connections, settings.connection_lifetime, places)
    validity = Validity(lambda: running[-1].revocations, utc_now)
    graphql = GraphQLEndpoint(executor, services, identify, connections, validity, limits.body_bytes)
    sockets = WebSocketEndpoint(
        executor,
        services,
        identify_socket,
        connections,
        validity,
        _of_a_socket(limits),
        settings.origins,
        settings.legacy_websocket,
    )
    payment_status = StatusEndpoint(identify, services, PAYMENT_STATUS)
    order_status = StatusEndpoint(identify, services, ORDER_STATUS)
    notices = WebhookEndpoint(lambda: (running[-1].webhooks, running[-1].in_flight), utc_now)
    return_page = ReturnPage(lambda: running[-1].returns)
    application = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", _home),
            Route("/graphql", GraphiQL(graphql) if settings.open_to_look else graphql),
            WebSocketRoute("/graphql", sockets),
            Route("/api/payments/{id}/status", payment_status.respond),
            Route("/api/orders/{id}/status", order_status.respond),
            Route("/webhooks/{reader}", notices.respond, methods=["GET", "POST"]),
            Route("/return/{payment}", return_page.show),
            static_assets(),
            Route("/health/live", health.live),
            Route("/health/ready", _ready),
            Route("/metrics", _metrics),
        ],
    )
    application.state.connections = connections
    return application


def _of_a_socket(limits: Limits) -> ProtocolLimits:
    return ProtocolLimits(
        init_seconds=limits.init_seconds,
        operations=limits.operations_per_connection,
        message_bytes=limits.message_bytes,
        messages_per_second=limits.message_rate,
        message_burst=limits.message_burst,
    )


async def _home(_: Request) -> Response:
    return RedirectResponse("/graphql")


async def _ready(request: Request) -> JSONResponse:
    gateway: Gateway = request.state.gateway
    connections: Connections = request.app.state.connections

    async def accepting() -> None:
        if connections.draining:
            raise ConnectionError("draining")

    async def feed() -> None:
        if not gateway.services.hub.feed.connected:
            raise ConnectionError("not subscribed")

    return await health.readiness(
        {"accepting": accepting, "eventstore": gateway.store.check, "redis": gateway.read_model.check, "feed": feed}
    )


async def _metrics(_: Request) -> Response:
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)
