"""The real components, one of each for the tests of a module; each test has payments of its own.

A test that stops, kills or freezes one takes its own. Modules do not share them: a projection that begins anew goes
through all that is there.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import structlog
from redis.asyncio import Redis

from app.eventstore import esdb
from app.eventstore.port import EventStore
from app.redisio import open_redis
from tests.integration.audience import Audience, open_audience
from tests.integration.night import Town, running_town
from tests.integration.ordering import Street
from tests.integration.ways import reaching_all
from tests.support.eventstore_process import EventStoreProcess
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess, running_sandbox
from tests.support.valkey_process import ValkeyProcess, valkey_process


@pytest.fixture(scope="package", autouse=True)
def plain_log() -> Iterator[None]:
    # By default an exception is drawn with all its variables, which takes seconds.
    before = structlog.get_config()
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()])
    yield
    structlog.configure(**before)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStoreProcess]:
    with EventStoreProcess(tmp_path_factory.mktemp("eventstore")) as process:
        yield process


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EventStoreProcess]:
    with EventStoreProcess(tmp_path / "eventstore") as process:
        yield process


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyProcess]:
    with valkey_process(tmp_path_factory.mktemp("valkey")) as process:
        yield process


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ValkeyProcess]:
    with valkey_process(tmp_path / "valkey") as process:
        yield process


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("town")) as running:
        yield running


@pytest.fixture
async def store(server: EventStoreProcess) -> AsyncIterator[EventStore]:
    async with esdb.connect(server.uri) as connected:
        yield connected


@pytest.fixture
async def redis(valkey: ValkeyProcess) -> AsyncIterator[Redis]:
    async with open_redis(valkey.url) as client:
        yield client


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Every provider; what it sends by itself arrives nowhere."""
    with running_sandbox(tmp_path_factory.mktemp("simulated"), slow_seconds=0.1) as process:
        yield process


@pytest.fixture
async def street(
    store: EventStore, simulated: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Street]:
    async with (
        reaching_all(simulated.url, monkeypatch, provider_timeout=5.0) as providers,
        httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser,
    ):
        yield Street(store, providers, simulated, browser)


@pytest.fixture
async def audience(redis: Redis) -> AsyncIterator[Audience]:
    async with open_audience(redis) as opened:
        yield opened


@pytest.fixture
def stream() -> str:
    """A stream that no other test has."""
    return f"thing{uuid4().hex}-1"
