"""What clients may send: PayPal's own rules, as far as they concern us."""

import json
import re
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request

from app.laptop.sandbox.bodies import read_limited
from app.laptop.sandbox.paypal.refusals import Refused, invalid

CURRENCIES = frozenset(
    {
        *("AUD", "BRL", "CAD", "CNY", "CZK", "DKK", "EUR", "HKD", "HUF", "ILS", "JPY", "MYR", "MXN", "TWD", "NZD"),
        *("NOK", "PHP", "PLN", "GBP", "RUB", "SGD", "SEK", "CHF", "THB", "USD"),
    }
)
_NO_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
_NO_MINOR_UNIT = frozenset({"JPY"})
_Short = Annotated[str, Field(max_length=127)]


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class Amount(_Sent):
    """A decimal string."""

    currency_code: str
    value: str = Field(max_length=32)

    def minor(self) -> int:
        """In the currency's minor unit; raises `Refused` for what PayPal does not take."""
        if self.currency_code not in CURRENCIES:
            raise Refused("CURRENCY_NOT_SUPPORTED", "Currency code is not supported.")
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", self.value):
            raise invalid("amount.value", "INVALID_PARAMETER_SYNTAX")
        whole, _, decimals = self.value.partition(".")
        if decimals and self.currency_code in _NO_DECIMALS:
            raise Refused("DECIMALS_NOT_SUPPORTED", "Currency does not support decimals.")
        if len(decimals) > 2:
            raise Refused("DECIMAL_PRECISION", "The value can have two decimals.")
        digits = 0 if self.currency_code in _NO_MINOR_UNIT else 2
        return int(whole + decimals.ljust(digits, "0"))


def written(minor: int, currency: str) -> dict[str, str]:
    """An amount as PayPal writes it."""
    if currency in _NO_MINOR_UNIT:
        return {"currency_code": currency, "value": str(minor)}
    whole, cents = divmod(minor, 100)
    value = str(whole) if currency in _NO_DECIMALS else f"{whole}.{cents:02}"
    return {"currency_code": currency, "value": value}


class _Unit(_Sent):
    reference_id: str | None = Field(None, max_length=256)
    custom_id: _Short | None = None
    invoice_id: _Short | None = None
    description: _Short | None = None
    amount: Amount


class ExperienceContext(_Sent):
    """Where the payer goes to and comes back to."""

    return_url: str = Field(pattern=r"^https?://", max_length=2048)
    cancel_url: str = Field(pattern=r"^https?://", max_length=2048)
    user_action: Literal["CONTINUE", "PAY_NOW"] = "CONTINUE"
    shipping_preference: Literal["GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"] = "GET_FROM_FILE"
    payment_method_preference: Literal["UNRESTRICTED", "IMMEDIATE_PAYMENT_REQUIRED"] = "UNRESTRICTED"
    brand_name: _Short | None = None


class _PayPal(_Sent):
    experience_context: ExperienceContext


class _Source(_Sent):
    paypal: _PayPal


class OrderBody(_Sent):
    """`POST /v2/checkout/orders`."""

    intent: Literal["CAPTURE", "AUTHORIZE"]
    purchase_units: list[_Unit] = Field(min_length=1, max_length=1)
    payment_source: _Source | None = None
    application_context: ExperienceContext | None = None

    @model_validator(mode="after")
    def _says_where_to_come_back(self) -> Self:
        if self.payment_source is None and self.application_context is None:
            raise ValueError("give payment_source or application_context")
        return self

    @property
    def context(self) -> ExperienceContext:
        """In the form of today, or in the older one."""
        if self.payment_source is not None:
            return self.payment_source.paypal.experience_context
        if self.application_context is None:
            raise ValueError("checked above")
        return self.application_context


class EmptyBody(_Sent):
    """Nothing has to be said."""


class CaptureBody(_Sent):
    """Capture of a hold; without an amount, all of it."""

    amount: Amount | None = None
    final_capture: bool = False


class RefundBody(_Sent):
    """Refund of a capture; without an amount, all that is left."""

    amount: Amount | None = None
    custom_id: _Short | None = None


Body = TypeVar("Body", bound=BaseModel)


async def read(request: Request, model: type[Body]) -> tuple[Body, bytes]:
    """The request's body, also as it came; raises `Refused`."""
    raw = await read_limited(request)
    if raw and request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused("UNSUPPORTED_MEDIA_TYPE", "Send JSON.", status=415, name="UNSUPPORTED_MEDIA_TYPE")
    try:
        return model.model_validate(json.loads(raw or b"{}")), raw
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise invalid(".".join(str(part) for part in problem["loc"])) from None
    except (ValueError, RecursionError):
        raise Refused("MALFORMED_REQUEST_JSON", "The body must be a JSON object.", status=400) from None
