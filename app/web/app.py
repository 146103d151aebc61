"""The Starlette application: routes, and what lives as long as the process."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypedDict

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from app.access.callers import Caller, Callers
from app.observability.log import configure_logging
from app.settings import Settings, load_settings
from app.transports.http import GraphQLEndpoint
from app.transports.limits import ProtocolLimits
from app.transports.long_poll import PaymentStatusEndpoint
from app.transports.websocket import WebSocketEndpoint
from app.web import health
from app.web.graphiql import GraphiQL, static_assets
from app.wiring import Gateway, open_gateway
from schema.build import build_schema
from schema.context import Services
from schema.execution import Executor


class _State(TypedDict):
    gateway: Gateway


def from_environment() -> Starlette:
    """The application as `paygate serve` runs it, in each of its processes."""
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level)
    return create_app(settings)


def create_app(settings: Settings) -> Starlette:
    """The application; connections are made when it starts and closed when it stops."""
    running: list[Gateway] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[_State, None]:
        async with open_gateway(settings) as gateway:
            running.append(gateway)
            yield {"gateway": gateway}

    def services() -> Services:
        return running[-1].services

    callers = Callers.from_settings(settings)
    executor = Executor(build_schema())

    async def identify(request: HTTPConnection) -> Caller:
        return callers.identify(request.headers.get("authorization"))

    async def identify_socket(socket: WebSocket, payload: Mapping[str, Any]) -> Caller:
        given = payload.get("authorization") or payload.get("Authorization") or socket.headers.get("authorization")
        return callers.identify(given if isinstance(given, str) else None)

    graphql = GraphQLEndpoint(executor, services, identify)
    sockets = WebSocketEndpoint(executor, services, identify_socket, ProtocolLimits(), settings.origins)
    status = PaymentStatusEndpoint(identify, services)
    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", _home),
            Route("/graphql", GraphiQL(graphql)),
            WebSocketRoute("/graphql", sockets),
            Route("/api/payments/{id}/status", status.respond),
            static_assets(),
            Route("/health/live", health.live),
            Route("/health/ready", _ready),
            Route("/metrics", _metrics),
        ],
    )


async def _home(_: Request) -> Response:
    return RedirectResponse("/graphql")


async def _ready(request: Request) -> JSONResponse:
    gateway: Gateway = request.state.gateway

    async def feed() -> None:
        if not gateway.services.hub.feed.connected:
            raise ConnectionError("not subscribed")

    return await health.readiness({"eventstore": gateway.store.check, "redis": gateway.read_model.check, "feed": feed})


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
