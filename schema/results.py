"""What mutations answer: expected failures are data."""

from typing import Annotated

import strawberry

from app.domain.payment.model import PaymentStatus
from schema.types import Payment


@strawberry.interface(description="Why a command was not carried out. Nothing has changed.")
class Problem:
    """A refused command."""

    code: str = strawberry.field(description="For programs; stable.")
    message: str = strawberry.field(description="For people.")


@strawberry.type(description="The payment is safely stored.")
class PaymentAccepted:
    """The payment is safely stored."""

    payment: Payment
    client_secret: str = strawberry.field(description="Lets a browser watch this one payment and nothing else.")
    replayed: bool = strawberry.field(description="Whether this key had begun the payment before.")


@strawberry.type(description="One thing wrong with the input.")
class InputError:
    """One thing wrong with the input."""

    field: str
    code: str
    message: str


@strawberry.type(description="The input cannot be taken; `field` is the path of the first field that is wrong.")
class InvalidInput(Problem):
    """The input cannot be taken."""

    code: str
    message: str
    field: str
    errors: list[InputError]


@strawberry.type(description="The key already stands for a request with other content.")
class IdempotencyConflict(Problem):
    """The key was used before."""

    code: str
    message: str


@strawberry.type(description="The provider takes no payments now; try again later with the same key.")
class ProviderUnavailable(Problem):
    """The provider is switched off or does not answer."""

    code: str
    message: str
    provider: str


@strawberry.type(description="There is no such payment.")
class PaymentNotFound(Problem):
    """No such payment."""

    code: str
    message: str


@strawberry.type(description="The payment's status does not allow it.")
class IllegalTransition(Problem):
    """The command does not fit the status."""

    code: str
    message: str
    status: PaymentStatus


@strawberry.type(description="The command is safely stored; `payment` is the payment after it.")
class PaymentCommandAccepted:
    """The command is stored."""

    payment: Payment


InitiatePaymentResult = Annotated[
    PaymentAccepted | InvalidInput | IdempotencyConflict | ProviderUnavailable,
    strawberry.union("InitiatePaymentResult"),
]
PaymentCommandResult = Annotated[
    PaymentCommandAccepted | InvalidInput | IdempotencyConflict | PaymentNotFound | IllegalTransition,
    strawberry.union("PaymentCommandResult"),
]
