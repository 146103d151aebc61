"""What a payment provider can be asked, and how it answers.

Every method answers with a report (`app.domain.reports`): a refusal is a `Declined`, no answer or an answer nobody
understands is an `Unknown`. Only a call that was certainly not carried out raises `ProviderUnreachable`; it may be
repeated with the same key. Amounts are in minor units; every key is stored before the call and never changes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import SecretStr

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import Operation
from app.domain.reports import ProviderReport

MethodKind = Literal["card", "redirect", "qr"]


class ProviderUnreachable(Exception):
    """Certainly not carried out: the provider was not reached, or turned the call away before doing anything."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider offers, so that anything else is refused before a call."""

    methods: frozenset[MethodKind]
    currencies: frozenset[str] | None = None
    """None: every ISO 4217 currency."""
    token_prefixes: tuple[str, ...] = ()
    """How the provider's one-time tokens begin; empty: in no way that is known."""
    visibility_delay: timedelta = timedelta(seconds=60)
    """How long after a call `look_up` may still answer that there is no trace of it."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """Hold the money. `token` is the card's one-time token, None for other methods."""

    payment_id: PaymentId
    key: str
    money: Money
    method: MethodKind
    token: SecretStr | None
    description: str | None = None
    return_url: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CaptureCall:
    """Take `money` of what is held under `reference`."""

    payment_id: PaymentId
    key: str
    reference: str
    money: Money


@dataclass(frozen=True, slots=True)
class VoidCall:
    """Release what is held, or end the session, under `reference`."""

    payment_id: PaymentId
    key: str
    reference: str


@dataclass(frozen=True, slots=True)
class RefundCall:
    """Give back `money` of what was taken under `reference`."""

    payment_id: PaymentId
    key: str
    reference: str
    money: Money


@dataclass(frozen=True, slots=True)
class Query:
    """What became of the operation with this key?

    The answer is a report on that operation: for a capture of which there is no trace it is `Missing`, although the
    authorisation before it is known. `reference` is None while the provider's own id is not known.
    """

    payment_id: PaymentId
    operation: Operation
    key: str
    reference: str | None
    conclusive: bool
    """Whether an answer "no trace" can be relied on: the visibility delay has passed."""


class PaymentProvider(Protocol):
    """One provider. `name` is what clients write in `provider`."""

    @property
    def name(self) -> str:
        """What clients write in `provider`."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it offers."""
        ...

    async def authorize(self, call: Authorization) -> ProviderReport:
        """Hold the money, or say what the customer has to do first."""
        ...

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Take held money."""
        ...

    async def void(self, call: VoidCall) -> ProviderReport:
        """Release held money."""
        ...

    async def refund(self, call: RefundCall) -> ProviderReport:
        """Give money back."""
        ...

    async def look_up(self, query: Query) -> ProviderReport:
        """Say what became of an operation, without changing anything."""
        ...
