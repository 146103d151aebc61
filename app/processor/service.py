"""`paygate process`: payments driven by their providers' answers, orders driven by their payments."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.domain.order import events as order
from app.domain.payment import events as payment
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS
from app.processor.category import Category
from app.processor.orders import OrderPump
from app.processor.pump import Pump
from projections.readmodel import ReadModel

_MOST_DUE_OF_A_PARTITION = 1_000
_MOST_PAYMENT_BACKOFF_SECONDS = 30.0
# An order hears of what happens to its payments; the sweep is for what was not heard.
_MOST_ORDER_BACKOFF_SECONDS = 300.0

# The events after which a provider has to be called.
_CALLING = (
    payment.PaymentInitiated,
    payment.LookUpRequested,
    payment.ConfirmationRequested,
    payment.TransferReceived,
    payment.CaptureRequested,
    payment.VoidRequested,
    payment.RefundRequested,
)
# Those that matter to a payment's order; `_CALLING` has none of them.
_TELLING = (
    payment.PaymentCaptured,
    payment.PaymentFailed,
    payment.PaymentCancelled,
    payment.PaymentExpired,
    payment.VoidFailed,
    payment.PaymentRefunded,
    payment.RefundFailed,
    payment.LateSuccessRecorded,
    payment.LateSuccessReturned,
    payment.LateReturnRefused,
)
_OF_ORDERS = (
    order.OrderPaymentStarted,
    order.OrderPaymentEnded,
    order.OrderConfirmed,
    order.OrderRejected,
    order.OrderCancelled,
    order.OrderPaymentRefused,
)


@dataclass(frozen=True)
class Processor:
    """One of the processors; `concurrency` is how many payments, and how many orders, it works on at a time."""

    store: EventStore
    read_model: ReadModel
    pump: Pump
    concurrency: int
    sweep_seconds: float
    ready: Callable[[], None] = lambda: None

    async def run(self) -> None:
        """Process until cancelled; faults of the event store, of Redis and of providers are outlasted."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.payments().run())
            tasks.create_task(self.orders().run())
            self.ready()

    def payments(self) -> Category:
        """Payments, by their providers."""
        tell = OrderPump(self.store, self.pump.clock).run_for_payment
        reactions = {kind.__name__: self.pump.run for kind in _CALLING} | {kind.__name__: tell for kind in _TELLING}

        async def due(now: datetime) -> list[str]:
            return await self.read_model.due("payment", now, at_most=_MOST_DUE_OF_A_PARTITION)

        return Category(
            self.store,
            PAYMENTS,
            "payment-processor",
            reactions,
            self.pump.run,
            due,
            self.pump.clock,
            self.concurrency,
            self.sweep_seconds,
            _MOST_PAYMENT_BACKOFF_SECONDS,
        )

    def orders(self) -> Category:
        """Orders, by their payments."""
        pump = OrderPump(self.store, self.pump.clock)

        async def due(now: datetime) -> list[str]:
            return await self.read_model.due("order", now, at_most=_MOST_DUE_OF_A_PARTITION)

        return Category(
            self.store,
            ORDERS,
            "order-processor",
            {kind.__name__: pump.run for kind in _OF_ORDERS},
            pump.run,
            due,
            self.pump.clock,
            self.concurrency,
            self.sweep_seconds,
            _MOST_ORDER_BACKOFF_SECONDS,
        )
