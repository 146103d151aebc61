"""A card's one-time token, sealed, in a stream of its own, to be erased when the payment does not need it any more.

The stream's name has a keyed digest of the token, so that another token under the same payment is another stream.
"""

from contextlib import suppress

from pydantic import BaseModel, ConfigDict

from app.domain.ids import PaymentId
from app.eventstore.codec import Cause, decode, encode
from app.eventstore.port import NO_STREAM, EventStore, WrongRevision


class TokenKept(BaseModel):
    """The only event of its stream."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sealed_token: str


def token_stream(payment_id: PaymentId, digest: str) -> str:
    """The stream of the token with this digest under a payment."""
    return f"token-{payment_id}-{digest}"


async def keep(store: EventStore, stream: str, sealed_token: str, cause: Cause) -> None:
    """Keep a token; one that is kept already stays. Raises `StreamErased` and `StoreUnavailable`."""
    with suppress(WrongRevision):
        events = encode(stream, NO_STREAM, [TokenKept(sealed_token=sealed_token)], cause)
        await store.append(stream, events, expected=NO_STREAM)


async def sealed_token_in(store: EventStore, stream: str) -> str | None:
    """The token, sealed, or None when it is kept no more. Raises `UnreadableEvent` and `StoreUnavailable`."""
    recorded = await store.read(stream)
    if not recorded:
        return None
    return decode(recorded[0], {TokenKept.__name__: TokenKept}).sealed_token
