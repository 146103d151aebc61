"""One attempt, one notifier: as long as Redis answers, no two of them call the same target with the same message.

Only a courtesy to targets: a message may come twice, and its record is one by the stream alone.
"""

from dataclasses import dataclass

import structlog
from redis.asyncio import Redis

from app.domain.delivery.model import Address, OwedMessage
from app.redisio import RedisError
from projections.names import attempt_key

log = structlog.get_logger()


@dataclass(frozen=True)
class Claims:
    """`seconds` is after how long an attempt of which nothing was recorded is somebody else's to make."""

    redis: Redis
    seconds: float

    async def take(self, address: Address, message: OwedMessage) -> bool:
        """Whether the attempt that is next is ours to make; also when Redis does not answer."""
        key = attempt_key(address.target_id, message.message_id, len(message.requests), message.attempts + 1)
        try:
            return bool(await self.redis.set(key, 1, nx=True, px=round(self.seconds * 1000)))
        except RedisError as fault:
            log.warning("attempt not claimed", message=message.message_id, fault=type(fault).__name__)
            return True
