"""`paygate process`, and what operators run beside it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from app.eventstore import esdb
from app.eventstore.port import EventStore
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.processor.reconcile import Reconciliation
from app.processor.service import Processor
from app.providers.breaker import Circuits, GuardedProvider
from app.providers.registry import ProviderRegistry, open_providers
from app.reconciling.books import Books
from app.reconciling.clients import Clients
from app.reconciling.reporting import Reporting
from app.redisio import open_redis
from app.settings import Settings
from app.webhooks.assigning import Assigning
from app.wiring.shared import policy_of, utc_now, vault_of
from projections.readmodel import ReadModel
from projections.stored import StoredRecords


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


def _performer(settings: Settings) -> Performer:
    return Performer(vault_of(settings), lambda payment_id: f"{settings.public_url}/return/{payment_id}")


def _pump(settings: Settings, store: EventStore, providers: ProviderRegistry) -> Pump:
    return Pump(store, providers, _performer(settings), utc_now, policy_of(settings))
