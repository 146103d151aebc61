"""Mutations: check, call one service, map."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import strawberry

from app.access.model import Caller
from app.domain.refusals import IdempotencyKeyReused, Refusal
from app.gateway.contacts import NobodyThere
from app.gateway.order_requests import CancelOrderRequest, PlaceRequest
from app.gateway.orders import NoSuchOrder
from app.gateway.payments import NoSuchPayment, ProviderUnavailable
from app.gateway.push_requests import SubscribeToPushRequest, UnsubscribeFromPushRequest
from app.gateway.requests import (
    CancelRequest,
    CaptureRequest,
    InitiateRequest,
    InvalidRequest,
    RefundRequest,
    parse,
)
from app.gateway.waiting import wait_for, wait_for_order
from projections.views import PaymentView
from schema import mapping, orders, push
from schema.context import Info
from schema.endpoint_operations import EndpointMutations
from schema.inputs import (
    CancelOrderInput,
    CancelPaymentInput,
    CapturePaymentInput,
    InitiatePaymentInput,
    PlaceOrderInput,
    RefundPaymentInput,
)
from schema.orders import OrderCommandResult, PlaceOrderResult
from schema.push import PushSubscriptionResult, SubscribeToPushInput, UnsubscribeFromPushInput
from schema.results import InitiatePaymentResult, PaymentCommandAccepted, PaymentCommandResult

Request = TypeVar("Request", CaptureRequest, CancelRequest, RefundRequest)


@strawberry.type
class Mutation(EndpointMutations):
    """What can be done. An answer means: stored."""

    @strawberry.mutation(description="Begin a payment. Answered as soon as it is safely stored, or see `waitFor`.")
    async def initiate_payment(self, info: Info, input: InitiatePaymentInput) -> InitiatePaymentResult:  # noqa: A002
        """Begin a payment."""
        services = info.context.services
        try:
            request = parse(InitiateRequest, mapping.given(input))
            outcome = await services.commands.initiate(info.context.caller, request)
        except (InvalidRequest, IdempotencyKeyReused, ProviderUnavailable) as refusal:
            return mapping.not_begun(refusal)
        view = outcome.payment
        if request.wait_for is not None:
            timeout_ms = request.timeout_ms or services.wait_timeout_ms
            view = await wait_for(services.hub, view, request.wait_for, timeout_ms=timeout_ms)
        return mapping.accepted(outcome, view)

    @strawberry.mutation(description="Place an order and begin its payment. Answered as `initiatePayment` is.")
    async def place_order(self, info: Info, input: PlaceOrderInput) -> PlaceOrderResult:  # noqa: A002
        """Place an order."""
        services = info.context.services
        try:
            request = parse(PlaceRequest, mapping.given(input))
            outcome = await services.orders.place(info.context.caller, request)
        except (InvalidRequest, IdempotencyKeyReused, ProviderUnavailable) as refusal:
            return mapping.not_begun(refusal)
        view, payment = outcome.order, outcome.payment
        if request.wait_for is not None:
            timeout_ms = request.timeout_ms or services.wait_timeout_ms
            goal = request.wait_for
            view, payment = await wait_for_order(services.hub, view, payment, goal, timeout_ms=timeout_ms)
        return orders.accepted(outcome, view, payment)

    @strawberry.mutation(description="Call an order off. A payment under way is undone as soon as it can be.")
    async def cancel_order(self, info: Info, input: CancelOrderInput) -> OrderCommandResult:  # noqa: A002
        """Call an order off."""
        try:
            request = parse(CancelOrderRequest, mapping.given(input))
            view = await info.context.services.orders.cancel(info.context.caller, request)
        except (Refusal, InvalidRequest, NoSuchOrder) as refusal:
            return orders.refused(refusal)
        return orders.OrderCommandAccepted(order=orders.order(view))

    @strawberry.mutation(description="Take held funds.")
    async def capture_payment(self, info: Info, input: CapturePaymentInput) -> PaymentCommandResult:  # noqa: A002
        """Take held funds."""
        return await _command(info, input, CaptureRequest, info.context.services.commands.capture)

    @strawberry.mutation(description="Call a payment off; carried out as soon as the call under way has an outcome.")
    async def cancel_payment(self, info: Info, input: CancelPaymentInput) -> PaymentCommandResult:  # noqa: A002
        """Call a payment off."""
        return await _command(info, input, CancelRequest, info.context.services.commands.cancel)

    @strawberry.mutation(description="Give money back.")
    async def refund_payment(self, info: Info, input: RefundPaymentInput) -> PaymentCommandResult:  # noqa: A002
        """Give money back."""
        return await _command(info, input, RefundRequest, info.context.services.commands.refund)

    @strawberry.mutation(description="Have a browser told of every change of a payment or order, by push.")
    async def subscribe_to_push(self, info: Info, input: SubscribeToPushInput) -> PushSubscriptionResult:  # noqa: A002
        """Tell a browser. A client secret suffices."""
        try:
            request = parse(SubscribeToPushRequest, mapping.given(input))
            await info.context.services.push.subscribe(info.context.caller, request)
        except (InvalidRequest, NobodyThere) as refusal:
            return push.refused(refusal)
        return push.PushSubscription(subscribed=True)

    @strawberry.mutation(description="Have a browser told no more.")
    async def unsubscribe_from_push(
        self,
        info: Info,
        input: UnsubscribeFromPushInput,  # noqa: A002
    ) -> PushSubscriptionResult:
        """Tell a browser no more. A client secret suffices."""
        try:
            request = parse(UnsubscribeFromPushRequest, mapping.given(input))
            await info.context.services.push.unsubscribe(info.context.caller, request)
        except (InvalidRequest, NobodyThere) as refusal:
            return push.refused(refusal)
        return push.PushSubscription(subscribed=False)


async def _command(
    info: Info,
    given: Any,
    kind: type[Request],
    carry_out: Callable[[Caller, Request], Awaitable[PaymentView]],
) -> PaymentCommandResult:
    try:
        view = await carry_out(info.context.caller, parse(kind, mapping.given(given)))
    except (Refusal, InvalidRequest, NoSuchPayment) as refusal:
        return mapping.refused(refusal)
    return PaymentCommandAccepted(payment=mapping.payment(view))
