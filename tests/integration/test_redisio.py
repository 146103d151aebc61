"""What the Redis client does that callers must not meet."""

import asyncio

import pytest
from redis.asyncio import Redis

from app.redisio import RedisError, open_redis
from tests.support.valkey_process import ValkeyProcess

TRIES = range(400)


@pytest.mark.parametrize("pipelined", [False, True])
async def test_a_cancelled_command_is_cancelled_whenever_the_cancellation_comes(redis: Redis, pipelined: bool) -> None:
    """On Python 3.11 the client goes on as if nothing had been, when it comes just as a write has ended."""

    async def command() -> None:
        if pipelined:
            pipeline = redis.pipeline(transaction=False)
            pipeline.get("x")
            await pipeline.execute()
        else:
            await redis.get("x")
        await asyncio.Event().wait()

    for attempt in TRIES:
        running = asyncio.create_task(command())
        for _ in range(attempt % 20):
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=5)
        assert done, f"cancelled after {attempt % 20} steps, it went on"
        assert running.cancelled()


async def test_a_cancelled_pipeline_gives_its_connection_back(redis: Redis) -> None:
    script = redis.register_script("return 1")
    for steps in range(80):
        pipeline = redis.pipeline(transaction=False)
        await script(client=pipeline)
        running = asyncio.create_task(pipeline.execute())
        for _ in range(steps // 2):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert pipeline.connection is None


async def test_a_time_out_around_a_command_is_one(redis: Redis) -> None:
    """Of which the command sees a cancellation, too."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await redis.blpop(["nothing ever comes here"])


async def test_a_lost_connection_is_made_again_without_a_word(own_valkey: ValkeyProcess) -> None:
    async with open_redis(own_valkey.url) as redis:
        await redis.set("greeting", "hello")
        await asyncio.to_thread(own_valkey.restart)
        assert await redis.get("greeting") == b"hello"


async def test_without_a_server_a_command_fails(own_valkey: ValkeyProcess) -> None:
    async with open_redis(own_valkey.url) as redis:
        own_valkey.kill()
        with pytest.raises(RedisError):
            await redis.get("greeting")
