"""The delivery streams that are in use, as far as they are known: what a notifier has written, it need not read."""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.model import DeliveryCommand, DeliveryState
from app.eventstore.codec import Cause
from app.eventstore.port import EventStore
from app.eventstore.transact import DELIVERIES, History, empty, load, transact

DeliveryHistory = History[DeliveryEvent, DeliveryState]


class DeliveryStreams:
    """Reads and writes delivery streams. That others write them too is found out by whoever reads on, or appends."""

    def __init__(self, store: EventStore, remembered: int = 5_000, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._store = store
        self._remembered = remembered
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, DeliveryHistory]] = OrderedDict()

    def just_known(self, delivery_id: str, within: timedelta) -> DeliveryHistory | None:
        """The stream as the store has confirmed it within that time; None when it did not."""
        at, history = self._known.get(delivery_id, (0.0, None))
        return history if history is not None and self._clock() - at <= within.total_seconds() else None

    async def load(self, delivery_id: str) -> DeliveryHistory:
        """The stream as it is now, of which only the end is read. Raises `UnreadableEvent` and `StoreUnavailable`."""
        asked = self._clock()
        history = await load(self._store, DELIVERIES, delivery_id, known=self._last_known(delivery_id))
        return self._remember(delivery_id, history, asked)

    async def carry_out(
        self, delivery_id: str, command: DeliveryCommand, cause: Cause, *, likely_first: bool = False
    ) -> DeliveryHistory:
        """The stream after `command`; see `transact`.

        It is carried out on what is known, and once more on what there is when another writer was there meanwhile.
        `likely_first`: a stream that is not known is taken not to exist, which the store contradicts if it does.
        """
        asked, known = self._clock(), self._last_known(delivery_id)
        if known is None and likely_first:
            known = empty(DELIVERIES)
        outcome = await transact(self._store, DELIVERIES, delivery_id, command, cause, known=known)
        if outcome.appended or outcome.history is not known:
            return self._remember(delivery_id, outcome.history, asked)
        return outcome.history

    def _last_known(self, delivery_id: str) -> DeliveryHistory | None:
        return self._known[delivery_id][1] if delivery_id in self._known else None

    def _remember(self, delivery_id: str, history: DeliveryHistory, at: float) -> DeliveryHistory:
        known = self._last_known(delivery_id)
        if known is None or known.revision <= history.revision:
            self._known[delivery_id] = (at, history)
        self._known.move_to_end(delivery_id)
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return history
