"""A card's token is kept before its payment is stored, and erased again when it comes to belong to none."""

from collections.abc import Iterable

from app.domain.ids import PaymentId
from app.domain.payment.events import CardMethod, Method, PaymentEvent, PaymentInitiated
from app.domain.payment.model import NotInitiated, PaymentState
from app.eventstore.codec import Cause
from app.eventstore.port import EventStore, StreamErased
from app.eventstore.tokens import keep
from app.eventstore.transact import PAYMENTS, History, load
from app.gateway.requests import FieldProblem, InvalidRequest

_ERASED = "method.card.token: this token was erased; begin again with another token and idempotency key"


async def keep_for(store: EventStore, terms: PaymentInitiated, sealed_token: str, cause: Cause) -> None:
    """Keep the token where `terms` say; one that was erased stays erased, and its payment is found as it is.

    Raises `InvalidRequest` when it was erased and there is no payment, and `StoreUnavailable`.
    """
    stream = _stream_of(terms.method)
    if stream is None:
        return
    try:
        await keep(store, stream, sealed_token, cause)
    except StreamErased:
        known = await load(store, PAYMENTS, PaymentId(terms.payment_id))
        if isinstance(known.state, NotInitiated):
            raise InvalidRequest((FieldProblem("method.card.token", "token_erased", _ERASED),)) from None


async def erase_unused(store: EventStore, terms: PaymentInitiated, used_by: Iterable[PaymentInitiated]) -> None:
    """Erase the token that `terms` brought, unless it is that of what was stored. Raises `StoreUnavailable`."""
    stream = _stream_of(terms.method)
    if stream is not None and all(stream != _stream_of(used.method) for used in used_by):
        await store.erase(stream)


async def stored_terms(store: EventStore, payment_id: str) -> list[PaymentInitiated]:
    """How a payment began, as a list: empty when there is none. Raises `StoreUnavailable`."""
    return terms_in(await load(store, PAYMENTS, payment_id))


def terms_in(stored: History[PaymentEvent, PaymentState]) -> list[PaymentInitiated]:
    """As `stored_terms`, of what is loaded."""
    return [] if isinstance(stored.state, NotInitiated) else [stored.state.terms]


def _stream_of(method: Method) -> str | None:
    return method.token_stream if isinstance(method, CardMethod) else None
