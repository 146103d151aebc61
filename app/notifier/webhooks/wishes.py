"""What merchants ask of their endpoints' deliveries: to begin again, or to send a span of time once more."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.delivery.model import RequestDelivery
from app.domain.endpoints.events import EndpointEnabled, EndpointRemoved, EndpointUpdated, ReplayRequested
from app.eventstore.codec import causation_of, decode
from app.eventstore.port import EventStore, RecordedEvent
from app.eventstore.transact import DELIVERIES, ENDPOINTS, transact
from app.notifier.owing import delivery_id_of
from projections.deliveries import DeliveryLog

_MOST_BEGUN = 10_000


@dataclass(frozen=True)
class EndpointWishes:
    """Carries out what the events of endpoints ask for; to do so again changes nothing."""

    store: EventStore
    log: DeliveryLog

    async def streams_after(self, event: RecordedEvent) -> Sequence[tuple[str, str]]:
        """See `app.notifier.service.Wishes`. Raises `RedisError`, `StoreUnavailable` and `UnreadableEvent`."""
        match decode(event, ENDPOINTS.events):
            case EndpointEnabled() | EndpointUpdated() | EndpointRemoved() as change:
                subjects = await self.log.due_subjects(change.endpoint_id, None, at_most=_MOST_BEGUN)
                return [(change.endpoint_id, delivery_id_of(change.endpoint_id, subject)) for subject in subjects]
            case ReplayRequested() as wish:
                return await self._replay(wish, event)
        return ()

    async def _replay(self, wish: ReplayRequested, event: RecordedEvent) -> Sequence[tuple[str, str]]:
        versions: dict[str, list[int]] = {}
        for subject, version in await self.log.owed_between(wish.endpoint_id, wish.begin, wish.end):
            versions.setdefault(delivery_id_of(wish.endpoint_id, subject), []).append(version)
        for delivery_id, wanted in versions.items():
            for version in sorted(wanted):
                command = RequestDelivery(version, wish.replay_id, wish.at)
                await transact(self.store, DELIVERIES, delivery_id, command, causation_of(event))
        return [(wish.endpoint_id, delivery_id) for delivery_id in versions]
