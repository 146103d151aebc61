"""Compare, store, publish: one atomic step per event.

A replayed or doubled projection finds the revision taken and changes nothing, so it is harmless.
"""

from datetime import datetime

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from app.eventstore.port import NO_STREAM
from projections.deliveries import DeliveryWriter
from projections.fold import FoldedDeliveries
from projections.merchant_feed import FeedWriter
from projections.names import MerchantTopic, Topic, checkpoint_key, merchant_payments_key
from projections.views import PaymentView, Update, View

# KEYS: view, due. ARGV: revision, view, update or '', channel, id, due time in Unix seconds or ''.
_WRITE = """
local have = redis.call('HGET', KEYS[1], 'revision')
if have and tonumber(have) >= tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'view', ARGV[2])
if ARGV[6] == '' then
  redis.call('ZREM', KEYS[2], ARGV[5])
else
  redis.call('ZADD', KEYS[2], ARGV[6], ARGV[5])
end
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'update', ARGV[3])
  redis.call('PUBLISH', ARGV[4], ARGV[3])
end
return 1
"""

# KEYS: checkpoint. ARGV: place, place known to be stored. Moves forward only, and not at all over a loss.
_CHECKPOINT = """
local have = redis.call('GET', KEYS[1])
if not have or tonumber(have) < tonumber(ARGV[2]) then
  return 0
end
if tonumber(have) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1])
end
return 1
"""


# KEYS: checkpoint. ARGV: place. Moves backward only.
_REWIND = """
local have = redis.call('GET', KEYS[1])
if have and tonumber(have) > tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1])
end
"""

FEED_LENGTH = 10_000
"""How many entries a merchant's feed keeps when nothing else is said."""


class ReadModelLost(Exception):
    """Redis has forgotten what was written to it: the read model has to be built again from the streams."""


class Batch:
    """Writes gathered to be made in one round trip, in order."""

    def __init__(self, pipeline: Pipeline, script: "Publisher") -> None:
        self._pipeline = pipeline
        self._script = script
        self._feed_writes: list[int] = []

    async def write(self, topic: Topic, view: View, update: Update | None, due: datetime | None) -> None:
        """Store `view` unless a later one is stored, and publish `update` with it."""
        await self._script.run_write(self._pipeline, topic, view, update, due)

    async def list_payment(self, view: PaymentView) -> None:
        """Put a payment into its merchant's list; again changes nothing."""
        score = round(view.initiated_at.timestamp() * 1000)
        await self._pipeline.zadd(merchant_payments_key(view.merchant_id), {view.id: score})

    async def tell_merchant(self, merchant_id: str, place: int, payment_id: str, update: Update) -> None:
        """Append an update to the merchant's feed at its place in the category, unless it is there, and publish it."""
        self._feed_writes.append(len(self._pipeline))
        await self._script.feeds.append(self._pipeline, MerchantTopic(merchant_id), place, payment_id, update)

    async def log_delivery(self, folded: FoldedDeliveries, place: int) -> None:
        """Store what a target is owed, unless something later is; `place` is that of the event in its category."""
        await self._script.deliveries.write(self._pipeline, folded, place)

    async def send(self) -> None:
        """Make the writes. Raises `RedisError` and `FeedForgotten`; then any of them may have been made."""
        answers = await self._pipeline.execute()
        self._script.feeds.check([answers[number] for number in self._feed_writes])


class Publisher:
    """The write side of the read model."""

    def __init__(self, redis: Redis, feed_length: int = FEED_LENGTH) -> None:
        self._redis = redis
        self._write = redis.register_script(_WRITE)
        self._checkpoint = redis.register_script(_CHECKPOINT)
        self._rewind = redis.register_script(_REWIND)
        self.feeds = FeedWriter(redis, feed_length)
        self.deliveries = DeliveryWriter(redis)

    def batch(self) -> Batch:
        """A new, empty batch."""
        return Batch(self._redis.pipeline(transaction=False), self)

    async def run_write(
        self, client: Pipeline, topic: Topic, view: View, update: Update | None, due: datetime | None
    ) -> None:
        """Queue the write of one view on `client`."""
        await self._write(
            keys=[topic.view_key, topic.due_key],
            args=[
                view.version,
                view.model_dump_json(),
                update.encode() if update else b"",
                topic.channel,
                topic.id,
                "" if due is None else due.timestamp(),
            ],
            client=client,
        )

    async def checkpoint(self, category: str) -> int:
        """The stored place in the category stream; `NO_STREAM`, and that is stored, when the read model is empty.

        So there is always something whose loss can be seen, even before the first `advance`.
        """
        await self._redis.set(checkpoint_key(category), NO_STREAM, nx=True)
        stored = await self._redis.get(checkpoint_key(category))
        return NO_STREAM if stored is None else int(stored)

    async def advance(self, category: str, place: int, *, known: int) -> None:
        """Store that the read model is complete up to `place`.

        `known` is what was stored before. Raises `ReadModelLost` when less than that is there.
        """
        kept = await self._checkpoint(keys=[checkpoint_key(category)], args=[place, known])
        if not kept:
            raise ReadModelLost(f"the checkpoint of {category} is behind {known}, where it was before")

    async def rewind(self, category: str, place: int) -> None:
        """Store that the read model is complete up to `place` at most."""
        await self._rewind(keys=[checkpoint_key(category)], args=[place])
