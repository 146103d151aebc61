"""A front end's view of orders."""

from typing import Any
from uuid import uuid4

from tests.support.client import PAYMENT, FrontEnd

ORDER = """
fragment SeenOrder on Order {
  id status version previousVersion reason paymentId expiresAt
  total { amount currency formatted }
  items { sku name quantity unitPrice { amount currency } }
  attempts { paymentId status }
  history { version status }
  payment { id status orderId }
}
"""
PLACE = (
    """
mutation Place($input: PlaceOrderInput!) {
  placeOrder(input: $input) {
    __typename
    ... on OrderAccepted { order { ...SeenOrder } payment { ...Seen } clientSecret replayed }
    ... on InvalidInput { field code message errors { field code message } }
    ... on IdempotencyConflict { code message }
    ... on ProviderUnavailable { code message provider }
  }
}
"""
    + ORDER
    + PAYMENT
)
CANCEL = (
    """
mutation CancelOrder($input: CancelOrderInput!) {
  cancelOrder(input: $input) {
    __typename
    ... on OrderCommandAccepted { order { ...SeenOrder } }
    ... on InvalidInput { field code message }
    ... on OrderNotFound { code message }
    ... on IllegalOrderTransition { field code message status }
  }
}
"""
    + ORDER
)
FIND = "query Find($id: ID!) { order(id: $id) { ...SeenOrder } }" + ORDER
WATCH = "subscription Watch($id: ID!, $after: Int) { orderStatus(id: $id, after: $after) { ...SeenOrder } }" + ORDER


def order_input(**changes: Any) -> dict[str, Any]:
    """Two coffees and a cake by a card that will succeed, under a key of its own."""
    return {
        "idempotencyKey": str(uuid4()),
        "items": [
            {"sku": "coffee", "name": "Coffee", "quantity": 2, "unitAmount": 350},
            {"sku": "cake", "quantity": 1, "unitAmount": 420},
        ],
        "total": 1120,
        "currency": "EUR",
        "method": {"card": {"token": "tok_success"}},
        **changes,
    }


def card(token: str) -> dict[str, Any]:
    """Pay by this card."""
    return {"card": {"token": token}}


async def place(client: FrontEnd, **changes: Any) -> Any:
    """The answer to `placeOrder`."""
    return await client.send(PLACE, input=order_input(**changes))


async def cancel(client: FrontEnd, order_id: str, **changes: Any) -> Any:
    """The answer to `cancelOrder`."""
    return await client.send(CANCEL, input={"orderId": order_id, **changes})


async def find(client: FrontEnd, order_id: str) -> Any:
    """The order as a query sees it."""
    return await client.send(FIND, id=order_id)


async def watch(client: FrontEnd, order_id: str, after: int | None = -1) -> list[Any]:
    """Every value of the order's subscription until it completes."""
    return [value["orderStatus"] async for value in client.subscribe(WATCH, id=order_id, after=after)]
