"""The feed of a merchant: the updates of all its payments, in the order of their places in `$ce-payment`.

A feed is a Redis stream of bounded length. An update keeps its place whoever writes it and however often, so a
replayed, doubled or restarted projection writes the same feed. What must never happen is that an entry is written
above others that Redis has forgotten: a reader would take it for the next one. So each partition of merchants has a
tail, the place up to which its feeds are complete, and whoever writes says how far it knows the tail to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from app.eventstore.port import NO_STREAM
from projections.names import PARTITIONS, MerchantTopic, feed_tail_key
from projections.views import Update

_FIELD = b"entry"

# KEYS: feed, tail. ARGV: place, tail as the writer knows it, payment id, update, channel, entries to keep.
# Answers the tail, and writes nothing, when Redis has forgotten some of what the writer knows to be written.
_APPEND = """
local tail = tonumber(redis.call('GET', KEYS[2]) or -1)
if tail < tonumber(ARGV[2]) then
  return tail
end
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local previous = last and string.match(last[1], '^%d+') or ''
local place = tonumber(ARGV[1])
if tail >= place or (last and tonumber(previous) >= place) then
  return false
end
local entry = previous .. ',' .. ARGV[1] .. ',' .. ARGV[3] .. '\\n' .. ARGV[4]
redis.call('XADD', KEYS[1], 'MAXLEN', '=', ARGV[6], ARGV[1] .. '-1', 'entry', entry)
redis.call('SET', KEYS[2], ARGV[1])
redis.call('PUBLISH', ARGV[5], entry)
return false
"""


@dataclass(frozen=True)
class FeedEntry:
    """An update of one payment at its `place` among those of the merchant; it follows the one at `previous`.

    `merged` is how many updates of the payment it stands for.
    """

    previous: int | None
    place: int
    payment_id: str
    update: Update
    merged: int = 1

    @property
    def version(self) -> int:
        """The place: what positions in a feed are judged by."""
        return self.place

    @property
    def size(self) -> int:
        """Bytes to hold for it."""
        return self.update.size

    def absorbing(self, earlier: "FeedEntry") -> "FeedEntry":
        """This entry, standing for an earlier one of the payment too."""
        return replace(self, merged=self.merged + earlier.merged)

    @classmethod
    def decode(cls, message: bytes) -> "FeedEntry":
        """An entry as it is stored and published; raises `ValueError` for anything else."""
        head, _, update = message.partition(b"\n")
        previous, place, payment_id = head.decode("ascii").split(",")
        return cls(int(previous) if previous else None, int(place), payment_id, Update.decode(update))


class FeedForgotten(Exception):
    """Redis has forgotten entries: what was after place `complete_to` has to be written again."""

    def __init__(self, complete_to: int) -> None:
        super().__init__(f"feeds are complete up to {complete_to} only")
        self.complete_to = complete_to


class FeedWriter:
    """The write side. Its writes go into pipelines, one answer each, which `check` has to be shown."""

    def __init__(self, redis: Redis, length: int) -> None:
        """`length`: how many entries a feed keeps."""
        self._redis = redis
        self._length = length
        self._script = redis.register_script(_APPEND)
        self._tails = [NO_STREAM] * PARTITIONS

    async def learn(self) -> None:
        """Take the feeds for complete as far as they are now."""
        pipeline = self._redis.pipeline(transaction=False)
        for partition in range(PARTITIONS):
            pipeline.get(feed_tail_key(partition))
        self._tails = [NO_STREAM if tail is None else int(tail) for tail in await pipeline.execute()]

    async def append(
        self, pipeline: Pipeline, topic: MerchantTopic, place: int, payment_id: str, update: Update
    ) -> None:
        """Queue an entry on `pipeline`: stored, and published with the place before it, unless it is there."""
        known = self._tails[topic.partition]
        await self._script(
            keys=[topic.feed_key, topic.tail_key],
            args=[place, known, payment_id, update.encode(), topic.channel, self._length],
            client=pipeline,
        )
        self._tails[topic.partition] = max(known, place)

    def check(self, answers: Sequence[int | None]) -> None:
        """Raise `FeedForgotten` if an entry was not written because those before it are gone."""
        tails = [tail for tail in answers if tail is not None]
        if tails:
            raise FeedForgotten(min(tails))


class MerchantFeeds:
    """The read side. Raises `RedisError` when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def after(self, topic: MerchantTopic, place: int, *, at_most: int) -> list[FeedEntry]:
        """The entries retained above `place`, the oldest first."""
        begin = "-" if place == NO_STREAM else f"({place}-1"
        found = await self._redis.xrange(topic.feed_key, begin, "+", count=at_most)
        rows = cast("list[tuple[bytes, dict[bytes, bytes]]]", found)
        return [FeedEntry.decode(fields[_FIELD]) for _, fields in rows]

    async def last_places(self, topics: Sequence[MerchantTopic]) -> list[int]:
        """The last place in each feed, `NO_STREAM` where there is nothing, in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for topic in topics:
            pipeline.xrevrange(topic.feed_key, count=1)
        return [int(rows[0][0].split(b"-")[0]) if rows else NO_STREAM for rows in await pipeline.execute()]
