"""What a report consists of: types only."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Kind(StrEnum):
    """What is the matter."""

    CHARGE_WITHOUT_PAYMENT = "charge_without_payment"
    """Money at a provider under a name that is no payment of ours."""
    CHARGE_NOT_RECORDED = "charge_not_recorded"
    """Money at a provider that its payment does not know of."""
    CHARGE_NOT_THERE = "charge_not_there"
    """Money that a payment says was taken, and the provider does not."""
    CHARGE_DIFFERS = "charge_differs"
    CHARGED_TWICE = "charged_twice"
    REFUND_WITHOUT_PAYMENT = "refund_without_payment"
    REFUND_NOT_RECORDED = "refund_not_recorded"
    REFUND_NOT_THERE = "refund_not_there"
    REFUND_DIFFERS = "refund_differs"
    HOLD_WITHOUT_PAYMENT = "hold_without_payment"
    HOLD_NOT_RECORDED = "hold_not_recorded"
    NOT_ASKED = "not_asked"
    """A payment of which the provider did not say how it stands."""
    STATEMENT_UNAVAILABLE = "statement_unavailable"
    """A provider whose list was not to be had."""
    TRANSFER_UNASSIGNED = "transfer_unassigned"
    """A bank transfer that names no payment."""
    TRANSFER_HALF_ASSIGNED = "transfer_half_assigned"
    """A bank transfer that was assigned, and has not reached its payment."""
    NOTICE_UNMATCHED = "notice_unmatched"
    """What a provider said of a payment that is none of ours."""
    STREAM_UNREADABLE = "stream_unreadable"
    VIEW_MISSING = "view_missing"
    VIEW_BEHIND = "view_behind"
    VIEW_AHEAD = "view_ahead"
    """The read model knows more than the stream: they do not belong together."""
    VIEW_DIFFERS = "view_differs"
    NOT_LISTED = "not_listed"
    """A payment that its merchant's list does not have."""
    DUE_MISSING = "due_missing"
    """A payment that has something to do, and no time at which anybody looks at it."""
    DUE_STALE = "due_stale"
    """A time at which somebody looks at a payment, and not the right one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference in a sentence, and what would mend it.

    `subject` is the payment's, order's or transfer's id; `reference` the provider's own name of what it is about.
    """

    kind: Kind
    subject: str
    sentence: str
    remedy: str
    provider: str = ""
    reference: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same difference when it is seen again."""
        return (self.kind, self.subject, self.provider, self.reference)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How a provider's own record was had; `note` says what cannot be seen in it."""

    provider: str
    listed: bool
    movements: int
    asked: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that was compared for a day, and all that differs."""

    day: date
    payments: int
    orders: int
    coverages: tuple[Coverage, ...]
    differences: tuple[Difference, ...]
