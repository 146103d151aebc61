"""Every stream of a category, read from the event store while it grows."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Generic

from app.eventstore.codec import decode
from app.eventstore.port import EventStore, StoreUnavailable, SubscriptionLost
from app.eventstore.transact import Command, Event, Kind, State

_AGAIN_SECONDS = 0.2


class Gap(Exception):
    """The category does not hold a stream's events in order, each once."""


@dataclass
class Streams(Generic[Event, Command, State]):
    """The events of each stream, by the id of the payment, order or delivery; event n has revision n."""

    store: EventStore
    kind: Kind[Event, Command, State]
    histories: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    _place: int | None = None
    _seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self) -> None:
        """Read for ever. Raises `Gap`."""
        while True:
            try:
                async for recorded in self.store.follow(f"$ce-{self.kind.category}", after=self._place):
                    history = self.histories[self.kind.entity_id(recorded.stream)]
                    if recorded.revision != len(history):
                        raise Gap(f"{recorded.stream}: {recorded.revision} follows {len(history) - 1}")
                    history.append(decode(recorded, self.kind.events))
                    self._place = recorded.link_revision
                    self._seen.set()
            except (StoreUnavailable, SubscriptionLost):
                await asyncio.sleep(_AGAIN_SECONDS)

    async def caught_up(self) -> None:
        """Return when everything has been read that is there now."""
        head = await self.store.head(f"$ce-{self.kind.category}")
        while (-1 if self._place is None else self._place) < head:
            self._seen.clear()
            await self._seen.wait()
