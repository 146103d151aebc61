"""What may not be, as values a caller can act on. A refusal changes nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Refusal(Exception):
    """A command the rules forbid; `code` is for programs, `message` for people."""

    message: str

    @property
    def code(self) -> str:
        """The refusal's stable name."""
        return type(self).__name__

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class IllegalTransition(Refusal):
    """The payment or order is not in a state that allows the command."""

    status: str


@dataclass(frozen=True)
class AmountNotAllowed(Refusal):
    """The amount is outside what the state of the payment allows; `maximum` is in minor units."""

    maximum: int


@dataclass(frozen=True)
class IdempotencyKeyReused(Refusal):
    """The key already stands for a request with other content."""


@dataclass(frozen=True)
class NoSuchMessage(Refusal):
    """Nothing was owed under this version."""


@dataclass(frozen=True)
class NoSuchEndpoint(Refusal):
    """The merchant has no such webhook endpoint."""


@dataclass(frozen=True)
class TooManyEndpoints(Refusal):
    """The merchant has as many webhook endpoints as it may."""

    maximum: int
