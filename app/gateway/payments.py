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
from app.domain.refusals import IdempotencyKeyReused
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.tokens import token_stream
from app.eventstore.transact import PAYMENTS, History, empty, load, transact
from app.gateway.card_tokens import erase_unused, keep_for
from app.gateway.inflight import InFlight
from app.gateway.offers import ReturnOrigins, check, check_capture, check_refund
from app.gateway.requests import CancelRequest, CaptureRequest, InitiateRequest, RefundRequest
from app.observability.metrics import PAYMENTS_ACCEPTED, PAYMENTS_REPLAYED
from app.providers.breaker import OpenCircuits
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


class ProviderUnavailable(Exception):
    """The provider does not answer at present; nothing was stored."""

    def __init__(self, provider: str) -> None:
        super().__init__(f"{provider} does not answer at present; try again later, or pay another way")
        self.provider = provider


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
    return_origins: ReturnOrigins
    circuits: OpenCircuits

    async def initiate(self, caller: Caller, request: InitiateRequest) -> Accepted:
        """Begin a payment, or find the one this idempotency key began."""
        merchant = _acting(caller)
        check(request, merchant.merchant_id, self.providers, self.return_origins)
        await self._check_circuit(request, merchant)
        terms = self._terms(merchant, request)
        sealed_token = self.vault.seal(request.method.card.token) if request.method.card else None
        return await self.in_flight.finish(self._initiate(terms, sealed_token))

    async def _check_circuit(self, request: InitiateRequest, caller: MerchantCaller) -> None:
        _, provider = request.method.chosen
        if not await self.circuits.is_open(provider):
            return
        # What was accepted before is answered as it was.
        known = await load(self.store, PAYMENTS, payment_id_for(caller.merchant_id, request.idempotency_key))
        if isinstance(known.state, NotInitiated):
            raise ProviderUnavailable(provider)

    async def _initiate(self, terms: PaymentInitiated, sealed_token: str | None) -> Accepted:
        payment_id = PaymentId(terms.payment_id)
        cause = new_cause(payment_id)
        if sealed_token is not None:
            # Before the payment, so that none is accepted without its token.
            await keep_for(self.store, terms, sealed_token, cause)
        try:
            # Most keys are new, so the stream is taken not to exist; the append says so if it does.
            outcome = await transact(self.store, PAYMENTS, payment_id, Initiate(terms), cause, known=empty(PAYMENTS))
        except IdempotencyKeyReused:
            await erase_unused(self.store, terms, await load(self.store, PAYMENTS, payment_id))
            raise
        if not outcome.appended:
            await erase_unused(self.store, terms, outcome.history)
        (PAYMENTS_ACCEPTED if outcome.appended else PAYMENTS_REPLAYED).inc()
        return Accepted(_view(outcome.history), self.vault.client_secret(payment_id), replayed=not outcome.appended)

    def _terms(self, caller: MerchantCaller, request: InitiateRequest) -> PaymentInitiated:
        now = self.clock()
        payment_id = payment_id_for(caller.merchant_id, request.idempotency_key)
        return PaymentInitiated(
            payment_id=payment_id,
            merchant_id=caller.merchant_id,
            idempotency_key=request.idempotency_key,
            fingerprint=self.vault.fingerprint(_content(request)),
            amount=request.amount,
            currency=request.currency,
            method=self._method(payment_id, request),
            capture=request.capture,
            order_id=request.order_id,
            description=request.description,
            return_url=request.return_url,
            metadata=request.metadata,
            expires_at=now + timedelta(seconds=request.expires_in) if request.expires_in else None,
            at=now,
        )

    def _method(self, payment_id: PaymentId, request: InitiateRequest) -> Method:
        if request.method.card is not None:
            card = request.method.card
            stream = token_stream(payment_id, self.vault.digest(card.token, payment_id))
            return CardMethod(provider=card.provider, token_stream=stream)
        kind, provider = request.method.chosen
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
        if isinstance(command, Capture):
            check_capture(command.amount, known.state.terms, self.providers)
        if isinstance(command, RefundMoney):
            check_refund(command.amount, known.state.terms.method.provider, self.providers)
        outcome = await transact(self.store, PAYMENTS, payment_id, command, new_cause(payment_id), known=known)
        return _view(outcome.history)


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
