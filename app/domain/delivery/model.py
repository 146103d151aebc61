"""Where the messages for one target about one payment or order stand, and what can be asked of them: types only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.domain.delivery.events import SubjectKind


class DeliveryStatus(StrEnum):
    """Where a message stands, as merchants see it."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    GIVEN_UP = "GIVEN_UP"


@dataclass(frozen=True, slots=True)
class Address:
    """Who is told of what: one target of a channel, and one payment or order of a merchant."""

    channel: str
    target_id: str
    merchant_id: str
    subject_kind: SubjectKind
    subject: str


@dataclass(frozen=True, slots=True)
class OwedMessage:
    """One message. `attempts` counts those since it was last asked for; `requests` are the wishes to have it again."""

    message_id: str
    version: int
    type: str
    occurred_at: datetime
    owed_at: datetime
    status: DeliveryStatus = DeliveryStatus.WAITING
    attempts: int = 0
    next_attempt_at: datetime | None = None
    failed_at: datetime | None = None
    delivered_at: datetime | None = None
    last_answer: str | None = None
    requests: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NothingOwed:
    """No event yet."""


@dataclass(frozen=True, slots=True)
class Owing:
    """All messages by version, and the versions that wait, in the order in which they are sent."""

    address: Address
    messages: Mapping[int, OwedMessage] = field(default_factory=dict)
    waiting: tuple[int, ...] = ()

    @property
    def next(self) -> OwedMessage | None:
        """The message whose turn it is: a later one waits for it."""
        return self.messages[self.waiting[0]] if self.waiting else None


DeliveryState = NothingOwed | Owing


@dataclass(frozen=True, slots=True)
class Change:
    """A change the target is to be told of; `version` is the revision of its event."""

    version: int
    type: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Owe:
    """Owe the target these changes, as far as it is not owed them, or later ones, already."""

    address: Address
    changes: tuple[Change, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class RequestDelivery:
    """Send a message again, or at once when it waits; the same `request_id` again changes nothing."""

    version: int
    request_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordMade:
    """The target has taken the message."""

    version: int
    attempt: int
    detail: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """The attempt failed; without `next_attempt_at` it was the last."""

    version: int
    attempt: int
    reason: str
    next_attempt_at: datetime | None
    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUpAll:
    """The target is no more: nothing that waits for it is tried again."""

    reason: str
    at: datetime


DeliveryCommand = Owe | RequestDelivery | RecordMade | RecordFailure | GiveUpAll
