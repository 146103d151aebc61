"""What each magic token makes the sandbox do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from app.laptop.sandbox.charges import ChargeStatus, Refusal


class Delivery(Enum):
    """When the answer of a call reaches the client."""

    AT_ONCE = auto()
    LATE = auto()
    NEVER = auto()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How an authorisation goes; without arguments, well."""

    outcome: Literal[ChargeStatus.AUTHORIZED, ChargeStatus.REQUIRES_ACTION, ChargeStatus.DECLINED] = (
        ChargeStatus.AUTHORIZED
    )
    refusal: Refusal | None = None
    """Why the card is declined; only for `DECLINED`."""
    delivery: Delivery = Delivery.AT_ONCE
    charges: bool = True
    """Whether the call has any effect."""
    failures: int = 0
    """How many tries with one key are turned away before one is carried out."""


BEHAVIOURS: Mapping[str, Behaviour] = {
    "tok_success": Behaviour(),
    "tok_decline": Behaviour(outcome=ChargeStatus.DECLINED, refusal=Refusal("card_declined", "The card was declined.")),
    "tok_insufficient_funds": Behaviour(
        outcome=ChargeStatus.DECLINED, refusal=Refusal("insufficient_funds", "The card has insufficient funds.")
    ),
    "tok_slow": Behaviour(delivery=Delivery.LATE),
    "tok_timeout": Behaviour(delivery=Delivery.NEVER),
    "tok_timeout_before": Behaviour(delivery=Delivery.NEVER, charges=False),
    "tok_flaky": Behaviour(failures=2),
    "tok_authenticate": Behaviour(outcome=ChargeStatus.REQUIRES_ACTION),
}
