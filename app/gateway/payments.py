"""What a merchant can do with payments. Every answer is given after the event store has acknowledged."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.access.model import Caller, MerchantCaller
from app.access.permissions import can_act
from app.access.vault import Vault
from app.domain.ids import PaymentId, payment_id_for, refund_id_for
from app.domain.payment.events import (
    CardMethod,
    Method,
    PaymentEvent,
    PaymentInitiated,
    QrMethod,
    RedirectMethod,
)
from app.domain.payment.model import (
    Cancel,
    Capture,
    Initiate,
    NotInitiated,
    PaymentCommand,
    PaymentState,
    RefundMoney,
)
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import PAYMENTS, History, empty, load, transact
from app.gateway.inflight import InFlight
from app.gateway.requests import (
    CancelRequest,
    CaptureRequest,
    FieldProblem,
    InitiateRequest,
    InvalidRequest,
    RefundRequest,
)
from app.providers.registry import ProviderRegistry
from projections.fold import payment_updates
from projections.views import PaymentView


class Forbidden(Exception):
    """The caller may look and not act: it has a client secret, or a token without the scope."""


def _acting(caller: Caller) -> MerchantCaller:
    if not can_act(caller):
        raise Forbidden("this credential may not change anything")
    return caller


class NoSuchPayment(Exception):
    """There is no such payment, or it is another merchant's, which looks the same."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A payment that is safely stored; `replayed` when it was before."""

    payment: PaymentView
    client_secret: str
    replayed: bool


@dataclass(frozen=True)
class PaymentCommands:
    """The commands. They raise `InvalidRequest`, the domain's `Refusal`s, `NoSuchPayment` and `StoreUnavailable`."""

    store: EventStore
    vault: Vault
    providers: ProviderRegistry
    clock: Callable[[], datetime]
    in_flight: InFlight

    async def initiate(self, caller: Caller, request: InitiateRequest) -> Accepted:
        """Begin a payment, or find the one this idempotency key began."""
        merchant = _acting(caller)
        self._check_provider(request)
        terms = self._terms(merchant, request)
        return await self.in_flight.finish(self._initiate(terms))

    async def _initiate(self, terms: PaymentInitiated) -> Accepted:
        payment_id = PaymentId(terms.payment_id)
        # Most keys are new, so the stream is taken not to exist; the append says so if it does.
        outcome = await transact(
            self.store, PAYMENTS, payment_id, Initiate(terms), new_cause(payment_id), known=empty(PAYMENTS)
        )
        return Accepted(_view(outcome.history), self.vault.client_secret(payment_id), replayed=not outcome.appended)

    def _check_provider(self, request: InitiateRequest) -> None:
        kind, provider_name = _chosen(request)
        provider = self.providers.get(provider_name)
        field = f"method.{kind}.provider"
        if provider is None:
            known = ", ".join(self.providers.names)
            raise InvalidRequest((FieldProblem(field, "unknown_provider", f"{field}: there are {known}"),))
        if kind not in provider.capabilities.methods:
            raise InvalidRequest(
                (FieldProblem(field, "method_not_offered", f"{field}: {provider_name} does not offer {kind}"),)
            )
        currencies = provider.capabilities.currencies
        if currencies is not None and request.currency not in currencies:
            message = f"currency: {provider_name} does not take {request.currency}"
            raise InvalidRequest((FieldProblem("currency", "currency_not_offered", message),))
        self._check_token(request, provider.capabilities.token_prefixes)

    def _check_token(self, request: InitiateRequest, prefixes: tuple[str, ...]) -> None:
        card = request.method.card
        if card is not None and prefixes and not card.token.get_secret_value().startswith(prefixes):
            message = f"method.card.token: {card.provider}'s tokens begin with {' or '.join(prefixes)}"
            raise InvalidRequest((FieldProblem("method.card.token", "invalid_token", message),))

    def _terms(self, caller: MerchantCaller, request: InitiateRequest) -> PaymentInitiated:
        now = self.clock()
        return PaymentInitiated(
            payment_id=payment_id_for(caller.merchant_id, request.idempotency_key),
            merchant_id=caller.merchant_id,
            idempotency_key=request.idempotency_key,
            fingerprint=self.vault.fingerprint(_content(request)),
            amount=request.amount,
            currency=request.currency,
            method=self._method(request),
            capture=request.capture,
            order_id=request.order_id,
            description=request.description,
            return_url=request.return_url,
            metadata=request.metadata,
            expires_at=now + timedelta(seconds=request.expires_in) if request.expires_in else None,
            at=now,
        )

    def _method(self, request: InitiateRequest) -> Method:
        if request.method.card is not None:
            card = request.method.card
            return CardMethod(provider=card.provider, sealed_token=self.vault.seal(card.token))
        kind, provider = _chosen(request)
        return RedirectMethod(provider=provider) if kind == "redirect" else QrMethod(provider=provider)

    async def capture(self, caller: Caller, request: CaptureRequest) -> PaymentView:
        """Take held money."""
        return await self._command(caller, request.payment_id, Capture(self.clock(), request.amount))

    async def cancel(self, caller: Caller, request: CancelRequest) -> PaymentView:
        """Call a payment off: at once, or as soon as the call under way has an outcome."""
        return await self._command(caller, request.payment_id, Cancel(self.clock(), request.reason))

    async def refund(self, caller: Caller, request: RefundRequest) -> PaymentView:
        """Give money back."""
        refund_id = refund_id_for(PaymentId(request.payment_id), request.idempotency_key)
        command = RefundMoney(refund_id, self.clock(), request.amount, request.reason)
        return await self._command(caller, request.payment_id, command)

    async def _command(self, caller: Caller, payment_id: str, command: PaymentCommand) -> PaymentView:
        return await self.in_flight.finish(self._carry_out(_acting(caller), payment_id, command))

    async def _carry_out(self, caller: MerchantCaller, payment_id: str, command: PaymentCommand) -> PaymentView:
        known = await load(self.store, PAYMENTS, payment_id)
        if isinstance(known.state, NotInitiated) or known.state.terms.merchant_id != caller.merchant_id:
            raise NoSuchPayment(payment_id)
        outcome = await transact(self.store, PAYMENTS, payment_id, command, new_cause(payment_id), known=known)
        return _view(outcome.history)


def _chosen(request: InitiateRequest) -> tuple[str, str]:
    method = request.method
    if method.card is not None:
        return "card", method.card.provider
    if method.redirect is not None:
        return "redirect", method.redirect.provider
    if method.qr is not None:
        return "qr", method.qr.provider
    raise AssertionError("validation lets exactly one method through")


def _content(request: InitiateRequest) -> dict[str, object]:
    """What makes two requests the same: everything but the key and how long the client waits for the answer."""
    content = request.model_dump(mode="json", exclude={"idempotency_key", "wait_for", "timeout_ms"})
    if request.method.card is not None:
        content["token"] = request.method.card.token.get_secret_value()
    return content


def _view(history: History[PaymentEvent, PaymentState]) -> PaymentView:
    folded, _ = payment_updates(history.events)
    if folded is None:
        raise NoSuchPayment("a payment without events")
    return folded.view
