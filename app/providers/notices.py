"""What a provider sends by itself (webhook, IPN, bank feed): verified first, then read, then answered in its own form.

A reader checks the signature over the raw bytes, in constant time, and the time stamp where there is one, on both
sides, before it looks at anything else; then that the notice is for this account. Only what passed becomes a `Notice`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from app.domain.ids import PaymentId
from app.domain.payment.events import Operation
from app.domain.reports import ProviderReport

LARGEST_NOTICE = 64 * 1024
"""Bytes of body, and of query."""


@dataclass(frozen=True, slots=True)
class RawNotice:
    """A request as it came. `query` is what follows the question mark, undecoded; header names are lower-case.

    A header that came twice has its values joined with a comma (RFC 9110, section 5.3).
    """

    method: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentNamed:
    """The notice names the payment by our id."""

    payment_id: PaymentId


@dataclass(frozen=True, slots=True)
class TransferNamed:
    """The notice is about a bank transfer whose text has this code, None when there is none to be found in it."""

    code: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing a provider has said, verified.

    `event_id` is the provider's own name of it, the same however often it is sent. `report` is None when the notice is
    only a reason to ask. `evidence` is what people are shown of a notice about nothing we know: no secrets.
    """

    event_id: str
    about: PaymentNamed | TransferNamed
    report: ProviderReport | None
    operation: Operation = Operation.AUTHORIZE
    refund_id: str | None = None
    evidence: Mapping[str, str | int] = field(default_factory=dict)


Fault = Literal["signature", "stale", "account", "malformed"]


class NoticeRefused(Exception):
    """Not to be believed; nothing changes. `fault` is a metric's label, the text says no more than that."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(f"a notice was refused: {fault}")
        self.fault = fault


class Reception(StrEnum):
    """What became of a notice, worst last, so that of several in one message the worst is answered."""

    RECORDED = "recorded"
    REPEATED = "repeated"
    """Known already: nothing changed."""
    IGNORED = "ignored"
    """Verified, and of no interest: outgoing money, an event of another kind."""
    CONTRADICTED = "contradicted"
    """Another amount, currency or outcome than can be: recorded for people."""
    UNKNOWN_PAYMENT = "unknown_payment"
    """About nothing we know: kept for people."""
    REFUSED = "refused"
    """Raised as `NoticeRefused`."""
    UNAVAILABLE = "unavailable"
    """Not stored: it should come again."""


@dataclass(frozen=True, slots=True)
class NoticeReply:
    """The answer in the provider's own form."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"


class NoticeReader(Protocol):
    """Reads one kind of notice; reached at `/webhooks/{name}`."""

    @property
    def name(self) -> str:
        """The last part of the address."""
        ...

    async def read(self, raw: RawNotice) -> Sequence[Notice]:
        """What a request says; empty when it is of no interest. Raises `NoticeRefused`."""
        ...

    def reply(self, reception: Reception, fault: Fault | None = None) -> NoticeReply:
        """The answer; `fault` is given with `REFUSED`. Says no more than the provider's own form of refusal."""
        ...
