"""What Redis holds of one payment or order, as it is: for those who compare it with the streams."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from redis.asyncio import Redis

from projections.names import PARTITIONS, Topic, due_key, merchant_payments_key


@dataclass(frozen=True, slots=True)
class Stored:
    """As stored; `due` in Unix seconds, `listed` whether its merchant's list has it."""

    revision: int | None = None
    view: bytes | None = None
    update: bytes | None = None
    due: float | None = None
    listed: bool = False


class StoredRecords:
    """Reads it. Raises `RedisError` when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def of(self, topic: Topic, merchant_id: str) -> Stored:
        """All there is of one payment or order."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hmget(topic.view_key, ["revision", "view", "update"])
        pipeline.zscore(topic.due_key, topic.id)
        pipeline.zscore(merchant_payments_key(merchant_id), topic.id)
        (revision, view, update), due, place = await pipeline.execute()
        return Stored(None if revision is None else int(revision), view, update, due, place is not None)

    async def due_ids(self, kind: Literal["payment", "order"]) -> Sequence[str]:
        """Everything of a kind that has a time at which somebody looks at it."""
        pipeline = self._redis.pipeline(transaction=False)
        for partition in range(PARTITIONS):
            pipeline.zrange(due_key(kind, partition), 0, -1)
        return [member.decode() for members in await pipeline.execute() for member in members]
