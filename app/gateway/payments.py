"""What a merchant can do with payments. Every answer is given after the event store has acknowledged."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.access.model import Caller, MerchantCaller
from app.access.permissions import can_act
from app.access.vault import Vault
from app.domain.contact.events import EmailAdded
from app.domain.ids import MerchantId, PaymentId, payment_id_for, refund_id_for
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
from app.gateway.attempts import attempt_for_order, planned_payments
from app.gateway.card_tokens import erase_unused, keep_for, stored_terms, terms_in
from app.gateway.contacts import NO_CHANNELS, Channels, begin_told, content_of, email_of
from app.gateway.inflight import InFlight
from app.gateway.offers import ReturnOrigins, check, check_capture, check_refund
from app.gateway.requests import CancelRequest, CaptureRequest, InitiateRequest, InvalidRequest, RefundRequest
from app.observability.metrics import PAYMENTS_ACCEPTED, PAYMENTS_REPLAYED
from app.providers.breaker import OpenCircuits
from app.providers.registry import ProviderRegistry
from projections.fold import payment_updates
from projections.views import PaymentView


class Forbidden(Exception):
    """The caller may look and not act: it has a client secret, or a token without the scope."""


def acting(caller: Caller) -> MerchantCaller:
    """The merchant that the caller may act for; raises `Forbidden`."""
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
    channels: Channels = NO_CHANNELS

    async def initiate(self, caller: Caller, request: InitiateRequest) -> Accepted:
        """Begin a payment, or find the one this idempotency key began.

        One that names an order placed here is that order's next attempt.
        """
        merchant = acting(caller)
        self.check(request, merchant.merchant_id)
        self.channels.check(request.notify)
        payment_id = payment_id_for(merchant.merchant_id, request.idempotency_key)
        if await self.is_left_alone(request):
            # What was accepted before is answered as it was.
            known = await load(self.store, PAYMENTS, payment_id)
            if isinstance(known.state, NotInitiated):
                raise ProviderUnavailable(request.method.chosen[1])
        terms = self.terms(merchant.merchant_id, request)
        contact = email_of(request.notify, terms.payment_id, terms.fingerprint, self.vault, terms.at)
        return await self.in_flight.finish(self._initiate(terms, self.sealed_token(request), contact))

    def check(self, request: InitiateRequest, merchant_id: MerchantId) -> None:
        """Raises `InvalidRequest` for what the provider or the merchant's own rules do not allow."""
        check(request, merchant_id, self.providers, self.return_origins)

    async def is_left_alone(self, request: InitiateRequest) -> bool:
        """Whether the provider is not called at present, because it does not answer."""
        _, provider = request.method.chosen
        return await self.circuits.is_open(provider)

    def sealed_token(self, request: InitiateRequest) -> str | None:
        """The card's token as it is kept, if it is a card."""
        return self.vault.seal(request.method.card.token) if request.method.card else None

    async def keep_token(self, terms: PaymentInitiated, sealed_token: str | None) -> None:
        """Keep a card's token for a payment about to begin, so that none is accepted without its token."""
        if sealed_token is not None:
            await keep_for(self.store, terms, sealed_token, new_cause(terms.payment_id))

    async def _initiate(
        self, terms: PaymentInitiated, sealed_token: str | None, contact: EmailAdded | None
    ) -> Accepted:
        await self.keep_token(terms, sealed_token)
        try:
            terms = await attempt_for_order(self.store, terms, self.clock())
        except (InvalidRequest, IdempotencyKeyReused):
            await self.erase_unused_token(terms)
            raise
        command = Initiate(terms)
        return await begin_told(
            self.store, PAYMENTS, terms.payment_id, command, contact, begin=lambda: self.begin(terms)
        )

    async def begin(self, terms: PaymentInitiated) -> Accepted:
        """Begin a payment whose token, if it has one, is kept. Raises `IdempotencyKeyReused`, `StoreUnavailable`."""
        payment_id = PaymentId(terms.payment_id)
        try:
            # Most keys are new, so the stream is taken not to exist; the append says so if it does.
            outcome = await transact(
                self.store, PAYMENTS, payment_id, Initiate(terms), new_cause(payment_id), known=empty(PAYMENTS)
            )
        except IdempotencyKeyReused:
            await self.erase_unused_token(terms)
            raise
        if not outcome.appended:
            await erase_unused(self.store, terms, terms_in(outcome.history))
        (PAYMENTS_ACCEPTED if outcome.appended else PAYMENTS_REPLAYED).inc()
        return Accepted(_view(outcome.history), self.vault.client_secret(payment_id), replayed=not outcome.appended)

    async def erase_unused_token(self, terms: PaymentInitiated) -> None:
        """Erase the token that `terms` brought, unless it is that of the payment there is, or of its order's."""
        planned = await planned_payments(self.store, terms)
        await erase_unused(self.store, terms, [*planned, *await stored_terms(self.store, terms.payment_id)])

    def terms(self, merchant_id: MerchantId, request: InitiateRequest) -> PaymentInitiated:
        """The payment that a request asks for."""
        now = self.clock()
        payment_id = payment_id_for(merchant_id, request.idempotency_key)
        return PaymentInitiated(
            payment_id=payment_id,
            merchant_id=merchant_id,
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
        return await self.in_flight.finish(self._carry_out(acting(caller), payment_id, command))

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
    content = request.model_dump(mode="json", exclude={"idempotency_key", "wait_for", "timeout_ms", "notify"})
    if request.method.card is not None:
        content["token"] = request.method.card.token.get_secret_value()
    return content | content_of(request.notify)


def _view(history: History[PaymentEvent, PaymentState]) -> PaymentView:
    folded, _ = payment_updates(history.events)
    if folded is None:
        raise NoSuchPayment("a payment without events")
    return folded.view
