"""Views and refusals to GraphQL values, and inputs to requests."""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.maybe import Some

from app.domain.payment import events as domain
from app.domain.payment.model import PaymentStatus
from app.domain.refusals import AmountNotAllowed, IdempotencyKeyReused, Refusal
from app.domain.refusals import IllegalTransition as RefusedTransition
from app.gateway.merchant_updates import MerchantUpdate
from app.gateway.payments import Accepted, NoSuchPayment, ProviderUnavailable
from app.gateway.requests import InvalidRequest
from projections.readmodel import Page, cursor_of
from projections.views import PaymentView, Update
from schema import results, types


def payment(view: PaymentView) -> types.Payment:
    """A payment as a client sees it."""
    return types.Payment(
        id=strawberry.ID(view.id),
        status=view.status,
        version=view.version,
        previous_version=view.previous,
        amount=types.Money(amount=view.amount, currency=view.currency),
        refunded_amount=types.Money(amount=view.refunded, currency=view.currency),
        method=types.PaymentMethod(kind=types.PaymentMethodKind(view.method), provider=view.provider),
        capture=view.capture,
        provider=view.provider,
        order_id=None if view.order_id is None else strawberry.ID(view.order_id),
        description=view.description,
        action=_action(view),
        failure=None if view.failure is None else types.PaymentFailure(**view.failure.model_dump()),
        history=[
            types.PaymentTransition(version=step.version, status=step.status, at=step.at, detail=step.detail)
            for step in view.history
        ],
        initiated_at=view.initiated_at,
        updated_at=view.updated_at,
        expires_at=view.expires_at,
        metadata=JSON(view.metadata),
    )


def payment_update(update: Update) -> types.Payment:
    """One value of a subscription."""
    return payment(update.payment)


def merchant_update(update: MerchantUpdate) -> types.PaymentUpdate:
    """One value of a subscription to all payments."""
    return types.PaymentUpdate(payment=payment_update(update.update), cursor=update.cursor, merged=update.merged)


def _action(
    view: PaymentView,
) -> types.RedirectAction | types.QrAction | types.CardAuthenticationAction | None:
    match view.action:
        case None:
            return None
        case domain.RedirectAction(url=url):
            return types.RedirectAction(url=url)
        case domain.QrAction(payload=payload):
            return types.QrAction(payload=payload)
        case domain.CardAuthenticationAction(url=url):
            return types.CardAuthenticationAction(url=url)


def connection(page: Page, *, after: str | None) -> types.PaymentConnection:
    """A page of payments."""
    edges = [types.PaymentEdge(cursor=cursor_of(view), node=payment(view)) for view in page.payments]
    return types.PaymentConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=types.PageInfo(
            has_next_page=page.has_more,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def accepted(outcome: Accepted, view: PaymentView) -> results.PaymentAccepted:
    """The answer to a payment that was begun; `view` is the payment when the answer is given."""
    return results.PaymentAccepted(
        payment=payment(view), client_secret=outcome.client_secret, replayed=outcome.replayed
    )


def invalid(refusal: InvalidRequest) -> results.InvalidInput:
    """The answer to input that cannot be taken."""
    errors = [
        results.InputError(field=problem.field, code=problem.code, message=problem.message)
        for problem in refusal.problems
    ]
    first = errors[0]
    return results.InvalidInput(code=first.code, message=first.message, field=first.field, errors=errors)


def conflict(refusal: IdempotencyKeyReused) -> results.IdempotencyConflict:
    """The answer to a key that stands for something else."""
    return results.IdempotencyConflict(code="idempotency_key_reused", message=refusal.message)


def unavailable(fault: ProviderUnavailable) -> results.ProviderUnavailable:
    """The answer when the provider does not answer."""
    return results.ProviderUnavailable(code="provider_unavailable", message=str(fault), provider=fault.provider)


def not_begun(
    refusal: InvalidRequest | IdempotencyKeyReused | ProviderUnavailable,
) -> results.InvalidInput | results.IdempotencyConflict | results.ProviderUnavailable:
    """The answer to a payment or order that was not begun."""
    match refusal:
        case InvalidRequest():
            return invalid(refusal)
        case IdempotencyKeyReused():
            return conflict(refusal)
        case ProviderUnavailable():
            return unavailable(refusal)


def refused(
    refusal: Refusal | InvalidRequest | NoSuchPayment,
) -> results.InvalidInput | results.IdempotencyConflict | results.PaymentNotFound | results.IllegalTransition:
    """The answer to a command that was not carried out."""
    match refusal:
        case InvalidRequest():
            return invalid(refusal)
        case NoSuchPayment():
            return results.PaymentNotFound(code="payment_not_found", message="there is no such payment")
        case IdempotencyKeyReused():
            return conflict(refusal)
        case AmountNotAllowed():
            error = results.InputError(field="amount", code="amount_not_allowed", message=refusal.message)
            return results.InvalidInput(code=error.code, message=error.message, field=error.field, errors=[error])
        case RefusedTransition():
            return results.IllegalTransition(
                code="illegal_transition", message=refusal.message, status=PaymentStatus(refusal.status)
            )
    raise refusal


def given(value: Any) -> Any:
    """An input as plain data under the client's names; what was not given, or given as null, is left out."""
    if isinstance(value, Some):
        return given(value.value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [given(each) for each in value]
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: given(getattr(value, field.name)) for field in fields(value)}
        return {_camel(name): each for name, each in named.items() if each is not None and each is not strawberry.UNSET}
    return value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
