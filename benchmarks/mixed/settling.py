"""Waiting until nothing is left to do: for payments, for orders, for what the endpoint is owed."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.model import DeliveryCommand, DeliveryState, NothingOwed
from app.domain.order import next_action as of_order
from app.domain.order.events import OrderEvent
from app.domain.order.model import OrderCommand, OrderState, Pending
from app.domain.payment import next_action as of_payment
from app.domain.payment.events import PaymentEvent
from app.domain.payment.model import Authorized, Ended, PaymentCommand, PaymentState
from benchmarks.mixed.streams import Streams
from projections.fold import order_updates, payment_updates

_LOOK_SECONDS = 1.0
_POLICY = of_payment.Policy()


@dataclass(frozen=True)
class AllStreams:
    """What the event store holds."""

    payments: Streams[PaymentEvent, PaymentCommand, PaymentState]
    orders: Streams[OrderEvent, OrderCommand, OrderState]
    deliveries: Streams[DeliveryEvent, DeliveryCommand, DeliveryState]

    async def caught_up(self) -> None:
        """Return when everything has been read that is there now."""
        for streams in (self.payments, self.orders, self.deliveries):
            await streams.caught_up()

    def held(self) -> list[str]:
        """Payments that wait for the merchant to take the money or release it."""
        states = {payment_id: self.payments.kind.fold(events) for payment_id, events in self.payments.histories.items()}
        return [payment_id for payment_id, state in states.items() if isinstance(state, Authorized)]

    def is_settled(self, entity_id: str) -> bool:
        """Whether nothing is left to do for a payment or an order."""
        if entity_id in self.payments.histories:
            return self.payment_is_settled(entity_id)
        return self.order_is_settled(entity_id)

    def payment_is_settled(self, payment_id: str) -> bool:
        """Whether nothing is left to do but to watch for a customer who pays after the end."""
        state = self.payments.kind.fold(self.payments.histories[payment_id])
        match of_payment.next_action(state, datetime.now(UTC), _POLICY):
            case None:
                return not isinstance(state, Authorized)
            case of_payment.WatchSession() | of_payment.WaitUntil():
                return isinstance(state, Ended)
        return False

    def order_is_settled(self, order_id: str) -> bool:
        """Whether it has ended, and its payments with it."""
        order = self.orders.kind.fold(self.orders.histories[order_id])
        if isinstance(order, Pending):
            return False
        attempts = getattr(order, "attempts", ())
        payments = {
            each.payment_id: self.payments.kind.fold(self.payments.histories.get(each.payment_id, []))
            for each in attempts
        }
        return of_order.next_action(order, payments, datetime.now(UTC)) is None

    def is_told(self, endpoint_id: str, subject: str) -> bool:
        """Whether every visible change of a payment or order is recorded as delivered, and none waits."""
        history = self.deliveries.histories.get(f"{endpoint_id}.{subject}", [])
        state = self.deliveries.kind.fold(history)
        if isinstance(state, NothingOwed) or state.waiting:
            return False
        return len(state.messages) == len(self.changes(subject))

    def changes(self, subject: str) -> list[int]:
        """The versions that a client can see."""
        if subject in self.payments.histories:
            _, updates = payment_updates(self.payments.histories[subject])
        else:
            _, updates = order_updates(self.orders.histories[subject])
        return [update.version for update in updates]

    async def wait_until(
        self, settled: Callable[[str], bool], among: Callable[[], Iterable[str]], *, seconds: float
    ) -> list[str]:
        """What is not `settled` of those there are by the time the others are, or the time is up."""
        deadline, done = time.monotonic() + seconds, set[str]()
        while True:
            await self.caught_up()
            done.update(each for each in among() if each not in done and settled(each))
            left = [each for each in among() if each not in done]
            if not left or time.monotonic() > deadline:
                return left
            await asyncio.sleep(_LOOK_SECONDS)
