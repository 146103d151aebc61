"""What a client sends, checked before anything happens. Field names in errors are the client's own (camelCase)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from app.domain.ids import ID_GRAMMAR
from app.domain.money import CURRENCY_EXPONENTS
from app.domain.payment.events import CaptureMode
from app.gateway.addresses import EmailAddress, KnownLocale
from app.observability.redact import contains_card_number
from app.providers.port import MethodKind

GREATEST_AMOUNT = 2_147_483_647
_MOST_METADATA_KEYS = 50
_MOST_METADATA_CHARACTERS = 8_192
_GREATEST_EXPIRY_SECONDS = 30 * 24 * 3600
_GREATEST_WAIT_MS = 60_000
_TOKEN = re.compile(r"[A-Za-z0-9_.\-]{1,255}")
_NOT_IN_AN_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")
_CARD_NUMBER = "card_number_refused"
_LONGEST_NUMBER_LOOKED_AT = 10**20


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of the input; `field` is a path such as `method.card.token`."""

    field: str
    code: str
    message: str


@dataclass(frozen=True)
class InvalidRequest(Exception):
    """Input that cannot be taken; nothing has changed."""

    problems: tuple[FieldProblem, ...]


def _currency(code: str) -> str:
    if code not in CURRENCY_EXPONENTS:
        raise PydanticCustomError("unknown_currency", "is not an ISO 4217 currency code, such as EUR")
    return code


def _id(text: str) -> str:
    if not ID_GRAMMAR.fullmatch(text):
        raise PydanticCustomError("invalid_id", "takes 1 to 64 letters, digits, dashes and underscores")
    return text


def _token(token: SecretStr) -> SecretStr:
    text = token.get_secret_value()
    if contains_card_number(text):
        raise PydanticCustomError(_CARD_NUMBER, "takes the provider's one-time token, never a card number")
    if not _TOKEN.fullmatch(text):
        raise PydanticCustomError(
            "invalid_token", "takes the provider's one-time token: 1 to 255 letters, digits, _ . -"
        )
    return token


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and not parts.username and not parts.password
        _ = parts.port  # raises for what is no port
    except ValueError:
        usable = False
    if not usable or len(text) > 2048 or _NOT_IN_AN_ADDRESS.search(text):
        raise PydanticCustomError("invalid_url", "takes an http or https address without user and password")
    return text


def _small(metadata: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        text = json.dumps(metadata, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:
        raise PydanticCustomError("invalid_json", "takes what JSON can say: no NaN, no half characters") from None
    if len(metadata) > _MOST_METADATA_KEYS or len(text) > _MOST_METADATA_CHARACTERS:
        raise PydanticCustomError("too_large", "takes at most 50 keys and 8192 characters")
    return metadata


Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
Id = Annotated[str, AfterValidator(_id)]
Amount = Annotated[int, Field(ge=1, le=GREATEST_AMOUNT, strict=True)]
Currency = Annotated[str, AfterValidator(_currency)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
ExpiresIn = Annotated[int, Field(ge=1, le=_GREATEST_EXPIRY_SECONDS)]
WaitFor = Literal["ACTION_OR_FINAL", "FINAL"]
TimeoutMs = Annotated[int, Field(ge=1, le=_GREATEST_WAIT_MS)]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_small)]
ProviderName = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class CheckedRequest(BaseModel):
    """Input under the client's names, without a card number anywhere."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _no_card_numbers(cls, data: Any) -> Any:
        # Streams are append-only: a card number that gets in cannot be taken out again (PCI DSS 3.5.1).
        if isinstance(data, Mapping):
            for name, value in data.items():
                if contains_card_number(str(name)):
                    raise PydanticCustomError(_CARD_NUMBER, "must not contain a card number")
                # What is a request of its own names its own field.
                own = name != "metadata" and _is_request(value)
                if not own and any(contains_card_number(text) for text in _texts(value)):
                    raise PydanticCustomError(
                        _CARD_NUMBER, "must not contain a card number", {"field": to_camel(str(name))}
                    )
        return data


def _is_request(value: Any) -> bool:
    """Whether it is a request within a request, or a list of them."""
    return isinstance(value, Mapping) or (isinstance(value, list) and all(isinstance(each, Mapping) for each in value))


def _texts(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text:
                yield text
            case (int() | float()) as number if abs(number) < _LONGEST_NUMBER_LOOKED_AT:
                yield str(number)
            case Mapping() as fields:
                pending += [*fields.keys(), *fields.values()]
            case (list() | tuple()) as items:
                pending += items


class Card(CheckedRequest):
    """A card, by the provider's one-time token."""

    provider: ProviderName = "sandbox"
    token: Annotated[SecretStr, AfterValidator(_token)]


class Redirect(CheckedRequest):
    """A wallet the customer is sent to."""

    provider: ProviderName


class Qr(CheckedRequest):
    """A QR code or bank transfer."""

    provider: ProviderName


class Method(CheckedRequest):
    """Exactly one way of paying."""

    card: Card | None = None
    redirect: Redirect | None = None
    qr: Qr | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(each is not None for each in (self.card, self.redirect, self.qr)) != 1:
            raise PydanticCustomError("one_of", "takes exactly one of card, redirect and qr")
        return self

    @property
    def chosen(self) -> tuple[MethodKind, str]:
        """The way of paying, and its provider."""
        if self.card is not None:
            return "card", self.card.provider
        if self.redirect is not None:
            return "redirect", self.redirect.provider
        if self.qr is not None:
            return "qr", self.qr.provider
        raise AssertionError("validation lets exactly one through")


class Notify(CheckedRequest):
    """Whom to tell of what becomes of it, and in which language."""

    email: EmailAddress
    locale: KnownLocale = "en"


class InitiateRequest(CheckedRequest):
    """Begin a payment. `amount` in minor units, `expires_in` in seconds, `timeout_ms` in milliseconds."""

    idempotency_key: IdempotencyKey
    amount: Amount
    currency: Currency
    method: Method
    order_id: Id | None = None
    description: Text | None = None
    return_url: WebAddress | None = None
    capture: CaptureMode = CaptureMode.AUTOMATIC
    expires_in: ExpiresIn | None = None
    wait_for: WaitFor | None = None
    timeout_ms: TimeoutMs | None = None
    metadata: Metadata = {}
    notify: Notify | None = None


class CaptureRequest(CheckedRequest):
    """Take held money: all of it, or `amount` minor units."""

    payment_id: Id
    amount: Amount | None = None


class CancelRequest(CheckedRequest):
    """Call a payment off."""

    payment_id: Id
    reason: Text | None = None


class RefundRequest(CheckedRequest):
    """Give money back: what is left of it, or `amount` minor units."""

    payment_id: Id
    idempotency_key: IdempotencyKey
    amount: Amount | None = None
    reason: Text | None = None


Request = TypeVar("Request", bound=CheckedRequest)


def parse(kind: type[Request], given: Mapping[str, Any]) -> Request:
    """The request in `given`, whose keys are the client's names; raises `InvalidRequest`."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=True)
        raise InvalidRequest(tuple(_problem(problem) for problem in problems)) from None


def _problem(problem: Any) -> FieldProblem:
    path = [str(part) for part in problem["loc"]]
    if path[:1] == ["metadata"]:
        # Within it, names are the client's own content.
        path = path[:1]
    named = problem.get("ctx", {}).get("field")
    if named:
        path.append(named)
    field = ".".join(path) or "input"
    message = problem["msg"]
    return FieldProblem(field, problem["type"], f"{field}: {message[:1].lower()}{message[1:]}")
