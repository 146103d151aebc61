"""What a client sends about orders, checked before anything happens; see `requests`."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.domain.ids import OrderId
from app.gateway.requests import (
    GREATEST_AMOUNT,
    Amount,
    CheckedRequest,
    Currency,
    ExpiresIn,
    Id,
    IdempotencyKey,
    InitiateRequest,
    Metadata,
    Method,
    Notify,
    Text,
    TimeoutMs,
    WaitFor,
    WebAddress,
)

_MOST_ITEMS = 500
_GREATEST_QUANTITY = 1_000_000

Sku = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class Item(CheckedRequest):
    """One line of an order; `unit_amount` in minor units, of the order's currency when it names none."""

    sku: Sku
    quantity: Annotated[int, Field(ge=1, le=_GREATEST_QUANTITY, strict=True)]
    unit_amount: Annotated[int, Field(ge=0, le=GREATEST_AMOUNT, strict=True)]
    currency: Currency | None = None
    name: Text | None = None


class PlaceRequest(CheckedRequest):
    """Place an order. `total` in minor units, `expires_in` in seconds, `timeout_ms` in milliseconds."""

    idempotency_key: IdempotencyKey
    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=_MOST_ITEMS)]
    total: Amount
    currency: Currency
    method: Method
    description: Text | None = None
    return_url: WebAddress | None = None
    expires_in: ExpiresIn | None = None
    wait_for: WaitFor | None = None
    timeout_ms: TimeoutMs | None = None
    metadata: Metadata = Field(default_factory=dict)
    notify: Notify | None = None

    @model_validator(mode="after")
    def _in_one_currency(self) -> Self:
        for number, item in enumerate(self.items):
            if item.currency not in (None, self.currency):
                field = {"field": f"items.{number}.currency"}
                raise PydanticCustomError("currency_mix", "is not the order's currency", field)
        return self

    @model_validator(mode="after")
    def _adding_up(self) -> Self:
        total = sum(item.quantity * item.unit_amount for item in self.items)
        if total != self.total:
            said = {"field": "total", "sum": total}
            raise PydanticCustomError("not_the_sum", "is not the sum of the items, which is {sum}", said)
        return self

    def payment(self, order_id: OrderId) -> InitiateRequest:
        """The order's first payment; its key has a space, which no merchant's key has."""
        return InitiateRequest.model_construct(
            idempotency_key=f"{order_id} 1",
            amount=self.total,
            currency=self.currency,
            method=self.method,
            order_id=order_id,
            description=self.description,
            return_url=self.return_url,
            expires_in=self.expires_in,
            metadata=self.metadata,
        )


class CancelOrderRequest(CheckedRequest):
    """Call an order off."""

    order_id: Id
    reason: Text | None = None
