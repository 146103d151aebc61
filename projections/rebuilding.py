"""`paygate replay`: the read model of payments and orders written anew from their streams, while everything goes on.

Nothing is published, and merchants' feeds and the log of deliveries stay as they are: clients fill gaps from the
streams. What a projection writes meanwhile, and is later, is not undone.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from redis.asyncio import Redis

from app.domain.payment.next_action import Policy
from app.eventstore.categories import so_far
from app.eventstore.port import EventStore
from projections.names import Topic, merchant_payments_key
from projections.views import PaymentView, update_of
from projections.whole import Whole, read_whole

# KEYS: view, due. ARGV: revision, view, update, id, due time in Unix seconds or '', revision as it was before.
# What is there is kept when it is later than the stream was, unless it was so before the stream was read: then it is
# of a stream that is no more.
_RESTORE = """
local have = redis.call('HGET', KEYS[1], 'revision')
if have and tonumber(have) > tonumber(ARGV[1]) and have ~= ARGV[6] then
  return 0
end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'view', ARGV[2], 'update', ARGV[3])
if ARGV[5] == '' then
  redis.call('ZREM', KEYS[2], ARGV[4])
else
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
end
return 1
"""


_REBUILT: tuple[Literal["payment", "order"], ...] = ("payment", "order")


@dataclass(frozen=True)
class Rebuilding:
    """Writes anew. Raises `EventStoreError` and `RedisError`."""

    store: EventStore
    redis: Redis
    policy: Policy

    async def topics(self) -> AsyncIterator[Topic]:
        """Every payment and every order there is."""
        for category in _REBUILT:
            async with aclosing(so_far(self.store, category)) as events:
                async for event in events:
                    if event.revision == 0:
                        yield Topic(category, event.stream.removeprefix(f"{category}-"))

    async def rebuild(self, topic: Topic) -> bool:
        """Write one anew, or forget it when it has no stream; whether there is one. Raises `UnreadableStream`."""
        before = await self.redis.hget(topic.view_key, "revision")
        whole = await read_whole(self.store, topic, self.policy)
        if whole is None:
            await self._forget(topic)
            return False
        await self._write(whole, before)
        return True

    async def _write(self, whole: Whole, before: bytes | str | None) -> None:
        topic, view = whole.topic, whole.view
        restore = self.redis.register_script(_RESTORE)
        await restore(
            keys=[topic.view_key, topic.due_key],
            args=[
                view.version,
                view.model_dump_json(),
                update_of(view).encode(),
                topic.id,
                "" if whole.due is None else whole.due.timestamp(),
                before or "",
            ],
        )
        if isinstance(view, PaymentView):
            score = round(view.initiated_at.timestamp() * 1000)
            await self.redis.zadd(merchant_payments_key(view.merchant_id), {view.id: score})

    async def _forget(self, topic: Topic) -> None:
        await self.redis.delete(topic.view_key)
        await self.redis.zrem(topic.due_key, topic.id)
