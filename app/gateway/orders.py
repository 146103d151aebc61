"""What a merchant can do with orders. Every answer is given after the event store has acknowledged."""

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta

from app.access.model import Caller, MerchantCaller
from app.domain.contact.events import EmailAdded
from app.domain.ids import OrderId, order_id_for
from app.domain.order.events import OrderEvent, OrderItem, OrderPlaced
from app.domain.order.model import Cancel, NotPlaced, OrderState, Place
from app.domain.payment.events import PaymentInitiated
from app.domain.refusals import IdempotencyKeyReused
from app.eventstore.codec import new_cause
from app.eventstore.transact import ORDERS, History, Outcome, empty, load, transact
from app.gateway.contacts import begin_told, content_of, email_of
from app.gateway.order_requests import CancelOrderRequest, PlaceRequest
from app.gateway.payments import PaymentCommands, ProviderUnavailable, acting
from app.gateway.requests import FieldProblem, InitiateRequest, InvalidRequest
from projections.fold import order_updates
from projections.views import OrderView, PaymentView


class NoSuchOrder(Exception):
    """There is no such order, or it is another merchant's, which looks the same."""


@dataclass(frozen=True, slots=True)
class OrderAccepted:
    """An order that is safely stored, and its first payment; `replayed` when it was before."""

    order: OrderView
    payment: PaymentView
    client_secret: str
    replayed: bool


@dataclass(frozen=True)
class OrderCommands:
    """The commands. They raise `InvalidRequest`, the domain's `Refusal`s, `NoSuchOrder` and `StoreUnavailable`."""

    payments: PaymentCommands

    async def place(self, caller: Caller, request: PlaceRequest) -> OrderAccepted:
        """Place an order and begin its payment, or find the one this idempotency key placed.

        Raises `ProviderUnavailable` when the provider does not answer at present.
        """
        merchant = acting(caller)
        order_id = order_id_for(merchant.merchant_id, request.idempotency_key)
        asked = request.payment(order_id)
        self._check(asked, merchant)
        self.payments.channels.check(request.notify)
        if await self.payments.is_left_alone(asked):
            known = await load(self.payments.store, ORDERS, order_id)
            if isinstance(known.state, NotPlaced):
                raise ProviderUnavailable(asked.method.chosen[1])
        payment = self.payments.terms(merchant.merchant_id, asked)
        command = Place(self._terms(order_id, merchant, request), payment)
        contact = email_of(request.notify, order_id, command.terms.fingerprint, self.payments.vault, command.terms.at)
        return await self.payments.in_flight.finish(self._place(command, self.payments.sealed_token(asked), contact))

    def _check(self, asked: InitiateRequest, merchant: MerchantCaller) -> None:
        try:
            self.payments.check(asked, merchant.merchant_id)
        except InvalidRequest as refusal:
            raise InvalidRequest(tuple(_as_of_order(problem) for problem in refusal.problems)) from None

    async def _place(self, command: Place, sealed_token: str | None, contact: EmailAdded | None) -> OrderAccepted:
        order_id = OrderId(command.terms.order_id)
        await self.payments.keep_token(command.payment, sealed_token)
        try:
            outcome = await self._placed(order_id, command, contact)
        except IdempotencyKeyReused:
            await self.payments.erase_unused_token(command.payment)
            raise
        # Should this process end here, the processor begins the payment that is written down.
        begun = await self.payments.begin(_first_payment(outcome.history.state, command.payment))
        secret = self.payments.vault.client_secret(order_id)
        return OrderAccepted(view_of(outcome.history), begun.payment, secret, replayed=not outcome.appended)

    async def _placed(
        self, order_id: OrderId, command: Place, contact: EmailAdded | None
    ) -> Outcome[OrderEvent, OrderState]:
        store, cause = self.payments.store, new_cause(order_id)

        def begin() -> Awaitable[Outcome[OrderEvent, OrderState]]:
            # Most keys are new, so the stream is taken not to exist; the append says so if it does.
            return transact(store, ORDERS, order_id, command, cause, known=empty(ORDERS))

        return await begin_told(store, ORDERS, order_id, command, contact, begin)

    def _terms(self, order_id: OrderId, merchant: MerchantCaller, request: PlaceRequest) -> OrderPlaced:
        now = self.payments.clock()
        return OrderPlaced(
            order_id=order_id,
            merchant_id=merchant.merchant_id,
            idempotency_key=request.idempotency_key,
            fingerprint=self.payments.vault.fingerprint(_content(request)),
            items=tuple(
                OrderItem(sku=item.sku, quantity=item.quantity, unit_amount=item.unit_amount, name=item.name)
                for item in request.items
            ),
            total=request.total,
            currency=request.currency,
            description=request.description,
            metadata=request.metadata,
            expires_at=now + timedelta(seconds=request.expires_in) if request.expires_in else None,
            at=now,
        )

    async def cancel(self, caller: Caller, request: CancelOrderRequest) -> OrderView:
        """Call an order off; a payment under way is undone as soon as it can be. Raises `IllegalTransition`."""
        return await self.payments.in_flight.finish(self._cancel(acting(caller), request))

    async def _cancel(self, caller: MerchantCaller, request: CancelOrderRequest) -> OrderView:
        store, order_id = self.payments.store, request.order_id
        known = await load(store, ORDERS, order_id)
        if isinstance(known.state, NotPlaced) or known.state.terms.merchant_id != caller.merchant_id:
            raise NoSuchOrder(order_id)
        command = Cancel(self.payments.clock(), request.reason)
        outcome = await transact(store, ORDERS, order_id, command, new_cause(order_id), known=known)
        return view_of(outcome.history)


def _as_of_order(problem: FieldProblem) -> FieldProblem:
    # The payment's amount is the order's total.
    if problem.field != "amount":
        return problem
    return FieldProblem("total", problem.code, problem.message.replace("amount:", "total:", 1))


def _content(request: PlaceRequest) -> dict[str, object]:
    content = request.model_dump(mode="json", exclude={"idempotency_key", "wait_for", "timeout_ms", "notify"})
    if request.method.card is not None:
        content["token"] = request.method.card.token.get_secret_value()
    return content | content_of(request.notify)


def _first_payment(order: OrderState, planned: PaymentInitiated) -> PaymentInitiated:
    """The payment as it was written down, when the order is an earlier one."""
    attempts = () if isinstance(order, NotPlaced) else order.attempts
    return attempts[0].terms if attempts and attempts[0].terms else planned


def view_of(history: History[OrderEvent, OrderState]) -> OrderView:
    """What clients see of an order; raises `NoSuchOrder` for one without events."""
    folded, _ = order_updates(history.events)
    if folded is None:
        raise NoSuchOrder("an order without events")
    return folded.view
