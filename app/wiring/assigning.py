"""`paygate transfers`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from app.eventstore import esdb
from app.settings import Settings
from app.webhooks.assigning import Assigning
from app.wiring.shared import utc_now


@asynccontextmanager
async def open_assigning(settings: Settings) -> AsyncGenerator[Assigning, None]:
    """`paygate transfers`."""
    async with esdb.connect(settings.eventstore_uri) as store:
        yield Assigning(store, utc_now)
