"""What is due by a time: sorted sets in Redis, one for each partition, by Unix seconds."""

from collections.abc import Sequence
from datetime import datetime

from redis.asyncio import Redis


async def due_by(redis: Redis, keys: Sequence[str], now: datetime, *, at_most: int) -> list[str]:
    """The members of the sets that are due by now, `at_most` of each. Raises `RedisError`."""
    # Asked every second, and often nothing is waiting at all, not even for later: a set without members does not exist.
    if not await redis.exists(*keys):
        return []
    pipeline = redis.pipeline(transaction=False)
    for key in keys:
        pipeline.zrange(key, "-inf", now.timestamp(), byscore=True, offset=0, num=at_most)
    return [member.decode() for members in await pipeline.execute() for member in members]
