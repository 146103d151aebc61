"""What a payment provider can be asked, and how it answers.

Every method answers with a report (`app.domain.reports`): a refusal is a `Declined`, no answer or an answer nobody
understands is an `Unknown`. Only a call that was certainly not carried out raises `ProviderUnreachable`; it may be
repeated with the same key. Amounts are in minor units; every key is stored before the call and never changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import SecretStr

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import CaptureMode, Operation
from app.domain.reports import ProviderReport
from app.providers.notices import NoticeReader
from app.settings import Settings

MethodKind = Literal["card", "redirect", "qr"]


class ProviderUnreachable(Exception):
    """Certainly not carried out: the provider was not reached, or turned the call away before doing anything."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider offers, so that anything else is refused before a call."""

    methods: frozenset[MethodKind]
    currencies: frozenset[str] | None = None
    """None: every ISO 4217 currency."""
    amounts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """The least and the greatest amount of a payment by currency, in minor units; where none is named, any."""
    multiples: Mapping[str, int] = field(default_factory=dict)
    """Of what an amount must be a multiple by currency, in minor units: where only whole units are taken, 100."""
    token_prefixes: tuple[str, ...] = ()
    """How the provider's one-time tokens begin; empty: in no way that is known."""
    manual_capture: bool = True
    """Whether money can be held, to be captured later or voided."""
    partial_capture: bool = True
    """Whether less than what is held can be taken."""
    refunds: bool = True
    """Whether money can be given back by a call; else people do it."""
    least_refund: int = 1
    """Minor units."""
    last_refund_only: bool = False
    """Whether `look_up` can tell of a payment's last refund alone."""
    visibility_delay: timedelta = timedelta(seconds=60)
    """How long after a call `look_up` may still answer that there is no trace of it."""
    session_life: timedelta | None = None
    """How long after it was begun a customer can still pay, at the most; None: as long as the payment is open.

    A provider that cannot end a session when asked to is watched for that long after the payment has ended.
    """


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """What every call is about. `return_url` and `initiated_at` are the same however often a call is repeated."""

    payment_id: PaymentId
    money: Money
    method: MethodKind
    initiated_at: datetime
    return_url: str
    """Where the provider sends the customer back to: a page of ours."""
    capture: CaptureMode = CaptureMode.AUTOMATIC
    description: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Authorization:
    """Hold or take the money, or begin the customer's session. `token`: the card's one-time token, else None."""

    terms: PaymentTerms
    key: str
    token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The customer has approved what was begun under `reference` and the provider waits: hold or take the money."""

    terms: PaymentTerms
    key: str
    reference: str


@dataclass(frozen=True, slots=True)
class CaptureCall:
    """Take `money` of what is held under `reference`."""

    terms: PaymentTerms
    key: str
    reference: str
    money: Money


@dataclass(frozen=True, slots=True)
class VoidCall:
    """Release what is held or, when nothing is `held`, end the customer's session, under `reference`."""

    terms: PaymentTerms
    key: str
    reference: str
    held: bool


@dataclass(frozen=True, slots=True)
class RefundCall:
    """Give back `money` of the `captured` money that was taken under `reference`."""

    terms: PaymentTerms
    key: str
    reference: str
    money: Money
    captured: Money


@dataclass(frozen=True, slots=True)
class Query:
    """What became of the operation with this key?

    The answer is a report on that operation: for a capture of which there is no trace it is `Missing`, although the
    authorisation before it is known. `reference` is None while the provider's own id is not known.
    """

    terms: PaymentTerms
    operation: Operation
    key: str
    reference: str | None
    conclusive: bool
    """Whether an answer "no trace" can be relied on: the visibility delay has passed."""
    outstanding: Money
    """What the customer still has to pay: less than the price when a part has arrived."""
    refund: Money | None = None
    """What was to be given back, when that is the question: not every provider repeats it."""
    transfers: tuple[str, ...] = ()
    """The references of the bank transfers that are counted already."""


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

    @property
    def notice_readers(self) -> Sequence[NoticeReader]:
        """Who reads what it sends by itself; empty when it sends nothing."""
        ...

    async def authorize(self, call: Authorization) -> ProviderReport:
        """Hold the money, or say what the customer has to do first."""
        ...

    async def confirm(self, call: Confirmation) -> ProviderReport:
        """Hold or take what the customer has approved; asked only after a report `Approved`."""
        ...

    async def capture(self, call: CaptureCall) -> ProviderReport:
        """Take held money."""
        ...

    async def void(self, call: VoidCall) -> ProviderReport:
        """Release held money, or end a session.

        A provider that cannot end one, and moves no money unless the customer pays, answers `Voided` without a call.
        """
        ...

    async def refund(self, call: RefundCall) -> ProviderReport:
        """Give money back."""
        ...

    async def look_up(self, query: Query) -> ProviderReport:
        """Say what became of an operation, without changing anything."""
        ...


Clock = Callable[[], datetime]
"""Aware, in UTC."""


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What a provider is made from, beside settings of its own."""

    settings: Settings
    clock: Clock

    def notice_url(self, reader: str) -> str:
        """Where the notices for a reader are to be sent."""
        return f"{self.settings.public_url}/webhooks/{reader}"
