"""The sandbox's words as reports. Pure and total: every answer means something, one nobody understands is `Unknown`.

A refused capture, void or refund is judged by how the charge stands: "cannot be captured, it is captured" means
captured. A status that is not known is `Pending`, for the operation exists and may still come to an end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import CardAuthenticationAction, Operation
from app.domain.reports import (
    ActionNeeded,
    Authorized,
    Captured,
    Declined,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
    Voided,
)
from app.providers.answer import Answer
from app.providers.notices import PaymentNamed
from app.providers.statements import Movement, MovementKind

RETRYABLE_CODES = frozenset({"authentication_expired", "authentication_failed"})
"""Refusals after which the same card may succeed in another payment."""

_NOT_ABOUT_THE_OPERATION = frozenset({408, 429})
"""Refused for how or when it was asked, which does not say whether an earlier try succeeded."""
_UNREADABLE = Unknown("an answer nobody understands")
_LONGEST_MESSAGE = 500
_Text = Annotated[str, Field(min_length=1, max_length=255)]
_Amount = Annotated[int, Field(strict=True, ge=0)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Failure(_Read):
    code: _Text
    message: str = ""


class _NextAction(_Read):
    url: str = Field(pattern=r"^https?://", max_length=2048)


class _Charge(_Read):
    object: Literal["charge"]
    id: _Text
    status: str
    amount: _Amount
    amount_captured: _Amount
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    next_action: _NextAction | None = None
    failure: _Failure | None = None


class _Refund(_Read):
    object: Literal["refund"]
    id: _Text
    status: str
    amount: _Amount
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    failure: _Failure | None = None


class _Error(_Failure):
    type: str
    charge: _Charge | None = None


class _Refusal(_Read):
    error: _Error


class _KeptAnswer(_Read):
    status: int
    body: dict[str, JsonValue]


class _Operation(_Read):
    answer: _KeptAnswer
    charge: _Charge | None = None


class _Movement(_Read):
    operation: str
    id: _Text
    reference: str
    amount: _Amount
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    at: AwareDatetime


class _Movements(_Read):
    data: list[_Movement]
    next: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a statement; `next` is where the following part begins, None when there is none."""

    movements: Sequence[Movement]
    next: int | None


_MOVED = {"authorize": MovementKind.HOLD, "capture": MovementKind.CHARGE, "refund": MovementKind.REFUND}
_Model = TypeVar("_Model", bound=BaseModel)


def turned_away(answer: Answer) -> bool:
    """Whether the answer says that nothing was done and the call should be repeated with its key."""
    refusal = _parsed(_Refusal, answer.body)
    return answer.status == 503 and refusal is not None and refusal.error.code == "temporarily_unavailable"


def movements_of(answer: Answer) -> Page | Unknown:
    """A page of the sandbox's movements; a hold that was released is none any more."""
    listed = _parsed(_Movements, answer.body) if answer.positive else None
    if listed is None:
        return Unknown(f"the list was answered {answer.status}")
    movements = [
        Movement(
            _MOVED[line.operation],
            line.id,
            Money(line.amount, line.currency),
            line.at,
            PaymentNamed(PaymentId(line.reference)),
        )
        for line in listed.data
        if line.operation in _MOVED
    ]
    return Page(movements, listed.next)


def report_of_call(operation: Operation, answer: Answer) -> ProviderReport:
    """What the answer of a call says of it."""
    if not answer.positive:
        return _refused(operation, answer)
    if operation is Operation.REFUND:
        refund = _parsed(_Refund, answer.body)
        return _UNREADABLE if refund is None else _refund(refund)
    charge = _parsed(_Charge, answer.body)
    return _UNREADABLE if charge is None else _charge(operation, charge)


def report_of_look_up(operation: Operation, answer: Answer, *, conclusive: bool) -> ProviderReport:
    """What the answer to a look-up says of the operation looked for."""
    if not answer.positive:
        refusal = _parsed(_Refusal, answer.body)
        no_trace = answer.status == 404 and refusal is not None and refusal.error.code == "resource_missing"
        return Missing(conclusive) if no_trace else Unknown(f"the look-up was answered {answer.status}")
    found = _parsed(_Operation, answer.body)
    if found is None:
        return _UNREADABLE
    if operation is Operation.AUTHORIZE and found.charge is not None:
        # The first answer may be long past: the customer has acted since.
        return _charge(operation, found.charge)
    return report_of_call(operation, Answer(found.answer.status, found.answer.body))


def _charge(operation: Operation, charge: _Charge) -> ProviderReport:
    settled = _settled(operation, charge)
    if settled is not None or operation is not Operation.AUTHORIZE:
        return settled or Pending()
    match charge.status:
        case "authorized":
            return Authorized(charge.id, Money(charge.amount, charge.currency))
        case "declined":
            return _declined(charge.failure or _Failure(code="declined"), charge.id)
        case "requires_action" if charge.next_action is not None:
            return ActionNeeded(charge.id, CardAuthenticationAction(url=charge.next_action.url))
    return Pending()


def _settled(operation: Operation, charge: _Charge) -> Captured | Voided | None:
    """What is true of the money whatever was asked for."""
    match charge.status:
        case "declined" if operation is Operation.VOID:
            return Voided(charge.id)  # nothing is held, nothing was taken
        case "captured":
            return Captured(charge.id, Money(charge.amount_captured, charge.currency))
        case "voided":
            return Voided(charge.id)
    return None


def _refund(refund: _Refund) -> ProviderReport:
    match refund.status:
        case "succeeded":
            return Refunded(refund.id, Money(refund.amount, refund.currency))
        case "failed" | "canceled":
            return _declined(refund.failure or _Failure(code="refund_failed"), refund.id)
    return Pending()


def _refused(operation: Operation, answer: Answer) -> ProviderReport:
    refusal = _parsed(_Refusal, answer.body)
    if refusal is None or answer.status >= 500 or answer.status in _NOT_ABOUT_THE_OPERATION:
        return Unknown(f"answered {answer.status}")
    error = refusal.error
    match error.code:
        case "idempotency_key_in_use":
            return Pending()
        case "idempotency_key_reused":
            # Something was done under this key, and not what was asked now: only a look-up can tell what.
            return Unknown("the idempotency key was used with other parameters")
    if error.charge is None or operation in {Operation.AUTHORIZE, Operation.REFUND}:
        return _declined(error, error.charge.id if error.charge else None)
    return _settled(operation, error.charge) or _declined(error, error.charge.id)


def _declined(failure: _Failure, reference: str | None) -> Declined:
    message = failure.message[:_LONGEST_MESSAGE]
    return Declined(failure.code, message, retryable=failure.code in RETRYABLE_CODES, reference=reference)


def _parsed(model: type[_Model], body: object) -> _Model | None:
    try:
        return model.model_validate(body)
    except ValidationError:
        return None
