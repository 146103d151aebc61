"""The JSON the sandbox speaks: charges, refunds and errors, in the manner of Stripe."""

import json
from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue

from app.laptop.sandbox.charges import Charge, ChargeStatus, Refusal
from app.laptop.sandbox.tokens import Delivery


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered; `charge` is the id of the charge it is about."""

    status: int
    body: dict[str, JsonValue]
    charge: str | None = None
    delivery: Delivery = Delivery.AT_ONCE
    kept: bool = False
    """Whether a repeat with the same key gets this answer again."""
    replayed: bool = False

    @classmethod
    def restored(cls, status: int, body: str, charge: str | None) -> Self:
        """A kept answer, read back."""
        return cls(status, json.loads(body), charge, kept=True, replayed=True)

    def body_text(self) -> str:
        """The body as it is kept."""
        return json.dumps(self.body)


class Refused(Exception):
    """The request gets `answer`, and nothing is done."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"refused with {answer.status}")
        self.answer = answer


def charge_json(charge: Charge, approval_url: str) -> dict[str, JsonValue]:
    """A charge as clients see it; `approval_url` is where the customer approves it."""
    waits = charge.status is ChargeStatus.REQUIRES_ACTION
    return {
        "object": "charge",
        "id": charge.id,
        "reference": charge.reference,
        "status": charge.status.value,
        "amount": charge.amount,
        "amount_captured": charge.captured,
        "amount_refunded": charge.refunded,
        "currency": charge.currency,
        "next_action": {"type": "authenticate", "url": approval_url} if waits else None,
        "failure": {"code": charge.failure.code, "message": charge.failure.message} if charge.failure else None,
        "created": int(charge.created_at.timestamp()),
    }


def refund_json(refund_id: str, charge: Charge, amount: int) -> dict[str, JsonValue]:
    """A refund as clients see it."""
    return {
        "object": "refund",
        "id": refund_id,
        "charge": charge.id,
        "reference": charge.reference,
        "status": "succeeded",
        "amount": amount,
        "currency": charge.currency,
    }


def error(
    status: int,
    kind: str,
    refusal: Refusal,
    *,
    parameter: str | None = None,
    charge: dict[str, JsonValue] | None = None,
) -> Answer:
    """An error; never repeats a value the caller sent. `charge` shows how the charge stands that was refused."""
    body: JsonValue = {
        "type": kind,
        "code": refusal.code,
        "message": refusal.message,
        "param": parameter,
        "charge": charge,
    }
    return Answer(status, {"error": body})


def invalid_request(message: str, parameter: str | None = None) -> Answer:
    """A request that cannot be understood."""
    return error(400, "invalid_request_error", Refusal("parameter_invalid", message), parameter=parameter)


def missing(what: str) -> Answer:
    """No trace of what was asked for."""
    return error(404, "invalid_request_error", Refusal("resource_missing", f"No such {what}."))


INVALID_TOKEN = error(
    400, "invalid_request_error", Refusal("invalid_token", "The token is not known."), parameter="token"
)
KEY_REUSED = error(
    400,
    "idempotency_error",
    Refusal("idempotency_key_reused", "The idempotency key was used before with other parameters."),
)
KEY_IN_USE = error(
    409, "idempotency_error", Refusal("idempotency_key_in_use", "A request with this idempotency key is running.")
)
TURNED_AWAY = error(
    503,
    "overloaded_error",
    Refusal("temporarily_unavailable", "Nothing was done; repeat the request with the same idempotency key."),
)
"""Refused before anything ran, as Stripe's 429 is: certainly not done."""
