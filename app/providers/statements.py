"""What a provider's own books say of a span of time, for providers that list it; asked for by reports, never to pay.

A statement shows what no look-up can: money under a name of which we know nothing. A provider without a listing is
asked about each payment instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from app.domain.money import Money
from app.domain.reports import Unknown
from app.providers.notices import PaymentNamed, TransferNamed


class MovementKind(StrEnum):
    """What became of the money."""

    CHARGE = "charge"
    REFUND = "refund"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Span:
    """From `begin` until just before `end`; both aware."""

    begin: datetime
    end: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.begin <= at < self.end


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that was taken, given back or held; `reference` is the provider's own, as its reports have it.

    `about` is None where the provider names no payment. `reader` and `evidence` are those of the notice that tells of
    the same bank transfer.
    """

    kind: MovementKind
    reference: str
    money: Money
    at: datetime
    about: PaymentNamed | TransferNamed | None = None
    reader: str = ""
    evidence: Mapping[str, str | int] = field(default_factory=dict, hash=False)


@runtime_checkable
class KeepsStatement(Protocol):
    """A provider that lists its movements."""

    async def statement(self, span: Span) -> Sequence[Movement] | Unknown | None:
        """Every movement in `span`; `Unknown` when the list was not to be had, None when these settings give none.

        Raises `ProviderUnreachable`.
        """
        ...
