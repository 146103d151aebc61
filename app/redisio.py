"""Redis clients, and how to reach a Redis by hand. The only maker of either.

On Python 3.11 the library swallows a cancellation that comes in the same turn of the event loop as the end of a write
(`asyncio.wait_for`, https://github.com/python/cpython/issues/86296): whoever was cancelled would go on, and perhaps for
ever. So each command looks whether its task was cancelled meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

__all__ = ["RedisError", "address", "open_redis"]

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 5.0

T = TypeVar("T")


@asynccontextmanager
async def open_redis(url: str) -> AsyncGenerator[Redis, None]:
    """A client for commands (never for pub/sub: see `app.live.feed`); a lost connection is tried thrice."""
    client: Redis = _Redis.from_url(
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


class _Redis(Redis):
    async def execute_command(self, *args: Any, **options: Any) -> Any:
        return await _cancellable(super().execute_command(*args, **options))  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class _Pipeline(Pipeline):
    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        try:
            return await _cancellable(super().execute(raise_on_error))
        finally:
            # The library forgets to when it is cancelled while it loads scripts.
            await self.reset()  # type: ignore[no-untyped-call]


async def _cancellable(work: Awaitable[T]) -> T:
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        return await work
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


def address(url: str) -> dict[str, Any]:
    """Where and how to connect: `host`, `port`, `path`, `username`, `password`, as far as the URL says."""
    parts: dict[str, Any] = dict(parse_url(url))
    parts["tls"] = url.startswith("rediss://")
    return parts
