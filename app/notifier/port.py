"""What the delivery core needs of a channel: who is interested, where a target stands, and how to reach it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from app.domain.delivery.events import SubjectKind
from app.domain.delivery.model import Address
from app.domain.delivery.next_action import RetryPolicy
from projections.views import View

Target = TypeVar("Target")
Target_co = TypeVar("Target_co", covariant=True)
Target_contra = TypeVar("Target_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Message:
    """One visible change of a payment or order, to be told. The same, id and content, on every attempt."""

    id: str
    subject_kind: SubjectKind
    subject: str
    version: int
    type: str
    """Such as `paygate.payment.succeeded`."""
    occurred_at: datetime
    view: View
    """The payment or order as of `version`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The target has the message; `detail` is for the delivery log."""

    detail: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """The target does not have it, or nobody knows; `retry_after` is how long it asks not to be called."""

    reason: str
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The target is no more: it is switched off."""

    reason: str


Outcome = Sent | NotSent | Gone


class Sender(Protocol[Target_contra]):
    """Brings one message to one target, once."""

    async def send(self, message: Message, target: Target_contra) -> Outcome:
        """Try once, within the sender's own time-out. Faults of the target and of the way to it are `NotSent`."""
        ...


@dataclass(frozen=True, slots=True)
class Interest:
    """A target, and which changes it wants to be told of: by type and the time when they happened."""

    target_id: str
    wants: Callable[[str, datetime], bool]
    since: int = -1
    """Of changes up to this version it has known without being told."""


@dataclass(frozen=True, slots=True)
class Ready(Generic[Target_co]):
    """The target may be called; `resumed_at` is when it came back into service, if it was out of it."""

    target: Target_co
    resumed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Off:
    """Not to be called at present: what it is owed stays owed."""


@dataclass(frozen=True, slots=True)
class Removed:
    """The target is no more, and what it is owed is given up."""

    reason: str


class Directory(Protocol[Target_co]):
    """The targets of a channel. Raises `StoreUnavailable` and `UnreadableEvent`."""

    async def interested(self, view: View) -> Sequence[Interest]:
        """The targets that may want to be told of a payment or order."""
        ...

    async def find(self, address: Address) -> Ready[Target_co] | Off | Removed:
        """Where the target stands now."""
        ...

    async def switch_off(self, address: Address, reason: str, at: datetime) -> bool:
        """Call the target no more; whether it was called until now."""
        ...


@dataclass(frozen=True, slots=True)
class Channel(Generic[Target]):
    """One way of telling; `name` is in its subscriptions' names and in every delivery, and never changes."""

    name: str
    directory: Directory[Target]
    sender: Sender[Target]
    policy: RetryPolicy = field(default_factory=RetryPolicy)
