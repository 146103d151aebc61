"""What each test card does, by the names Stripe gives them (https://docs.stripe.com/testing)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

HOLD = timedelta(days=7)
"""How long a hold lasts."""


@dataclass(frozen=True, slots=True)
class Card:
    """How trying to pay by it goes; without arguments, well."""

    code: str | None = None
    """Why it is declined."""
    decline_code: str | None = None
    authenticates: bool = False
    """Whether the customer has to authenticate first."""
    breaks: bool = False
    """Whether Stripe itself fails after the money is held."""
    hold: timedelta = HOLD


def _declined(decline_code: str) -> Card:
    return Card("card_declined", decline_code)


_VISA, _GENERIC = Card(), _declined("generic_decline")
_INSUFFICIENT, _AUTHENTICATES = _declined("insufficient_funds"), Card(authenticates=True)

CARDS: Mapping[str, Card] = {
    "pm_card_visa": _VISA,
    "pm_card_mastercard": _VISA,
    "pm_card_visa_chargeDeclined": _GENERIC,
    "pm_card_chargeDeclined": _GENERIC,
    "pm_card_chargeCustomerFail": _GENERIC,
    "pm_card_visa_chargeDeclinedInsufficientFunds": _INSUFFICIENT,
    "pm_card_visa_chargeDeclinedLostCard": _declined("lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": _declined("stolen_card"),
    "pm_card_chargeDeclinedFraudulent": _declined("fraudulent"),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": _declined("card_velocity_exceeded"),
    "pm_card_chargeDeclinedExpiredCard": Card("expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": Card("incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": Card("processing_error"),
    "pm_card_authenticationRequired": _AUTHENTICATES,
    "pm_card_threeDSecureRequired": _AUTHENTICATES,
    "pm_card_threeDSecure2Required": _AUTHENTICATES,
    # Not Stripe's, but its behaviour: a 500 is an answer like another and is replayed; holds run out.
    "pm_card_sandboxError": Card(breaks=True),
    "pm_card_sandboxShortHold": Card(hold=timedelta(0)),
    "tok_success": _VISA,
    "tok_visa": _VISA,
    "tok_decline": _GENERIC,
    "tok_insufficient_funds": _INSUFFICIENT,
    "tok_authenticate": _AUTHENTICATES,
}
