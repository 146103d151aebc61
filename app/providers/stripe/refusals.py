"""Why Stripe refused, in words that clients may see: codes that are known, and messages of our own.

Stripe's own messages may name the token. A card reported lost or stolen, or a suspicion of fraud, is only ever
"declined": whoever holds the card must not learn of it. A code that is not known is kept to ourselves as well.
"""

from collections.abc import Mapping

from app.domain.reports import Declined

CARD_DECLINED = "card_declined"

_MESSAGES: Mapping[str, str] = {
    CARD_DECLINED: "The card was declined.",
    "try_again_later": "The card was declined for now; try again later.",
    "processing_error": "The card could not be processed; try again.",
    "reenter_transaction": "The card could not be processed; try again.",
    "issuer_not_available": "The card's bank could not be reached; try again.",
    "authentication_required": "The card's bank wants the customer to authenticate the payment.",
    "payment_intent_authentication_failure": "The customer did not authenticate the payment.",
    "insufficient_funds": "The card has insufficient funds.",
    "expired_card": "The card has expired.",
    "incorrect_cvc": "The card's security code is wrong.",
    "incorrect_number": "The card's number is wrong.",
    "card_velocity_exceeded": "The card was used too often or for too much.",
    "withdrawal_count_limit_exceeded": "The card was used too often or for too much.",
    "card_not_supported": "The card does not support payments of this kind.",
    "currency_not_supported": "The card does not support this currency.",
    "duplicate_transaction": "A payment of the same amount was made with this card just before.",
    "amount_too_small": "The amount is smaller than Stripe takes.",
    "amount_too_large": "The amount is larger than Stripe takes, or than is left.",
    "charge_already_refunded": "The payment was given back already.",
    "charge_disputed": "The payment is disputed by the customer's bank.",
    "payment_intent_unexpected_state": "The payment is not in a state that allows this.",
    "resource_missing": "Stripe does not know this token or payment.",
    "refund_failed": "The money could not be given back.",
    "request_refused": "Stripe refused the request.",
    "token_already_used": "The token belongs to another payment.",
    "token_amount_mismatch": "The token was confirmed for another amount or currency.",
    "token_not_held": "The token holds no money that can be captured: it must be confirmed with manual capture.",
}
_SAME_CARD_MAY_SUCCEED = frozenset(
    {
        "try_again_later",
        "processing_error",
        "reenter_transaction",
        "issuer_not_available",
        "authentication_required",
        "payment_intent_authentication_failure",
    }
)


def declined(code: str, reference: str | None = None) -> Declined:
    """A definite no, by a code of the table; any other is `request_refused`."""
    known = code if code in _MESSAGES else "request_refused"
    return Declined(known, _MESSAGES[known], known in _SAME_CARD_MAY_SUCCEED, reference)


def card_declined(code: str | None, decline_code: str | None, reference: str | None = None) -> Declined:
    """A decline of a card, by the most telling code that may be told."""
    # The bank's reason decides whether anything may be told; a code beside it that says more must not.
    telling = decline_code or code
    return declined(telling if telling is not None and telling in _MESSAGES else CARD_DECLINED, reference)
