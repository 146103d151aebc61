"""`paygate serve`: the gateway, put together."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from app.access.authenticator import Authenticator
from app.access.options import AccessOptions
from app.access.rates import Rate, Rates, Work
from app.access.revocation import Revocations
from app.eventstore import esdb
from app.eventstore.port import EventStore
from app.gateway.contacts import Channels, PushSubscriptions
from app.gateway.endpoints import EndpointCommands
from app.gateway.inflight import InFlight
from app.gateway.offers import ReturnOrigins
from app.gateway.orders import OrderCommands
from app.gateway.payments import PaymentCommands
from app.gateway.queries import Queries
from app.gateway.returning import Returns
from app.limits import Limits
from app.live.history import Histories
from app.live.hub import Hub
from app.providers.breaker import OpenCircuits
from app.providers.registry import open_providers
from app.redisio import open_redis
from app.settings import Profile, Settings, SettingsError
from app.webhooks.receive import Webhooks
from app.wiring.shared import utc_now, vault_of
from app.wiring.ways_out import destinations_of, mail_server_of, push_key_of, push_services_of
from projections.readmodel import ReadModel
from schema.build import build_schema
from schema.context import Services
from schema.documents import DocumentLimits
from schema.execution import Executor
from schema.manifest import UnusableManifest, trusted_texts
from schema.trusted import TrustedDocuments


@dataclass(frozen=True)
class Gateway:
    """What the web application is given."""

    services: Services
    store: EventStore
    read_model: ReadModel
    authenticator: Authenticator
    webhooks: Webhooks
    returns: Returns
    in_flight: InFlight
    revocations: Revocations


@asynccontextmanager
async def open_gateway(settings: Settings, limits: Limits) -> AsyncGenerator[Gateway, None]:
    """`paygate serve`."""
    async with (
        esdb.connect(settings.eventstore_uri) as store,
        open_redis(settings.redis_url) as redis,
        open_providers(settings, utc_now) as providers,
    ):
        read_model, in_flight, vault = ReadModel(redis), InFlight(), vault_of(settings)
        async with (
            Hub.open(settings.redis_url, Histories(store, read_model), mailbox_bytes=limits.mailbox_bytes) as hub,
            Revocations.open(redis) as revocations,
            Authenticator.open(access_options(settings), vault, utc_now, revocations.is_revoked) as authenticator,
        ):
            origins = {merchant: tuple(places) for merchant, places in settings.return_origins.items()}
            return_origins = ReturnOrigins(origins, open=settings.profile is Profile.DEV)
            circuits, channels = OpenCircuits(redis), channels_of(settings)
            commands = PaymentCommands(store, vault, providers, utc_now, in_flight, return_origins, circuits, channels)
            queries, rates = Queries(store, read_model), Rates(redis, rates_of(limits))
            endpoints = EndpointCommands(
                store,
                read_model.deliveries,
                vault,
                destinations_of(settings),
                utc_now,
                secrets.token_bytes,
                in_flight,
            )
            push = PushSubscriptions(store, vault, channels, utc_now, in_flight, push_services_of(settings))
            services = Services(
                commands, OrderCommands(commands), queries, hub, rates, settings.wait_timeout_ms, endpoints, push
            )
            webhooks = Webhooks(store, providers, utc_now)
            returns = Returns(store, utc_now)
            yield Gateway(services, store, read_model, authenticator, webhooks, returns, in_flight, revocations)
            await in_flight.close()


def channels_of(settings: Settings) -> Channels:
    """By what customers can be told; raises `SettingsError`, so that nobody is promised what cannot be."""
    key = push_key_of(settings)
    return Channels(mail=mail_server_of(settings) is not None, push_key=key.public if key else None)


def rates_of(limits: Limits) -> dict[Work, Rate]:
    """How often a caller may ask."""
    return {
        Work.MUTATION: Rate(limits.mutation_rate, limits.mutation_burst),
        Work.READ: Rate(limits.read_rate, limits.read_burst),
    }


def executor_of(settings: Settings, limits: Limits) -> Executor:
    """What runs clients' operations; raises `SettingsError` when the trusted documents cannot be."""
    most = DocumentLimits(limits.query_tokens, limits.query_cost, limits.query_depth, limits.query_aliases)
    schema = build_schema(introspection=settings.open_to_look, limits=most)
    if settings.trusted_documents is None:
        return Executor(schema)
    try:
        texts = trusted_texts(settings.trusted_documents, schema)
    except UnusableManifest as fault:
        raise SettingsError(f"PAYGATE_TRUSTED_DOCUMENTS: {fault}") from None
    return Executor(schema, TrustedDocuments(texts, settings.trusted_documents_only))


def access_options(settings: Settings) -> AccessOptions:
    """How callers are known; raises `SettingsError`, so that a gateway that would know nobody does not start."""
    return AccessOptions(
        login_required=settings.profile is not Profile.DEV,
        api_keys=settings.api_keys,
        jwt_secret=settings.jwt_secret,
        jwt_jwks_url=settings.jwt_jwks_url,
        jwt_jwks_file=settings.jwt_jwks_file,
        jwt_issuer=settings.jwt_issuer,
        jwt_audience=settings.jwt_audience,
        jwt_merchant_claim=settings.jwt_merchant_claim,
        jwt_max_lifetime=timedelta(seconds=settings.jwt_max_lifetime),
        jwt_leeway=timedelta(seconds=settings.jwt_leeway),
    )
