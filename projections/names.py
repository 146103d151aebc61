"""Keys and channels in Redis: spelled here and nowhere else.

What belongs to one payment or order shares a hash tag, its partition, so that a cluster keeps it on one node and
sharded pub/sub can spread the channels.
"""

from dataclasses import dataclass
from typing import Literal
from zlib import crc32

PARTITIONS = 64
CATEGORIES: tuple[Literal["payment", "order", "delivery"], ...] = ("payment", "order", "delivery")
_PREFIX = "paygate"


@dataclass(frozen=True, slots=True)
class Topic:
    """One payment or order, as something to watch."""

    kind: Literal["payment", "order"]
    id: str

    @property
    def partition(self) -> int:
        """Which of the `PARTITIONS` it belongs to."""
        return crc32(self.id.encode()) % PARTITIONS

    @property
    def stream(self) -> str:
        """Its stream in the event store."""
        return f"{self.kind}-{self.id}"

    @property
    def view_key(self) -> str:
        """Hash with `revision`, `view` and `update`."""
        return f"{_PREFIX}:{{{self.partition}}}:{self.kind}:{self.id}"

    @property
    def channel(self) -> str:
        """Where its updates are published."""
        return f"{_PREFIX}:{{{self.partition}}}:live:{self.kind}:{self.id}"

    @property
    def due_key(self) -> str:
        """The sorted set of what of its kind is due in its partition."""
        return due_key(self.kind, self.partition)


def topic_of(entity_id: str) -> Topic:
    """The payment or order with an id."""
    return Topic("order" if entity_id.startswith("ord_") else "payment", entity_id)


@dataclass(frozen=True, slots=True)
class MerchantTopic:
    """All payments of one merchant, as something to watch."""

    id: str

    @property
    def partition(self) -> int:
        """Which of the `PARTITIONS` of merchants it belongs to; those of payments are others."""
        return crc32(self.id.encode()) % PARTITIONS

    @property
    def feed_key(self) -> str:
        """Redis stream of the updates retained."""
        return f"{_PREFIX}:{{m{self.partition}}}:feed:{self.id}"

    @property
    def channel(self) -> str:
        """Where its updates are published."""
        return f"{_PREFIX}:{{m{self.partition}}}:live:merchant:{self.id}"

    @property
    def tail_key(self) -> str:
        """The place up to which all feeds of its partition are complete."""
        return feed_tail_key(self.partition)


@dataclass(frozen=True, slots=True)
class TargetKeys:
    """What is owed to one target outside, such as a merchant's endpoint. All keys of a target are in its partition."""

    id: str

    @property
    def partition(self) -> int:
        """Which of the `PARTITIONS` of targets it belongs to."""
        return crc32(self.id.encode()) % PARTITIONS

    def messages(self, subject: str) -> str:
        """Hash with `revision` and `view` of the messages about one payment or order."""
        return f"{_PREFIX}:{{d{self.partition}}}:delivery:{self.id}.{subject}"

    @property
    def due(self) -> str:
        """Sorted set of payments and orders by the time, in Unix seconds, of the next attempt to tell of them."""
        return f"{_PREFIX}:{{d{self.partition}}}:due:{self.id}"

    @property
    def log(self) -> str:
        """Sorted set of messages by the time, in Unix milliseconds, from which on they were owed."""
        return f"{_PREFIX}:{{d{self.partition}}}:log:{self.id}"

    @property
    def health(self) -> str:
        """Hash with the `place` of the last outcome; if it failed, `failing_since` and `failed_at` in Unix seconds."""
        return f"{_PREFIX}:{{d{self.partition}}}:health:{self.id}"

    def among_due(self, channel: str) -> str:
        """Where the target stands among others of its channel and partition."""
        return due_targets_key(channel, self.partition)


def due_targets_key(channel: str, partition: int) -> str:
    """Sorted set of a channel's targets by the time, in Unix seconds, at which they are to be told something."""
    return f"{_PREFIX}:{{d{partition}}}:due-targets:{channel}"


def attempt_key(target_id: str, message_id: str, request: int, attempt: int) -> str:
    """Which one notifier holds while it makes an attempt, of those for the same wish to have the message."""
    return f"{_PREFIX}:{{d{TargetKeys(target_id).partition}}}:attempt:{message_id}:{request}:{attempt}"


def feed_tail_key(partition: int) -> str:
    """The place in `$ce-payment` up to which the feeds of a partition of merchants are complete."""
    return f"{_PREFIX}:{{m{partition}}}:feed-tail"


def due_key(kind: str, partition: int) -> str:
    """Sorted set of ids by the time, in Unix seconds, at which the processor has to look at them."""
    return f"{_PREFIX}:{{{partition}}}:due" + ("" if kind == "payment" else f":{kind}")


def merchant_payments_key(merchant_id: str) -> str:
    """Sorted set of a merchant's payment ids by the time of initiation, in Unix milliseconds."""
    return f"{_PREFIX}:merchant:{merchant_id}:payments"


def checkpoint_key(category: str) -> str:
    """The place in `$ce-{category}` up to which the read model is complete."""
    return f"{_PREFIX}:checkpoint:{category}"
