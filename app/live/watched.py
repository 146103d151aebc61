"""One topic with its watchers, and what the hub needs to know of each kind of topic."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from app.live.mailbox import Mailbox
from projections.names import MerchantTopic, Topic

AnyTopic = TypeVar("AnyTopic", bound=Topic | MerchantTopic)
Box = TypeVar("Box", bound=Mailbox[Any])


@dataclass(eq=False)
class Watched(Generic[AnyTopic, Box]):
    """One topic with its watchers."""

    topic: AnyTopic
    kind: "Kind"
    mailboxes: dict[Box, None] = field(default_factory=dict)
    """In the order in which they came."""
    refreshing: asyncio.Task[None] | None = None
    again: bool = False


class Kind(Protocol):
    """Payments and orders, or merchants: what arrives and what may be missing means something else to each."""

    def hear(self, watched: Watched[Any, Any], message: bytes) -> None:
        """Take in a message for a topic; when it shows a hole, see that it is filled."""
        ...

    async def verify(self, batch: Sequence[Watched[Any, Any]]) -> None:
        """Look whether the watchers of some topics have everything; where not, see that they get it."""
        ...
