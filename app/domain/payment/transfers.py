"""What a bank transfer changes. Each is taken in once, whoever tells of it and however often.

| it arrives                                       | and then                                                        |
| ------------------------------------------------ | --------------------------------------------------------------- |
| while waited for, and less than is asked for     | the rest is waited for                                          |
| while waited for, and the sum is reached         | the money is taken; what is too much is given back by people    |
| when the money has been taken already            | it is given back by people                                      |
| after expiry, the whole price in one transfer    | late success: accepted                                          |
| after any other end, or while one is under way   | it is given back by people                                      |
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from app.domain.money import Money
from app.domain.payment import events as happened
from app.domain.payment.events import PaymentEvent
from app.domain.payment.model import (
    Authorizing,
    AwaitingCustomer,
    Cancelled,
    Captured,
    Existing,
    Expired,
    Failed,
    Transfer,
    Voiding,
    outstanding_of,
)
from app.domain.reports import Transferred

Reason = Literal["SURPLUS", "DUPLICATE", "LATE", "UNDERPAID"]


def to_return(transfers: Iterable[Transfer], reason: Reason, at: datetime) -> list[PaymentEvent]:
    """Each of `transfers` is to be given back whole."""
    return [
        happened.MoneyToReturn(reference=transfer.reference, amount=transfer.amount, reason=reason, at=at)
        for transfer in transfers
    ]


def transferred(report: Transferred, state: Existing, at: datetime) -> list[PaymentEvent] | None:
    """What follows when a transfer arrives; `[]` when it is known, None where no transfer can belong."""
    if any(known.reference == report.reference for known in state.transfers):
        return []
    if report.amount.currency != state.terms.currency or report.amount.amount <= 0:
        return None
    transfer = Transfer(report.reference, report.amount.amount)
    received = happened.TransferReceived(reference=transfer.reference, amount=transfer.amount, at=at)
    match state:
        case Authorizing(cancelling=False) | AwaitingCustomer():
            return [received, *_towards_the_price(transfer, state, at)]
        case Captured():
            return [received, *to_return([transfer], "DUPLICATE", at)]
        case Expired() if not state.transfers and state.late is None and transfer.amount >= state.terms.amount:
            return [received, *_accepted_late(transfer, state, at)]
        case Authorizing() | Voiding(held=0) | Expired() | Failed() | Cancelled():
            return [received, *to_return([transfer], "LATE", at)]
    return None


def _towards_the_price(transfer: Transfer, state: Authorizing | AwaitingCustomer, at: datetime) -> list[PaymentEvent]:
    surplus = transfer.amount - outstanding_of(state)
    if surplus < 0:
        return []
    acted = [happened.ActionCompleted(at=at)] if isinstance(state, AwaitingCustomer) else []
    return [*acted, _captured(transfer, state, at), *_surplus(transfer, surplus, at)]


def _accepted_late(transfer: Transfer, state: Expired, at: datetime) -> list[PaymentEvent]:
    price = state.terms.amount
    recorded = happened.LateSuccessRecorded(
        reference=transfer.reference, amount=price, captured=True, resolution="ACCEPTED", at=at
    )
    return [recorded, _captured(transfer, state, at), *_surplus(transfer, transfer.amount - price, at)]


def _captured(transfer: Transfer, state: Existing, at: datetime) -> PaymentEvent:
    return happened.PaymentCaptured(reference=transfer.reference, amount=state.terms.amount, at=at)


def _surplus(transfer: Transfer, surplus: int, at: datetime) -> list[PaymentEvent]:
    return to_return([Transfer(transfer.reference, surplus)], "SURPLUS", at) if surplus else []


def contradiction(report: Transferred, asked: Money) -> str:
    """What is wrong with a transfer that can belong nowhere."""
    return f"{report.amount} was transferred, {asked} was asked for"
