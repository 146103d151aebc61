"""A client of the paygate that is left whole, and a paygate that is not."""

from collections.abc import AsyncGenerator, Iterator

import pytest

from tests.support.client import FrontEnd, front_end
from tests.support.stack import Stack, stack_by_command
from tests.system.fragile import MERCHANTS, SETTINGS


@pytest.fixture
async def client(stack: Stack) -> AsyncGenerator[FrontEnd, None]:
    async with front_end(stack) as connected:
        yield connected


@pytest.fixture(scope="session")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running system whose parts may be killed."""
    with stack_by_command(tmp_path_factory.mktemp("fragile"), **SETTINGS) as running:
        yield running


@pytest.fixture(scope="session")
def keys() -> Iterator[str]:
    """API keys at `fragile` of merchants that no other test has."""
    return iter(MERCHANTS)
