"""All of paygate, started once for the tests that leave it whole."""

from collections.abc import AsyncGenerator, Iterator

import pytest

from tests.support.client import FrontEnd, front_end
from tests.support.stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running system; whoever uses it leaves it running."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
async def client(stack: Stack) -> AsyncGenerator[FrontEnd, None]:
    async with front_end(stack) as connected:
        yield connected
