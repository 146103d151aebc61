"""How Stripe is spoken to: keys, forms with brackets, errors."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.laptop.sandbox.bodies import read_limited

NAME = "stripe"
SECRET_KEY = "sk_test_paygate_sandbox_only"  # noqa: S105 - invented, and opens nothing
PUBLISHABLE_KEY = "pk_test_paygate_sandbox_only"
WEBHOOK_SECRET = "whsec_paygate_sandbox_only"  # noqa: S105 - invented, and opens nothing

Document = dict[str, Any]


class StripeError(Exception):
    """The call is refused. `kept`: the answer is what a repeat with the same key gets."""

    def __init__(self, status: int, kind: str, code: str, message: str, *, kept: bool = False, **more: Any) -> None:
        super().__init__(code)
        self.status = status
        self.kept = kept
        self.body: Document = {"error": {"type": kind, "code": code, "message": message, **more}}


def invalid(message: str, param: str | None = None, code: str = "parameter_invalid") -> StripeError:
    """A parameter is wrong."""
    return StripeError(400, "invalid_request_error", code, message, param=param)


def missing(what: str, name: str, param: str) -> StripeError:
    """There is no such thing."""
    return StripeError(404, "invalid_request_error", "resource_missing", f"No such {what}: '{name}'", param=param)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, understood: `fields` by their bracketed names."""

    request: Request
    fields: Mapping[str, str]
    publishable: bool
    """Whether it comes from a browser, by the key everybody may know."""

    def path(self, name: str) -> str:
        """A part of the address."""
        part: str = self.request.path_params[name]
        return part

    @property
    def key(self) -> str | None:
        """The idempotency key; of no effect on what changes nothing."""
        return self.request.headers.get("idempotency-key") if self.request.method == "POST" else None

    def token(self) -> str | None:
        """What stands for the card, in the newer form or the older one."""
        return self.fields.get("payment_method") or self.fields.get("payment_method_data[card][token]")

    def amount(self, name: str, most: int = 99_999_999) -> int | None:
        """A whole, positive number."""
        text = self.fields.get(name)
        if text is None:
            return None
        if not text.isascii() or not text.isdigit() or not 0 < int(text) <= most:
            raise invalid(f"Invalid integer: {name}", name, "parameter_invalid_integer")
        return int(text)

    def metadata(self) -> dict[str, str]:
        """What the caller wants written on the object."""
        return {
            name.removeprefix("metadata[").removesuffix("]"): value
            for name, value in self.fields.items()
            if name.startswith("metadata[")
        }


async def understood(request: Request) -> Asked:
    """The request; raises `StripeError` when the key is wrong or the body is not a form."""
    publishable = _is_publishable(request.headers.get("authorization", ""))
    raw = (await read_limited(request)).decode("utf-8", "replace")
    if raw and not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise StripeError(400, "invalid_request_error", "parameter_unknown", "Send the body as a form, not as JSON.")
    pairs = [*parse_qsl(request.url.query, keep_blank_values=True), *parse_qsl(raw, keep_blank_values=True)]
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise invalid("A parameter was given twice.")
    return Asked(request, fields, publishable)


def _is_publishable(authorization: str) -> bool:
    scheme, _, value = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            key = value.strip()
        case "basic":
            key = _user_of(value)
        case _:
            raise StripeError(401, "invalid_request_error", "api_key_missing", "You did not provide an API key.")
    if key not in {SECRET_KEY, PUBLISHABLE_KEY}:
        raise StripeError(401, "invalid_request_error", "api_key_invalid", "Invalid API key provided.")
    return key == PUBLISHABLE_KEY


def _user_of(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[0]
    except ValueError:
        return ""


def answered(status: int, body: Document, *, replayed: bool = False) -> Response:
    """An answer with the headers Stripe sends."""
    headers = {"Request-Id": f"req_{secrets.token_hex(7)}"}
    return JSONResponse(body, status, headers | {"Idempotent-Replayed": "true"} if replayed else headers)
