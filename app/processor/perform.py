"""One call to a provider for one payment: the request from the state, the answer as a report."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from app.access.vault import Vault
from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment import events as happened
from app.domain.payment.decide import provider_key_of
from app.domain.payment.events import Operation, PaymentEvent
from app.domain.payment.model import (
    Authorized,
    Authorizing,
    AwaitingCustomer,
    Call,
    Cancelled,
    Captured,
    Capturing,
    Confirming,
    Existing,
    Expired,
    Failed,
    Voiding,
    outstanding_of,
    payment_id_of,
)
from app.domain.reports import ProviderReport
from app.providers.port import (
    Authorization,
    CaptureCall,
    Confirmation,
    PaymentProvider,
    PaymentTerms,
    Query,
    RefundCall,
    VoidCall,
)


@dataclass(frozen=True)
class Performer:
    """Turns states into calls. `return_page` gives the address of the page that customers come back to."""

    vault: Vault
    return_page: Callable[[PaymentId], str]

    def call(
        self,
        provider: PaymentProvider,
        state: Existing,
        operation: Operation,
        refund_id: str | None,
        sealed_token: str | None,
    ) -> Awaitable[ProviderReport]:
        """Make the call that `state` wants; raises `Unsealable` and what the provider's port raises."""
        terms, key = self._terms(state), provider_key_of(state, operation, refund_id)
        reference = _reference(state)
        match operation:
            case Operation.AUTHORIZE:
                return provider.authorize(Authorization(terms, key, self._unsealed(sealed_token)))
            case Operation.CONFIRM:
                return provider.confirm(Confirmation(terms, key, reference))
            case Operation.CAPTURE:
                money = Money(state.amount if isinstance(state, Capturing) else 0, state.terms.currency)
                return provider.capture(CaptureCall(terms, key, reference, money))
            case Operation.VOID:
                return provider.void(VoidCall(terms, key, reference, held=_held(state)))
            case Operation.REFUND:
                return provider.refund(RefundCall(terms, key, reference, *_refund(state, refund_id)))

    def look_up(
        self, provider: PaymentProvider, state: Existing, made: Call, refund_id: str | None, *, conclusive: bool
    ) -> Awaitable[ProviderReport]:
        """Ask what became of a call that was made."""
        question = self.question(state, made.operation, refund_id, _reference(state) or None, conclusive=conclusive)
        return provider.look_up(question)

    def question(
        self, state: Existing, operation: Operation, refund_id: str | None, reference: str | None, *, conclusive: bool
    ) -> Query:
        """What became of an operation? `reference` is the provider's own id, None where it is not known."""
        refund = _refund(state, refund_id)[0] if operation is Operation.REFUND else None
        return Query(
            terms=self._terms(state),
            operation=operation,
            key=provider_key_of(state, operation, refund_id),
            reference=reference,
            conclusive=conclusive,
            outstanding=Money(outstanding_of(state), state.terms.currency),
            refund=refund,
            transfers=tuple(transfer.reference for transfer in state.transfers),
        )

    def _terms(self, state: Existing) -> PaymentTerms:
        terms, payment_id = state.terms, payment_id_of(state)
        return PaymentTerms(
            payment_id=payment_id,
            money=Money(terms.amount, terms.currency),
            method=terms.method.kind,
            initiated_at=terms.at,
            return_url=self.return_page(payment_id),
            capture=terms.capture,
            description=terms.description,
            expires_at=terms.expires_at,
        )

    def _unsealed(self, sealed_token: str | None) -> SecretStr | None:
        return None if sealed_token is None else self.vault.unseal(sealed_token)


def asked_under(events: Sequence[PaymentEvent], operation: Operation) -> str | None:
    """The provider's own id to ask about an operation with: what it gave when that operation was begun."""
    given: tuple[type[PaymentEvent], ...] = (happened.PaymentAuthorized,)
    if operation is Operation.AUTHORIZE:
        given = (
            happened.ActionRequired,
            happened.ConfirmationRequested,
            happened.PaymentAuthorized,
            happened.LateSuccessRecorded,
            happened.PaymentCaptured,
        )
    return next((str(getattr(event, "reference", "")) for event in events if isinstance(event, given)), None)


def _reference(state: Existing) -> str:
    """The provider's own id, where it is known."""
    match state:
        case AwaitingCustomer() | Confirming() | Authorized() | Capturing() | Voiding() | Captured():
            return state.reference
        case Authorizing():
            return state.reference or ""
        case Failed() | Cancelled() | Expired():
            kept = state.late or state.session
            return kept.reference if kept else ""
    return ""


def _held(state: Existing) -> bool:
    return state.held > 0 if isinstance(state, Voiding) else isinstance(state, Failed | Cancelled | Expired)


def _refund(state: Existing, refund_id: str | None) -> tuple[Money, Money]:
    """What is to be given back, and what of."""
    amount = captured = 0
    if isinstance(state, Captured):
        amount = next(refund.amount for refund in state.refunds if refund.refund_id == refund_id)
        captured = state.amount
    elif isinstance(state, Failed | Cancelled | Expired) and state.late:
        amount = captured = state.late.amount
    return Money(amount, state.terms.currency), Money(captured, state.terms.currency)
