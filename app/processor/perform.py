"""One call to a provider for one payment: the request from the state, the answer as a report."""

from collections.abc import Awaitable

from app.access.vault import Vault
from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.decide import provider_key_of
from app.domain.payment.events import CardMethod, Operation
from app.domain.payment.model import (
    Authorized,
    AwaitingCustomer,
    Call,
    Cancelled,
    Captured,
    Capturing,
    Existing,
    Failed,
    Voiding,
    payment_id_of,
)
from app.domain.reports import ProviderReport
from app.providers.port import (
    Authorization,
    CaptureCall,
    PaymentProvider,
    Query,
    RefundCall,
    VoidCall,
)


def call(
    provider: PaymentProvider, vault: Vault, state: Existing, operation: Operation, refund_id: str | None
) -> Awaitable[ProviderReport]:
    """Make the call that `state` wants; raises what the provider's port raises."""
    payment_id, key = payment_id_of(state), provider_key_of(state, operation, refund_id)
    match operation:
        case Operation.AUTHORIZE:
            return provider.authorize(_authorization(vault, state, payment_id, key))
        case Operation.CAPTURE:
            money = Money(state.amount if isinstance(state, Capturing) else 0, state.terms.currency)
            return provider.capture(CaptureCall(payment_id, key, _reference(state), money))
        case Operation.VOID:
            return provider.void(VoidCall(payment_id, key, _reference(state)))
        case Operation.REFUND:
            return provider.refund(RefundCall(payment_id, key, _reference(state), _refund(state, refund_id)))


def look_up(
    provider: PaymentProvider, state: Existing, made: Call, refund_id: str | None, *, conclusive: bool
) -> Awaitable[ProviderReport]:
    """Ask what became of a call that was made."""
    key = provider_key_of(state, made.operation, refund_id)
    reference = _reference(state) or None
    return provider.look_up(Query(payment_id_of(state), made.operation, key, reference, conclusive))


def _authorization(vault: Vault, state: Existing, payment_id: PaymentId, key: str) -> Authorization:
    terms = state.terms
    return Authorization(
        payment_id=payment_id,
        key=key,
        money=Money(terms.amount, terms.currency),
        method=terms.method.kind,
        token=vault.unseal(terms.method.sealed_token) if isinstance(terms.method, CardMethod) else None,
        description=terms.description,
        return_url=terms.return_url,
        expires_at=terms.expires_at,
    )


def _reference(state: Existing) -> str:
    """The provider's own id, where it is known."""
    match state:
        case AwaitingCustomer() | Authorized() | Capturing() | Voiding() | Captured():
            return state.reference
        case Failed() | Cancelled() if state.late:
            return state.late.reference
    return ""


def _refund(state: Existing, refund_id: str | None) -> Money:
    amount = 0
    if isinstance(state, Captured):
        amount = next(refund.amount for refund in state.refunds if refund.refund_id == refund_id)
    elif isinstance(state, Failed | Cancelled) and state.late:
        amount = state.late.amount
    return Money(amount, state.terms.currency)
