"""What clients may send: checked, with complaints that name the field and never repeat its value."""

import json
from typing import Annotated, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from starlette.requests import ClientDisconnect, Request

from app.laptop.sandbox import answers
from app.laptop.sandbox.answers import Refused
from app.laptop.sandbox.operations import Terms

LARGEST_BODY = 64 * 1024
"""Bytes."""

_Amount = Annotated[int, Field(strict=True, gt=0, le=10**15)]
Body = TypeVar("Body", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ChargeBody(_Strict):
    """`POST /v1/charges`."""

    reference: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")
    amount: _Amount
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    token: SecretStr = Field(max_length=256)
    description: str | None = Field(None, max_length=1000)
    return_url: str | None = Field(None, pattern=r"^https?://", max_length=2048)
    expires_at: AwareDatetime | None = None

    def terms(self) -> Terms:
        """Everything but the token."""
        return Terms(self.reference, self.amount, self.currency, self.description, self.return_url, self.expires_at)


class CaptureBody(_Strict):
    """`POST /v1/charges/{id}/capture`; without an amount, everything."""

    amount: _Amount | None = None


class VoidBody(_Strict):
    """`POST /v1/charges/{id}/void`."""


class RefundBody(_Strict):
    """`POST /v1/refunds`; without an amount, everything that is left."""

    charge: str
    amount: _Amount | None = None


class Listing(_Strict):
    """`GET /v1/movements`, as query."""

    begin: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
    after: int = Field(0, ge=0)
    limit: int = Field(100, ge=1, le=1000)


def read_listing(request: Request) -> Listing:
    """What a list is asked for; raises `Refused` when it is not what `Listing` says."""
    try:
        return Listing.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise Refused(_complaint(error)) from None


async def read(request: Request, model: type[Body]) -> Body:
    """The request's body; raises `Refused` when it is not what `model` says."""
    raw = await read_limited(request)
    try:
        return model.model_validate(json.loads(raw or b"{}"))
    except ValidationError as error:
        raise Refused(_complaint(error)) from None
    except (ValueError, RecursionError):
        raise Refused(answers.invalid_request("The body must be a JSON object.")) from None


def _complaint(error: ValidationError) -> answers.Answer:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in problem["loc"])
    return answers.invalid_request(f"{field}: {problem['msg']}", field)


async def read_limited(request: Request) -> bytes:
    """The request's body; raises `Refused` when it is larger than the sandbox reads."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                raise Refused(answers.invalid_request(f"The body is larger than {LARGEST_BODY} bytes."))
    except ClientDisconnect:
        raise Refused(answers.invalid_request("The body ended too early.")) from None
    return bytes(body)


def idempotency_key(request: Request) -> str:
    """The header `Idempotency-Key`; raises `Refused` when there is none that can be used."""
    key = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(key) <= 255:
        message = "Give a header Idempotency-Key of 1 to 255 characters."
        raise Refused(answers.invalid_request(message, "Idempotency-Key"))
    return key
