from collections.abc import AsyncIterator, Iterator

import pytest

from app.providers.port import PaymentProvider
from app.providers.registry import open_providers
from app.settings import Settings
from app.wiring.shared import utc_now
from tests.support.sandbox_process import SandboxProcess, running_sandbox

CALL_SECONDS = 2.0


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One sandbox for all tests of a worker; each test has payments of its own."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), slow_seconds=0.1) as process:
        yield process


@pytest.fixture
async def provider(sandbox: SandboxProcess) -> AsyncIterator[PaymentProvider]:
    settings = Settings(sandbox_url=sandbox.url, provider_timeout=CALL_SECONDS)
    async with open_providers(settings, utc_now) as registry:
        found = registry.get("sandbox")
        assert found is not None
        yield found
