"""Every way to pay, and what can come of it at its provider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Way:
    """One provider: its currency, the smallest step of a price in minor units, and what it can do."""

    provider: str
    currency: str
    step: int
    presses: frozenset[str]
    """What a customer can do on the provider's page beside approving."""
    holds: bool = False
    refunds: bool = True
    cards: Mapping[str, Sequence[str]] | None = None
    """The cards, by what they do at once: `pay`, `ask` the customer, or are `refused`."""

    @property
    def transfers(self) -> bool:
        """Whether it is paid by bank transfer."""
        return self.provider == "vietqr"

    def price(self, chance: Random) -> int:
        """A price in minor units, of whole quarters."""
        return 4 * self.step * chance.randint(3, 60)

    def method(self, wish: str, chance: Random) -> dict[str, Any]:
        """The `method` of a payment that is to be approved, declined or something else by the customer."""
        if self.transfers:
            return {"qr": {"provider": self.provider}}
        if self.cards is None:
            return {"redirect": {"provider": self.provider}}
        at_once = {"approve": "pay", "decline": "refused"}.get(wish)
        kind = at_once if at_once and chance.random() < 0.5 else "ask"
        return {"card": {"provider": self.provider, "token": chance.choice(self.cards[kind])}}


_SANDBOX = {
    "pay": ("tok_success", "tok_success", "tok_success", "tok_flaky", "tok_slow", "tok_timeout"),
    "ask": ("tok_authenticate",),
    "refused": ("tok_decline", "tok_insufficient_funds"),
}
_STRIPE = {
    "pay": ("pm_card_visa", "pm_card_mastercard"),
    "ask": ("pm_card_authenticationRequired",),
    "refused": ("pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds"),
}
_REFUSES, _LATE, _ANY = (
    frozenset({"decline"}),
    frozenset({"decline", "expire"}),
    frozenset({"decline", "cancel", "expire"}),
)

WAYS = (
    Way("sandbox", "EUR", 50, _REFUSES, holds=True, cards=_SANDBOX),
    Way("stripe", "EUR", 50, _REFUSES, holds=True, cards=_STRIPE),
    Way("paypal", "EUR", 50, _LATE, holds=True),
    Way("momo", "VND", 2_000, _ANY, holds=True),
    Way("zalopay", "VND", 2_000, _LATE),
    Way("vnpay", "VND", 2_000, _ANY),
    Way("vietqr", "VND", 2_000, frozenset(), refunds=False),
)
