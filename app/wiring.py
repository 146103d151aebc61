"""The composition root: one context manager per process, closing in reverse.

Adapters are made here and nowhere else.
"""

import random
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import httpx
from redis.asyncio import Redis

from app.access.authenticator import Authenticator
from app.access.options import AccessOptions
from app.access.rates import Rate, Rates, Work
from app.access.revocation import Revocations
from app.access.vault import Vault
from app.destinations import LOOPBACK, Destinations
from app.domain.endpoints.model import Endpoint
from app.domain.payment.next_action import Policy
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
from app.notifier.claims import Claims
from app.notifier.customers.directory import Customer, CustomerDirectory
from app.notifier.mail.sender import MAIL_SECONDS, MailSender
from app.notifier.mail.server import MailServer
from app.notifier.port import Channel
from app.notifier.pump import DeliveryPump
from app.notifier.push.sender import PUSH_SECONDS, PushSender
from app.notifier.push.vapid import VapidKey
from app.notifier.service import ChannelService, Notifier, Wishes
from app.notifier.webhooks.directory import EndpointDirectory
from app.notifier.webhooks.sender import WebhookSender, open_transport
from app.notifier.webhooks.wishes import EndpointWishes
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.processor.reconcile import Reconciliation
from app.processor.service import Processor
from app.providers.breaker import Circuits, GuardedProvider, OpenCircuits
from app.providers.registry import ProviderRegistry, open_providers
from app.reconciling.books import Books
from app.reconciling.clients import Clients
from app.reconciling.reporting import Reporting
from app.redisio import open_redis
from app.settings import Profile, Settings, SettingsError
from app.webhooks.assigning import Assigning
from app.webhooks.receive import Webhooks
from projections.deliveries import DeliveryLog
from projections.publisher import Publisher
from projections.readmodel import ReadModel
from projections.rebuilding import Rebuilding
from projections.service import Projection
from projections.stored import StoredRecords

if TYPE_CHECKING:
    # GraphQL is imported where the gateway is made: it takes longer than all the rest, and no other process speaks it.
    from schema.context import Services
    from schema.execution import Executor

# A call is given up by the provider's client before the processor counts its outcome as unknown.
_CALL_MARGIN_SECONDS = 2.0


def utc_now() -> datetime:
    """The clock of every process."""
    return datetime.now(UTC)


def policy_of(settings: Settings) -> Policy:
    """How patient the processor is; the projection, which lists what is due, has to agree with it."""
    return Policy(
        call_timeout=timedelta(seconds=settings.provider_timeout + _CALL_MARGIN_SECONDS),
        customer_patience=timedelta(seconds=settings.action_seconds),
    )


@dataclass(frozen=True)
class Gateway:
    """What the web application is given."""

    services: "Services"
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
    from schema.context import Services

    async with (
        esdb.connect(settings.eventstore_uri) as store,
        open_redis(settings.redis_url) as redis,
        open_providers(settings, utc_now) as providers,
    ):
        read_model, in_flight, vault = ReadModel(redis), InFlight(), _vault(settings)
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


def push_key_of(settings: Settings) -> VapidKey | None:
    """The key of the push channel, if it is on; raises `SettingsError`."""
    if settings.push_private_key is None or settings.push_contact is None:
        return None
    try:
        return VapidKey.read(settings.push_private_key.get_secret_value(), settings.push_contact)
    except ValueError as fault:
        raise SettingsError(f"PAYGATE_PUSH_PRIVATE_KEY: {fault}") from None


def mail_server_of(settings: Settings) -> MailServer | None:
    """The mail server, if that channel is on; raises `SettingsError`."""
    if settings.smtp_url is None:
        return None
    try:
        return MailServer.read(settings.smtp_url.get_secret_value())
    except ValueError as fault:
        raise SettingsError(f"PAYGATE_SMTP_URL: {fault}") from None


def rates_of(limits: Limits) -> dict[Work, Rate]:
    """How often a caller may ask."""
    return {
        Work.MUTATION: Rate(limits.mutation_rate, limits.mutation_burst),
        Work.READ: Rate(limits.read_rate, limits.read_burst),
    }


def executor_of(settings: Settings, limits: Limits) -> "Executor":
    """What runs clients' operations; raises `SettingsError` when the trusted documents cannot be."""
    from schema.build import build_schema
    from schema.documents import DocumentLimits
    from schema.execution import Executor
    from schema.manifest import UnusableManifest, trusted_texts
    from schema.trusted import TrustedDocuments

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


@asynccontextmanager
async def open_projection(settings: Settings, ready: Callable[[], None]) -> AsyncGenerator[Projection, None]:
    """`paygate project`."""
    async with esdb.connect(settings.eventstore_uri) as store, open_redis(settings.redis_url) as redis:
        yield Projection(store, Publisher(redis, settings.feed_length), policy_of(settings), ready)


@asynccontextmanager
async def open_reconciliation(settings: Settings) -> AsyncGenerator[Reconciliation, None]:
    """`paygate reconcile`."""
    async with (
        esdb.connect(settings.eventstore_uri) as store,
        open_redis(settings.redis_url) as redis,
        open_providers(settings, utc_now) as providers,
    ):
        pump = _pump(settings, store, providers)
        yield Reconciliation(store, ReadModel(redis), pump, settings.processor_concurrency)


