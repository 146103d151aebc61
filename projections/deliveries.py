"""What targets outside are owed, as the read model has it: the delivery log, what is due, and how they are doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from app.domain.delivery.events import DeliveryFailed, DeliveryMade, DeliveryOwed
from app.domain.delivery.next_action import due_at
from projections.due import due_by
from projections.fold import FoldedDeliveries
from projections.lists import cursor_at, entries_after, place_in
from projections.names import PARTITIONS, TargetKeys, due_targets_key
from projections.views import DeliveriesView, MessageView

# KEYS: messages, due, due targets, log, health. ARGV: revision, view, subject, due time in Unix seconds or '', target,
# place in the category, outcome, its time in Unix seconds, log entry or '', its time in Unix milliseconds, seconds
# without an attempt after which a failure is a new one.
_WRITE = """
-- Also when something later is stored: it may have been, after Redis had forgotten what came before.
if ARGV[9] ~= '' then
  redis.call('ZADD', KEYS[4], ARGV[10], ARGV[9])
end
local have = redis.call('HGET', KEYS[1], 'revision')
if have and tonumber(have) >= tonumber(ARGV[1]) then
  return 0
end
redis.call('HSET', KEYS[1], 'revision', ARGV[1], 'view', ARGV[2])
if ARGV[4] == '' then
  redis.call('ZREM', KEYS[2], ARGV[3])
else
  redis.call('ZADD', KEYS[2], ARGV[4], ARGV[3])
end
local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
if #first == 0 then
  redis.call('ZREM', KEYS[3], ARGV[5])
else
  redis.call('ZADD', KEYS[3], first[2], ARGV[5])
end
local seen = redis.call('HGET', KEYS[5], 'place')
if ARGV[7] ~= '' and (not seen or tonumber(seen) < tonumber(ARGV[6])) then
  redis.call('HSET', KEYS[5], 'place', ARGV[6])
  if ARGV[7] == 'made' then
    redis.call('HDEL', KEYS[5], 'failing_since', 'failed_at')
  else
    local failed = redis.call('HGET', KEYS[5], 'failed_at')
    if not failed or tonumber(ARGV[8]) - tonumber(failed) > tonumber(ARGV[11]) then
      redis.call('HSET', KEYS[5], 'failing_since', ARGV[8])
    end
    redis.call('HSET', KEYS[5], 'failed_at', ARGV[8])
  end
end
return 1
"""

# While anything waits, attempts are about a day apart at most. A target not tried for longer may have recovered.
_FORGET = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class LoggedDelivery:
    """One message, and whom it tells of what."""

    target_id: str
    subject: str
    message: MessageView

    @property
    def cursor(self) -> str:
        """The opaque cursor after which the message's successors in the log stand."""
        return cursor_at(_milliseconds(self.message.owed_at), f"{self.subject}.{self.message.version}")


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Messages, newest first, and whether there are more."""

    deliveries: tuple[LoggedDelivery, ...]
    has_more: bool


class DeliveryWriter:
    """The write side: one atomic step per event; a replayed or doubled projection changes nothing."""

    def __init__(self, redis: Redis) -> None:
        self._write = redis.register_script(_WRITE)

    async def write(self, client: Pipeline, folded: FoldedDeliveries, place: int) -> None:
        """Queue the write of what a target is owed about one payment or order on `client`."""
        event, address = folded.event, folded.state.address
        keys, due = TargetKeys(address.target_id), due_at(folded.state)
        entry = f"{address.subject}.{event.version}" if isinstance(event, DeliveryOwed) else ""
        outcome = {DeliveryMade: "made", DeliveryFailed: "failed"}.get(type(event), "")
        await self._write(
            keys=[
                keys.messages(address.subject),
                keys.due,
                keys.among_due(address.channel),
                keys.log,
                keys.health,
            ],
            args=[
                folded.view.version,
                folded.view.model_dump_json(),
                address.subject,
                "" if due is None else due.timestamp(),
                address.target_id,
                place,
                outcome,
                event.at.timestamp(),
                entry,
                _milliseconds(event.at),
                _FORGET.total_seconds(),
            ],
            client=client,
        )


class DeliveryLog:
    """The read side. Raises `RedisError` when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def page(self, target_id: str, *, first: int, after: str | None) -> DeliveryPage:
        """At most `first` of the messages to a target, newest first, after a cursor. Raises `InvalidCursor`."""
        position = None if after is None else place_in(after)
        found: list[LoggedDelivery] = []
        while len(found) <= first:
            entries = await entries_after(self._redis, TargetKeys(target_id).log, position)
            if not entries:
                break
            position = entries[-1]
            found.extend(await self._logged(target_id, [entry for _, entry in entries]))
        return DeliveryPage(tuple(found[:first]), has_more=len(found) > first)

    async def owed_between(self, target_id: str, begin: datetime, end: datetime) -> list[tuple[str, int]]:
        """Subject and version of each message that is owed since a time from `begin` to `end`, oldest first."""
        members = cast(
            "list[bytes]",
            await self._redis.zrange(TargetKeys(target_id).log, _milliseconds(begin), _milliseconds(end), byscore=True),
        )
        return [_subject_and_version(member.decode()) for member in members]

    async def due_targets(self, channel: str, now: datetime, *, at_most: int) -> list[str]:
        """The targets of a channel that are to be told something by now, `at_most` of each partition."""
        keys = [due_targets_key(channel, partition) for partition in range(PARTITIONS)]
        return await due_by(self._redis, keys, now, at_most=at_most)

    async def due_subjects(self, target_id: str, now: datetime | None, *, at_most: int) -> list[str]:
        """What a target is to be told of by `now`, or at any time; the most urgent first."""
        until = "+inf" if now is None else now.timestamp()
        members = cast(
            "list[bytes]",
            await self._redis.zrange(TargetKeys(target_id).due, "-inf", until, byscore=True, offset=0, num=at_most),
        )
        return [member.decode() for member in members]

    async def failing_since(self, target_id: str, now: datetime) -> datetime | None:
        """Since when a target has taken nothing although it was tried all the while; None when it does not fail."""
        since, last = await self._redis.hmget(TargetKeys(target_id).health, ["failing_since", "failed_at"])
        if since is None or last is None or now.timestamp() - float(last) > _FORGET.total_seconds():
            return None
        return datetime.fromtimestamp(float(since), UTC)

    async def _logged(self, target_id: str, entries: Sequence[str]) -> list[LoggedDelivery]:
        wanted = [_subject_and_version(entry) for entry in entries]
        pipeline = self._redis.pipeline(transaction=False)
        for subject, _ in wanted:
            pipeline.hget(TargetKeys(target_id).messages(subject), "view")
        found = []
        for (subject, version), stored in zip(wanted, await pipeline.execute(), strict=True):
            messages = DeliveriesView.model_validate_json(stored).messages if stored is not None else ()
            found += [LoggedDelivery(target_id, subject, each) for each in messages if each.version == version]
        return found


def _subject_and_version(entry: str) -> tuple[str, int]:
    subject, _, version = entry.rpartition(".")
    return subject, int(version)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
