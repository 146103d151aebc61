"""Which payment a bank transfer's code stands for: a stream per code, written before anybody is shown the code."""

from pydantic import BaseModel, ConfigDict

from app.domain.ids import PaymentId
from app.domain.transfer_codes import transfer_code_for
from app.eventstore.codec import Cause, decode, encode
from app.eventstore.port import NO_STREAM, EventStore, WrongRevision


class TransferCodeClaimed(BaseModel):
    """From now on the code stands for this payment."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    payment_id: str


class TransferCodeTaken(Exception):
    """Two payments have the same code; the second cannot be paid by bank transfer."""


async def claim(store: EventStore, payment_id: str, cause: Cause) -> None:
    """Claim the payment's code; a repeat changes nothing. Raises `TransferCodeTaken` and `StoreUnavailable`."""
    stream = _stream(transfer_code_for(PaymentId(payment_id)))
    try:
        await store.append(
            stream, encode(stream, NO_STREAM, [TransferCodeClaimed(payment_id=payment_id)], cause), expected=NO_STREAM
        )
    except WrongRevision:
        if await _claimed_by(store, stream) != payment_id:
            raise TransferCodeTaken(f"{stream} stands for another payment") from None


async def payment_of(store: EventStore, code: str) -> PaymentId | None:
    """The payment that a code stands for, or None. Raises `StoreUnavailable`."""
    return await _claimed_by(store, _stream(code))


async def _claimed_by(store: EventStore, stream: str) -> PaymentId | None:
    recorded = await store.read(stream)
    if not recorded:
        return None
    return PaymentId(decode(recorded[0], {TransferCodeClaimed.__name__: TransferCodeClaimed}).payment_id)


def _stream(code: str) -> str:
    return f"transfer-{code}"