@asynccontextmanager
async def open_report(settings: Settings, settle_seconds: float) -> AsyncGenerator[Reporting, None]:
    """`paygate reconcile --report`."""
    async with (
        esdb.connect(settings.eventstore_uri) as store,
        open_redis(settings.redis_url) as redis,
        open_providers(settings, utc_now) as providers,
    ):
        policy, at_once = policy_of(settings), settings.processor_concurrency
        clients = Clients(store, StoredRecords(redis), policy, at_once)
        books = Books(store, policy, providers, _performer(settings), at_once)
        yield Reporting(clients, books, Assigning(store, utc_now), settle_seconds)


@asynccontextmanager
async def open_assigning(settings: Settings) -> AsyncGenerator[Assigning, None]:
    """`paygate transfers`."""
    async with esdb.connect(settings.eventstore_uri) as store:
        yield Assigning(store, utc_now)


@asynccontextmanager
async def open_rebuilding(settings: Settings) -> AsyncGenerator[Rebuilding, None]:
    """`paygate replay`."""
    async with esdb.connect(settings.eventstore_uri) as store, open_redis(settings.redis_url) as redis:
        yield Rebuilding(store, redis, policy_of(settings))


@asynccontextmanager
async def open_processor(settings: Settings, ready: Callable[[], None]) -> AsyncGenerator[Processor, None]:
    """`paygate process`."""
    async with (
        esdb.connect(settings.eventstore_uri) as store,
        open_redis(settings.redis_url) as redis,
        open_providers(settings, utc_now) as providers,
    ):
        circuits = Circuits(redis, settings.breaker_failures, settings.breaker_seconds)
        guarded = providers.each(lambda provider: GuardedProvider(provider, circuits))
        pump = _pump(settings, store, guarded)
        yield Processor(store, ReadModel(redis), pump, settings.processor_concurrency, settings.sweep_interval, ready)


@asynccontextmanager
async def open_notifier(settings: Settings, ready: Callable[[], None]) -> AsyncGenerator[Notifier, None]:
    """`paygate notify`."""
    async with (
        esdb.connect(settings.eventstore_uri) as store,
        open_redis(settings.redis_url) as redis,
        open_transport() as transport,
    ):
        vault, served = _vault(settings), partial(_served, settings, store, redis)
        wishes = Wishes("endpoints", EndpointWishes(store, DeliveryLog(redis)).streams_after)
        channels = [
            served(
                _webhook_channel(settings, store, vault, transport),
                settings.webhook_timeout,
                at_once=settings.webhook_concurrency,
                wishes=wishes,
            )
        ]
        push, mail = _push_channel(settings, store, vault, transport), _mail_channel(settings, store, vault)
        if push is not None:
            channels.append(served(push, PUSH_SECONDS))
        if mail is not None:
            channels.append(served(mail, MAIL_SECONDS))
        yield Notifier(channels, ready)


def _served(
    settings: Settings,
    store: EventStore,
    redis: Redis,
    channel: Channel[Any],
    seconds: float,
    *,
    at_once: int = 1,
    wishes: Wishes | None = None,
) -> ChannelService:
    """A channel one of whose attempts takes `seconds` at most, and `at_once` of whose messages a target gets."""
    log, claims = DeliveryLog(redis), Claims(redis, seconds + _CALL_MARGIN_SECONDS)
    pump = DeliveryPump(store, channel, log, utc_now, random.random, claims)
    return ChannelService(store, log, pump, at_once, settings.notifier_interval, wishes=wishes)


def _webhook_channel(
    settings: Settings, store: EventStore, vault: Vault, transport: httpx.AsyncBaseTransport
) -> Channel[Endpoint]:
    timeout = settings.webhook_timeout
    sender = WebhookSender(transport, destinations_of(settings), vault, settings.public_url, utc_now, timeout)
    return Channel("webhook", EndpointDirectory(store), sender)


def _push_channel(
    settings: Settings, store: EventStore, vault: Vault, transport: httpx.AsyncBaseTransport
) -> Channel[Customer] | None:
    key = push_key_of(settings)
    if key is None:
        return None
    sender = PushSender(transport, push_services_of(settings), key, settings.public_url, utc_now)
    return Channel("push", CustomerDirectory(store, vault, lambda contacts: contacts.by_push), sender)


def _mail_channel(settings: Settings, store: EventStore, vault: Vault) -> Channel[Customer] | None:
    server = mail_server_of(settings)
    if server is None or settings.mail_from is None:
        return None
    sender = MailSender(server, settings.mail_from, settings.public_url)
    return Channel("mail", CustomerDirectory(store, vault, lambda contacts: contacts.by_mail), sender)


def push_services_of(settings: Settings) -> Destinations:
    """Where browsers' push services may be: whoever watches a payment names one, so nowhere within."""
    return Destinations(LOOPBACK, http=True) if settings.profile is Profile.DEV else Destinations()


def destinations_of(settings: Settings) -> Destinations:
    """Where merchants' endpoints may be."""
    dev = settings.profile is Profile.DEV
    networks = tuple(ip_network(network) for network in settings.webhook_networks)
    return Destinations((*networks, *LOOPBACK) if dev else networks, http=dev)


def _pump(settings: Settings, store: EventStore, providers: ProviderRegistry) -> Pump:
    return Pump(store, providers, _performer(settings), utc_now, policy_of(settings))


def _performer(settings: Settings) -> Performer:
    return Performer(_vault(settings), lambda payment_id: f"{settings.public_url}/return/{payment_id}")


def _vault(settings: Settings) -> Vault:
    if settings.secret_key is None:
        raise SettingsError(f"PAYGATE_SECRET_KEY: required — {Settings.model_fields['secret_key'].description}")
    return Vault(settings.secret_key)
