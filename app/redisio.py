"""Redis clients, and how to reach a Redis by hand. The only maker of either."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

__all__ = ["RedisError", "address", "open_redis"]

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0


@asynccontextmanager
async def open_redis(url: str) -> AsyncGenerator[Redis, None]:
    """A client for commands (never for pub/sub: see `app.live.feed`); a lost connection is tried thrice."""
    client: Redis = Redis.from_url(
        url,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_timeout=_ANSWER_SECONDS,
        retry=Retry(ExponentialWithJitterBackoff(cap=1.0, base=0.05), 3),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )
    try:
        yield client
    finally:
        await client.aclose()


def address(url: str) -> dict[str, Any]:
    """Where and how to connect: `host`, `port`, `path`, `username`, `password`, as far as the URL says."""
    parts: dict[str, Any] = dict(parse_url(url))
    parts["tls"] = url.startswith("rediss://")
    return parts
