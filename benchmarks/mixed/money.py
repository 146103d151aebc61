"""Where money stands by a payment's stream."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain.payment import events as happened
from app.domain.payment.events import PaymentEvent


@dataclass(frozen=True)
class Money:
    """Amounts in minor units: what the merchant has, and what of it people have to give back."""

    kept: int
    to_return: int


def money_of(events: Sequence[PaymentEvent]) -> Money:
    """The sums over what the stream says was taken and given back.

    A bank transfer counts when it arrives, whatever becomes of the payment.
    """
    transferred = any(isinstance(event, happened.TransferReceived) for event in events)
    kept = to_return = late = 0
    for event in events:
        match event:
            case happened.TransferReceived():
                kept += event.amount
            case happened.PaymentCaptured() if not transferred:
                kept += event.amount
            case happened.PaymentRefunded():
                kept -= event.amount
            case happened.LateSuccessRecorded(captured=True, resolution="RETURNED"):
                late = event.amount
                kept += late
            case happened.LateSuccessReturned():
                kept, late = kept - late, 0
            case happened.LateReturnRefused():
                to_return += late
            case happened.MoneyToReturn():
                to_return += event.amount
    return Money(kept, to_return)
