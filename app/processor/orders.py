"""Do what is next for one order until nothing is left to do now. Anyone may pump any order at any time."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from app.domain.order.model import NotPlaced, OrderState
from app.domain.order.next_action import (
    BeginPayment,
    CancelPayment,
    ReturnMoney,
    WaitUntil,
    Write,
    next_action,
)
from app.domain.payment.model import Cancel, Initiate, NotInitiated, PaymentCommand, RefundMoney
from app.domain.refusals import Refusal
from app.eventstore.codec import Cause
from app.eventstore.port import EventStore
from app.eventstore.transact import ORDERS, PAYMENTS, OrderHistory, PaymentHistory, empty, load, transact

log = structlog.get_logger()

_BECAUSE_OF_THE_ORDER = "its order has ended without it"


@dataclass(frozen=True)
class OrderPump:
    """What it takes to bring an order forward: its payments are driven by commands, as a merchant's are."""

    store: EventStore
    clock: Callable[[], datetime]

    async def run(self, order_id: str, cause: Cause) -> bool:
        """Bring one order forward; whether anything was written, to it or to its payments.

        Raises `StoreUnavailable`, `WrongRevision`, `UnreadableEvent`, `ImpossibleHistory` and `ImpossibleOrderHistory`.
        """
        return await self._run(order_id, {}, cause)

    async def _run(self, order_id: str, payments: Mapping[str, PaymentHistory], cause: Cause) -> bool:
        """As `run`; of `payments` only what is new is read."""
        order = empty(ORDERS)
        moved = False
        while True:
            order = await load(self.store, ORDERS, order_id, known=order)
            payments = await self._payments_of(order.state, payments)
            if not await self._step(order_id, order, payments, cause):
                return moved
            moved = True

    async def run_for_payment(self, payment_id: str, cause: Cause) -> bool:
        """Bring forward the order of a payment, if it has one. Raises as `run` does."""
        payment = await load(self.store, PAYMENTS, payment_id)
        # A merchant may write any order of its own on a payment; one that is not ours has no stream.
        if isinstance(payment.state, NotInitiated) or payment.state.terms.order_id is None:
            return False
        return await self._run(payment.state.terms.order_id, {payment_id: payment}, cause)

    async def _step(
        self, order_id: str, order: OrderHistory, payments: Mapping[str, PaymentHistory], cause: Cause
    ) -> bool:
        states = {payment_id: payment.state for payment_id, payment in payments.items()}
        action = next_action(order.state, states, self.clock())
        match action:
            case None | WaitUntil():
                return False
            case Write(finding):
                log.info("order moves", order=order_id, finding=type(finding).__name__)
                return bool((await transact(self.store, ORDERS, order_id, finding, cause, known=order)).appended)
        return await self._drive(action, payments, cause)

    async def _drive(
        self, action: BeginPayment | CancelPayment | ReturnMoney, payments: Mapping[str, PaymentHistory], cause: Cause
    ) -> bool:
        now = self.clock()
        match action:
            case BeginPayment(terms):
                return await self._command(terms.payment_id, Initiate(terms), payments, cause)
            case CancelPayment(payment_id):
                return await self._command(payment_id, Cancel(now, _BECAUSE_OF_THE_ORDER), payments, cause)
            case ReturnMoney(payment_id, refund_id):
                command = RefundMoney(refund_id, now, reason=_BECAUSE_OF_THE_ORDER)
                return await self._command(payment_id, command, payments, cause)

    async def _command(
        self, payment_id: str, command: PaymentCommand, payments: Mapping[str, PaymentHistory], cause: Cause
    ) -> bool:
        try:
            outcome = await transact(self.store, PAYMENTS, payment_id, command, cause, known=payments[payment_id])
        except Refusal as refusal:
            # The payment has moved since it was looked at; what moved it is a reason to look again.
            log.info("payment moved meanwhile", payment=payment_id, refusal=refusal.code)
            return False
        return bool(outcome.appended)

    async def _payments_of(self, order: OrderState, known: Mapping[str, PaymentHistory]) -> dict[str, PaymentHistory]:
        if isinstance(order, NotPlaced):
            return {}
        payment_ids = [attempt.payment_id for attempt in order.attempts]
        histories = await asyncio.gather(
            *(load(self.store, PAYMENTS, payment_id, known=known.get(payment_id)) for payment_id in payment_ids)
        )
        return dict(zip(payment_ids, histories, strict=True))
