"""Stripe's documents: of each what is needed, and nothing believed that has not its form."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from app.domain.money import Money
from app.providers.stripe.amounts import money_of

_Text = Annotated[str, Field(min_length=1, max_length=255)]
_Amount = Annotated[int, Field(strict=True, ge=0)]
_Currency = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
Document = TypeVar("Document", bound=BaseModel)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Redirect(_Read):
    url: str = Field(pattern=r"^https?://", max_length=2048)


class _NextAction(_Read):
    redirect_to_url: _Redirect | None = None


class Failure(_Read):
    """Why a try to pay failed."""

    code: str | None = None
    decline_code: str | None = None


class Intent(_Read):
    """A PaymentIntent."""

    object: Literal["payment_intent"]
    id: _Text
    status: str
    amount: _Amount
    amount_capturable: _Amount = 0
    amount_received: _Amount = 0
    currency: _Currency
    capture_method: str = ""
    cancellation_reason: str | None = None
    last_payment_error: Failure | None = None
    next_action: _NextAction | None = None
    metadata: Mapping[str, str] = Field(default_factory=dict)

    @property
    def payment_id(self) -> str | None:
        """The payment of ours that it belongs to."""
        return self.metadata.get("payment_id")

    def money(self, amount: int) -> Money:
        """An amount of this intent."""
        return money_of(amount, self.currency)


class Refund(_Read):
    """A Refund."""

    object: Literal["refund"]
    id: _Text
    status: str | None = None
    amount: _Amount
    currency: _Currency
    metadata: Mapping[str, str] = Field(default_factory=dict)


class Error(Failure):
    """What is wrong; `payment_intent` shows how the payment stands."""

    type: str
    payment_intent: Intent | None = None


class Refusal(_Read):
    """An answer that is no success."""

    error: Error


class Intents(_Read):
    """What a search finds."""

    data: list[Intent]


class Refunds(_Read):
    """A page of refunds, newest first."""

    data: list[Refund]
    has_more: bool = False


class ListedIntent(Intent):
    """An intent in a list of the account; `created` in seconds since 1970."""

    created: _Amount


class ListedIntents(_Read):
    """A page of intents, newest first."""

    data: list[ListedIntent]
    has_more: bool = False


class ListedRefund(Refund):
    """A refund in a list of the account; `created` in seconds since 1970."""

    created: _Amount


class ListedRefunds(_Read):
    """A page of refunds of any intent, newest first."""

    data: list[ListedRefund]
    has_more: bool = False


def parsed(model: type[Document], body: Mapping[str, JsonValue]) -> Document | None:
    """The document, None when the body is not one."""
    try:
        return model.model_validate(body)
    except ValidationError:
        return None
