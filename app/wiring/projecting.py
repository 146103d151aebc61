"""`paygate project` and `paygate replay`."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from app.eventstore import esdb
from app.redisio import open_redis
from app.settings import Settings
from app.wiring.shared import policy_of
from projections.publisher import Publisher
from projections.rebuilding import Rebuilding
from projections.service import Projection


@asynccontextmanager
async def open_projection(settings: Settings, ready: Callable[[], None]) -> AsyncGenerator[Projection, None]:
    """`paygate project`."""
    async with esdb.connect(settings.eventstore_uri) as store, open_redis(settings.redis_url) as redis:
        yield Projection(store, Publisher(redis, settings.feed_length), policy_of(settings), ready)


@asynccontextmanager
async def open_rebuilding(settings: Settings) -> AsyncGenerator[Rebuilding, None]:
    """`paygate replay`."""
    async with esdb.connect(settings.eventstore_uri) as store, open_redis(settings.redis_url) as redis:
        yield Rebuilding(store, redis, policy_of(settings))
