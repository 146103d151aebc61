from collections.abc import AsyncIterator

import pytest

from tests.providers.paypal.paying import Shop, open_shop
from tests.support.sandbox_process import SandboxProcess


@pytest.fixture
async def shop(sandbox: SandboxProcess) -> AsyncIterator[Shop]:
    async with open_shop(sandbox.url) as opened:
        yield opened
