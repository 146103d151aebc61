"""What a payment provider said, as one type.

The answer of a call, a webhook and a look-up all become one of these and enter the domain by one door
(`decide` with `RecordReport`), so late, doubled and contradictory answers are resolved in one place.
"""

from dataclasses import dataclass

from app.domain.money import Money
from app.domain.payment.events import CustomerAction


@dataclass(frozen=True, slots=True)
class Authorized:
    """The funds are held; `reference` is the provider's own id."""

    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Captured:
    """The money is taken."""

    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class ActionNeeded:
    """The customer has to do something first; `action` is None when the provider only says that it still waits."""

    reference: str
    action: CustomerAction | None


@dataclass(frozen=True, slots=True)
class Approved:
    """The customer has agreed, and the provider waits to be told to go on (`Operation.CONFIRM`)."""

    reference: str


@dataclass(frozen=True, slots=True)
class Transferred:
    """Money has arrived in our account; `reference` names this transfer alone, whoever tells of it."""

    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Expired:
    """The customer came too late: the provider takes this payment no more, and nothing was taken."""

    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite no. `retryable` says whether another attempt, as another payment, may succeed."""

    code: str
    message: str
    retryable: bool = False
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Voided:
    """The held funds are released, or the customer called the payment off; nothing was taken."""

    reference: str


@dataclass(frozen=True, slots=True)
class Refunded:
    """Money went back to the customer."""

    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Pending:
    """The provider knows the operation and has no outcome yet."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The provider has no trace of the operation.

    `conclusive` is false while a request might still be on its way or not yet visible to queries.
    """

    conclusive: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or none that can be understood: the operation may or may not have taken effect."""

    reason: str


ProviderReport = (
    Authorized
    | Captured
    | ActionNeeded
    | Approved
    | Transferred
    | Expired
    | Declined
    | Voided
    | Refunded
    | Pending
    | Missing
    | Unknown
)
