from collections.abc import Iterator

import pytest

from tests.sandbox.client import Client
from tests.support.sandbox_process import SandboxProcess, running_sandbox


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One sandbox for all tests of a worker that need none to themselves; each test has references of its own."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), slow_seconds=0.2) as process:
        yield process


@pytest.fixture(scope="session")
def client(shared: SandboxProcess) -> Iterator[Client]:
    with Client(shared.url) as made:
        yield made
