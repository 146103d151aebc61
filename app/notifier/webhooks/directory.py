"""The webhook endpoints that merchants have registered, as targets of deliveries."""

from collections.abc import Sequence
from datetime import datetime

from app.domain.delivery.model import Address
from app.domain.endpoints.model import Endpoint, EndpointStatus, SwitchOff
from app.domain.refusals import NoSuchEndpoint
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.shared_reads import SharedReads
from app.eventstore.transact import ENDPOINTS, transact
from app.notifier.port import Interest, Off, Ready, Removed
from projections.views import View


class EndpointDirectory:
    """See `app.notifier.port.Directory`. A merchant's endpoints are asked for twice per message, and seldom change."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._endpoints = SharedReads(store, ENDPOINTS)

    async def interested(self, view: View) -> Sequence[Interest]:
        """All endpoints of the merchant, also those that are off: what they are owed waits for them."""
        endpoints = (await self._endpoints.load(view.merchant_id)).state
        return [Interest(endpoint.id, endpoint.wants) for endpoint in endpoints.by_id.values()]

    async def find(self, address: Address) -> Ready[Endpoint] | Off | Removed:
        """The endpoint, if it may be called."""
        endpoints = (await self._endpoints.load(address.merchant_id)).state
        endpoint = endpoints.by_id.get(address.target_id)
        if endpoint is None:
            return Removed("the endpoint was removed")
        return Ready(endpoint, endpoint.resumed_at) if endpoint.status is EndpointStatus.ENABLED else Off()

    async def switch_off(self, address: Address, reason: str, at: datetime) -> bool:
        """Until the merchant enables it again."""
        command = SwitchOff(address.target_id, reason, at)
        try:
            outcome = await transact(self._store, ENDPOINTS, address.merchant_id, command, new_cause(address.target_id))
        except NoSuchEndpoint:
            return False
        return bool(outcome.appended)
