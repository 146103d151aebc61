"""`paygate process` and `paygate reconcile`."""

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
from app.redisio import open_redis
from app.settings import Settings
from app.wiring.shared import policy_of, utc_now, vault_of
from projections.readmodel import ReadModel


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


def performer_of(settings: Settings) -> Performer:
    """What calls providers."""
    return Performer(vault_of(settings), lambda payment_id: f"{settings.public_url}/return/{payment_id}")


def _pump(settings: Settings, store: EventStore, providers: ProviderRegistry) -> Pump:
    return Pump(store, providers, performer_of(settings), utc_now, policy_of(settings))
