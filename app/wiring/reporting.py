"""`paygate reconcile --report`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.eventstore import esdb
from app.providers.registry import open_providers
from app.reconciling.books import Books
from app.reconciling.clients import Clients
from app.reconciling.reporting import Reporting
from app.redisio import open_redis
from app.settings import Settings
from app.webhooks.assigning import Assigning
from app.wiring.processing import performer_of
from app.wiring.shared import policy_of, utc_now
from projections.stored import StoredRecords


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
        books = Books(store, policy, providers, performer_of(settings), at_once)
        yield Reporting(clients, books, Assigning(store, utc_now), settle_seconds)
