"""What may happen to a charge: pure rules, amounts in the currency's minor unit.

    requires_action ──▶ authorized ──▶ captured (and refunded, at most what was captured)
           │    └─────▶ declined          ▲ what is not captured is released
           └──▶ voided ◀── authorized

A rule answers with the changed charge, or with a `Refusal` that says why nothing changed.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class ChargeStatus(StrEnum):
    """Where a charge stands."""

    REQUIRES_ACTION = "requires_action"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    VOIDED = "voided"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something was not done."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Charge:
    """One authorisation and what became of it; `key` is the idempotency key it was made with."""

    id: str
    reference: str
    key: str
    amount: int
    currency: str
    status: ChargeStatus
    created_at: datetime
    captured: int = 0
    refunded: int = 0
    failure: Refusal | None = None
    description: str | None = None
    return_url: str | None = None
    expires_at: datetime | None = None


AUTHENTICATION_FAILED = Refusal("authentication_failed", "The customer did not authenticate the payment.")
AUTHENTICATION_EXPIRED = Refusal("authentication_expired", "The customer came too late to authenticate the payment.")


def capture(charge: Charge, amount: int | None) -> Charge | Refusal:
    """Take `amount`, or all, of what is held; the rest is released."""
    if charge.status is not ChargeStatus.AUTHORIZED:
        return _unexpected_state(charge, "captured")
    taken = charge.amount if amount is None else amount
    if taken > charge.amount:
        return Refusal("amount_too_large", f"At most the {charge.amount} that are held can be captured.")
    return replace(charge, status=ChargeStatus.CAPTURED, captured=taken)


def void(charge: Charge) -> Charge | Refusal:
    """Release what is held, or end the wait for the customer."""
    if charge.status not in {ChargeStatus.AUTHORIZED, ChargeStatus.REQUIRES_ACTION}:
        return _unexpected_state(charge, "voided")
    return replace(charge, status=ChargeStatus.VOIDED)


def refund(charge: Charge, amount: int | None) -> Charge | Refusal:
    """Give back `amount`, or all that is left, of what was captured."""
    if charge.status is not ChargeStatus.CAPTURED:
        return _unexpected_state(charge, "refunded")
    left = charge.captured - charge.refunded
    returned = left if amount is None else amount
    if returned > left or left == 0:
        return Refusal("amount_too_large", f"At most the {left} that are left can be refunded.")
    return replace(charge, refunded=charge.refunded + returned)


def authenticate(charge: Charge, now: datetime, *, approved: bool) -> Charge | Refusal:
    """Take in what the customer decided on the approval page."""
    if charge.status is not ChargeStatus.REQUIRES_ACTION:
        return _unexpected_state(charge, "approved or declined")
    if charge.expires_at is not None and now >= charge.expires_at:
        return replace(charge, status=ChargeStatus.DECLINED, failure=AUTHENTICATION_EXPIRED)
    if not approved:
        return replace(charge, status=ChargeStatus.DECLINED, failure=AUTHENTICATION_FAILED)
    return replace(charge, status=ChargeStatus.AUTHORIZED)


def _unexpected_state(charge: Charge, wish: str) -> Refusal:
    return Refusal("charge_unexpected_state", f"A charge that is {charge.status} cannot be {wish}.")
