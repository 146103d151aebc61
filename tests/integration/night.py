"""A shop at the end of its day: payments by every provider, and somebody who compares."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from app.domain.payment.events import PaymentEvent
from app.domain.payment.next_action import Policy
from app.eventstore import esdb
from app.eventstore.port import EventStore
from app.laptop.sandbox.simulators import environment
from app.processor.perform import Performer
from app.processor.pump import Pump
from app.processor.reconcile import Reconciliation
from app.providers.registry import ProviderRegistry, open_providers
from app.reconciling.books import Books
from app.reconciling.clients import Clients
from app.reconciling.model import Difference, Report
from app.reconciling.reporting import Reporting
from app.redisio import open_redis
from app.settings import Settings
from app.webhooks.assigning import Assigning
from projections.names import CATEGORIES, checkpoint_key
from projections.publisher import Publisher
from projections.readmodel import ReadModel
from projections.rebuilding import Rebuilding
from projections.service import Projection
from projections.stored import StoredRecords
from tests.integration.payments import write
from tests.integration.test_every_call import Story
from tests.integration.ways import VAULT, WAYS
from tests.support.eventstore_process import EventStoreProcess
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess, running_sandbox
from tests.support.valkey_process import ValkeyProcess, valkey_process
from tests.support.waiting import eventually

POLICY = Policy()
PERFORMER = Performer(VAULT, lambda payment_id: f"https://pay.test/return/{payment_id}")


@dataclass(frozen=True)
class Town:
    """The processes; what happens in one test is of no interest to the others, for each looks at its own payments."""

    server: EventStoreProcess
    valkey: ValkeyProcess
    sandbox: SandboxProcess

    @property
    def environment(self) -> dict[str, str]:
        """What points a paygate at all of it."""
        return {
            **environment(self.sandbox.url),
            "PAYGATE_EVENTSTORE_URI": self.server.uri,
            "PAYGATE_REDIS_URL": self.valkey.url,
            "PAYGATE_SANDBOX_URL": self.sandbox.url,
            "PAYGATE_PROVIDERS": '["sandbox", "stripe", "paypal", "momo", "zalopay", "vnpay", "vietqr"]',
            "PAYGATE_PROVIDER_TIMEOUT": "5",
            "PAYGATE_SECRET_KEY": "a secret key of at least 32 characters",
        }


@contextmanager
def running_town(folder: Path) -> Iterator[Town]:
    """For the tests of a worker."""
    with (
        EventStoreProcess(folder / "eventstore") as server,
        valkey_process(folder / "valkey") as valkey,
        running_sandbox(folder / "sandbox", slow_seconds=0.1) as sandbox,
    ):
        yield Town(server, valkey, sandbox)


@contextmanager
def pointing_at(town: Town) -> Iterator[None]:
    """The environment of whoever works in the town."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in town.environment.items():
            patched.setenv(name, value)
        yield


@dataclass
class Night:
    """One test's connections."""

    town: Town
    store: EventStore
    redis: Redis
    providers: ProviderRegistry
    bank: httpx.AsyncClient
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def story(self, provider: str) -> Story:
        """A payment to be brought forward by hand."""
        return Story(WAYS[provider], self.store, self.providers, self.town.sandbox)

    async def wrote(self, payment_id: str, events: Sequence[PaymentEvent]) -> None:
        """A payment's stream, as if all that had happened."""
        await write(self.store, payment_id, events)
        await self.projected()

    async def projected(self) -> None:
        """Return when the projection has come as far as the streams."""
        heads = {category: await self.store.head(f"$ce-{category}") for category in CATEGORIES}
        projection = Projection(self.store, Publisher(self.redis), POLICY, idle_seconds=0.05)
        running = asyncio.create_task(projection.run())

        async def done() -> bool:
            places = {category: await self.redis.get(checkpoint_key(category)) for category in CATEGORIES}
            return all(int(places[category] or -1) >= head for category, head in heads.items())

        try:
            await eventually(done, what="the projection's end")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    @property
    def reporting(self) -> Reporting:
        """Whoever compares."""
        clients = Clients(self.store, StoredRecords(self.redis), POLICY, 8)
        books = Books(self.store, POLICY, self.providers, PERFORMER, 8)
        return Reporting(clients, books, self.assigning, 0.0)

    @property
    def assigning(self) -> Assigning:
        """Whoever assigns transfers."""
        return Assigning(self.store, lambda: datetime.now(UTC))

    @property
    def rebuilding(self) -> Rebuilding:
        """Whoever writes the read model anew."""
        return Rebuilding(self.store, self.redis, POLICY)

    @property
    def reconciliation(self) -> Reconciliation:
        """Whoever asks providers."""
        clock = lambda: datetime.now(UTC)  # noqa: E731
        pump = Pump(self.store, self.providers, PERFORMER, clock, POLICY)
        return Reconciliation(self.store, ReadModel(self.redis), pump, 4)

    async def reports(self) -> list[Report]:
        """Of the day; of two when it is midnight."""
        days: list[date] = sorted({self.begun_at.date(), datetime.now(UTC).date()})
        return [await self.reporting.run(day) for day in days]

    async def about(self, *names: str) -> list[Difference]:
        """The differences about some payments, orders, transfers or references of a provider."""
        return [
            each
            for report in await self.reports()
            for each in report.differences
            if {each.subject, *each.reference.split(", ")} & set(names)
        ]

    async def charge(self, payment_id: str, amount: int = 4200, *, capture: bool = True) -> str:
        """A charge at the sandbox provider that no paygate asked for; its id."""
        number = len(self.town.sandbox.ledger(payment_id))
        body = {"reference": payment_id, "amount": amount, "currency": "EUR", "token": "tok_success"}
        key = {"Idempotency-Key": f"{payment_id}.authorize.{1 + number}"}
        made = (await self.bank.post("/v1/charges", json=body, headers=key)).raise_for_status().json()
        if capture:
            key = {"Idempotency-Key": f"{payment_id}.capture.{1 + number}"}
            path = f"/v1/charges/{made['id']}/capture"
            (await self.bank.post(path, json={"amount": amount}, headers=key)).raise_for_status()
        return str(made["id"])

    async def refund(self, charge: str, amount: int) -> str:
        """A refund at the sandbox provider that no paygate asked for; its id."""
        key = {"Idempotency-Key": f"by hand {charge} {amount}"}
        made = await self.bank.post("/v1/refunds", json={"charge": charge, "amount": amount}, headers=key)
        return str(made.raise_for_status().json()["id"])


@asynccontextmanager
async def falling(town: Town, *names: str) -> AsyncIterator[Night]:
    """A night of one test, with the providers it needs."""
    async with AsyncExitStack() as stack:
        stack.enter_context(pointing_at(town))
        store = await stack.enter_async_context(esdb.connect(town.server.uri))
        redis = await stack.enter_async_context(open_redis(town.valkey.url))
        opening = open_providers(Settings(providers=list(names)), lambda: datetime.now(UTC))
        providers = await stack.enter_async_context(opening)
        bank = await stack.enter_async_context(
            httpx.AsyncClient(base_url=town.sandbox.url, trust_env=False, verify=NO_CERTIFICATES)
        )
        yield Night(town, store, redis, providers, bank)
