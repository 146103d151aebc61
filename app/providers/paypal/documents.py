"""PayPal's documents, as far as they are read: orders, authorisations, captures, refunds, refusals."""

from typing import Annotated, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from app.domain.money import Money
from app.providers.paypal import amounts

APPROVAL_LINKS = ("payer-action", "approve", "redirect")
"""Names of the link to PayPal's page: with `payment_source`, in the older form, and in a refusal."""

_Text = Annotated[str, Field(min_length=1, max_length=255)]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class Amount(_Read):
    """A decimal string with its currency, of which `money` is made."""

    currency_code: str = Field(pattern=r"^[A-Z]{3}$")
    value: str = Field(max_length=32)

    @model_validator(mode="after")
    def _is_an_amount(self) -> Self:
        if amounts.read(self.currency_code, self.value) is None:
            raise ValueError("no amount of this currency")
        return self

    @property
    def money(self) -> Money:
        """In minor units."""
        return amounts.read(self.currency_code, self.value) or Money(0, self.currency_code)


class Link(_Read):
    """Where a document leads to."""

    rel: str = ""
    href: str = Field("", max_length=2048)


class RelatedIds(_Read):
    """The documents that another one belongs to."""

    order_id: _Text | None = None
    authorization_id: _Text | None = None
    capture_id: _Text | None = None


class _SupplementaryData(_Read):
    related_ids: RelatedIds = RelatedIds()


class _Document(_Read):
    id: _Text
    status: str | None = None
    custom_id: str | None = None
    amount: Amount | None = None
    supplementary_data: _SupplementaryData = _SupplementaryData()

    @property
    def related(self) -> RelatedIds:
        """The documents that this one belongs to."""
        return self.supplementary_data.related_ids


class Authorization(_Document):
    """Held money."""


class Capture(_Document):
    """Taken money."""


class Refund(_Document):
    """Money given back; its `custom_id` is the key of the refund that we asked for."""


def _none_as_empty(found: object) -> object:
    return [] if found is None else found


_Authorizations = Annotated[list[Authorization], BeforeValidator(_none_as_empty)]
_Captures = Annotated[list[Capture], BeforeValidator(_none_as_empty)]
_Refunds = Annotated[list[Refund], BeforeValidator(_none_as_empty)]


class Payments(_Read):
    """What was done about an order."""

    authorizations: _Authorizations = []
    captures: _Captures = []
    refunds: _Refunds = []


class _Unit(_Read):
    custom_id: str | None = None
    payments: Payments = Payments()


class Order(_Read):
    """What a customer is asked to approve. PayPal has shown orders without a status, with a refused capture."""

    id: _Text
    status: str | None = None
    purchase_units: list[_Unit] = []
    links: list[Link] = []

    @property
    def payments(self) -> Payments:
        """Of the one purchase unit that our orders have."""
        return self.purchase_units[0].payments if self.purchase_units else Payments()

    @property
    def custom_id(self) -> str | None:
        """Our id of the payment."""
        return self.purchase_units[0].custom_id if self.purchase_units else None


class _Problem(_Read):
    issue: _Text
    description: str = ""


class Refusal(_Read):
    """Why PayPal did not do what it was asked."""

    name: _Text
    message: str = ""
    details: list[_Problem] = []
    links: list[Link] = []

    @property
    def issue(self) -> str:
        """What is the matter, most precisely."""
        return self.details[0].issue if self.details else self.name

    @property
    def description(self) -> str:
        """The same for people."""
        return (self.details[0].description if self.details else "") or self.message


class _SignedAmount(_Read):
    currency_code: str = Field(pattern=r"^[A-Z]{3}$")
    value: str = Field(max_length=32)


class TransactionInfo(_Read):
    """A movement in the account; what left it is below zero."""

    transaction_id: _Text
    paypal_reference_id: str | None = None
    transaction_event_code: _Text
    transaction_status: str | None = None
    transaction_initiation_date: str = Field(max_length=64)
    transaction_amount: _SignedAmount
    custom_field: str | None = None
    invoice_id: str | None = None


class _TransactionDetail(_Read):
    transaction_info: TransactionInfo


class Transactions(_Read):
    """A page of the account's history."""

    transaction_details: list[_TransactionDetail] = []
    total_pages: int = 1


class Token(_Read):
    """Lets us call for `expires_in` seconds."""

    access_token: str = Field(min_length=1, max_length=4096, pattern=r"^[\x21-\x7e]+$", repr=False)
    expires_in: int = Field(gt=0)


_Model = TypeVar("_Model", bound=BaseModel)


def parsed(model: type[_Model], body: object) -> _Model | None:
    """The document in `body`, or None when there is none."""
    try:
        return model.model_validate(body)
    except ValidationError:
        return None


def approval_url(links: list[Link]) -> str | None:
    """The address of PayPal's page for the customer."""
    for name in APPROVAL_LINKS:
        for link in links:
            if link.rel == name and link.href.startswith(("https://", "http://")):
                return link.href
    return None
