"""Waiting until nothing is left to do: for payments, for orders, for what the endpoint is owed."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.domain.delivery.events import DeliveryEvent, DeliveryMade
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
_LOOKING = 0.25
"""Which part of the time is spent with looking at most: others are to get something done meanwhile."""
_POLICY = of_payment.Policy()


@dataclass
class Patience:
    """Is out when nothing has got any further for so many seconds, however long it goes on before."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _furthest: float = -math.inf
    _since: float = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.clock()

    def is_out(self, reached: float) -> bool:
        """Whether it is, with so much `reached` by now."""
        now = self.clock()
        if reached > self._furthest:
            self._furthest, self._since = reached, now
        return now - self._since > self.seconds


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

    def made(self) -> int:
        """How many messages are recorded as delivered."""
        return sum(isinstance(event, DeliveryMade) for each in self.deliveries.histories.values() for event in each)

    async def wait_until(
        self, settled: Callable[[str], bool], among: Callable[[], Iterable[str]], *, give_up: Callable[[], bool]
    ) -> list[str]:
        """What is not `settled` of those there are by the time the others are, or when it is time to give up."""
        done = set[str]()
        while True:
            await self.caught_up()
            began = time.monotonic()
            done.update(each for each in among() if each not in done and settled(each))
            left = [each for each in among() if each not in done]
            if not left or give_up():
                return left
            await asyncio.sleep(max(_LOOK_SECONDS, (time.monotonic() - began) * (1 / _LOOKING - 1)))
