"""Asking what has arrived, so that a transfer is found of which no notice came."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from app.domain.reports import Declined, Unknown, Voided
from app.providers.port import Query
from app.providers.vietqr.movements import Movement


@dataclass(frozen=True, slots=True)
class Statement:
    """What has arrived for one payment, oldest first; `ended` when nothing more will, and how it came to that."""

    arrived: Sequence[Movement]
    ended: Voided | Declined | None = None


class BankStatement(Protocol):
    """Somebody who can be asked what has arrived."""

    async def of(self, query: Query) -> Statement | Unknown:
        """What has arrived for the payment that is asked about. Raises `ProviderUnreachable`."""
        ...
