"""A front end's view of paygate: the gql library over HTTP and graphql-transport-ws."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import uuid4

from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack

PAYMENT = """
fragment Seen on Payment {
  id status version previousVersion
  amount { amount currency } refundedAmount { amount }
  failure { code message retryable }
  action {
    __typename ... on CardAuthenticationAction { url } ... on RedirectAction { url } ... on QrAction { payload }
  }
  history { version status }
}
"""
INITIATE = (
    """
mutation Initiate($input: InitiatePaymentInput!) {
  initiatePayment(input: $input) {
    __typename
    ... on PaymentAccepted { payment { ...Seen } clientSecret replayed }
    ... on InvalidInput { field code message errors { field code message } }
    ... on IdempotencyConflict { code message }
    ... on ProviderUnavailable { code message }
  }
}
"""
    + PAYMENT
)
WATCH = "subscription Watch($id: ID!, $after: Int) { paymentStatus(id: $id, after: $after) { ...Seen } }" + PAYMENT
QUERY = "query One($id: ID!) { payment(id: $id) { ...Seen } }" + PAYMENT


def command(name: str) -> str:
    """The document of a command on a payment, such as `capturePayment`."""
    kind = f"{name[0].upper()}{name[1:]}Input"
    return (
        f"mutation Run($input: {kind}!) {{ {name}(input: $input) {{ __typename "
        "... on PaymentCommandAccepted { payment { ...Seen } } "
        "... on InvalidInput { field code message } ... on IdempotencyConflict { code message } "
        "... on PaymentNotFound { code message } ... on IllegalTransition { code message status } } }" + PAYMENT
    )


class FrontEnd:
    """One client with an HTTP connection and a WebSocket."""

    def __init__(self, http: AsyncClientSession, socket: AsyncClientSession) -> None:
        self._http = http
        self._socket = socket

    async def send(self, document: str, **variables: Any) -> Any:
        """The one field of an operation's answer."""
        answer = await self._http.execute(GraphQLRequest(document, variable_values=variables))
        (value,) = answer.values()
        return value

    async def initiate(self, **changes: Any) -> Any:
        """The answer to `initiatePayment`; without `changes` a card payment of 49.99 EUR that will succeed."""
        return await self.send(INITIATE, input={**payment_input(), **changes})

    async def begin(self, token: str = "tok_success", **changes: Any) -> str:
        """The id of a new card payment."""
        answer = await self.initiate(method={"card": {"token": token}}, **changes)
        payment_id: str = answer["payment"]["id"]
        return payment_id

    async def run(self, name: str, **given: Any) -> Any:
        """The answer to a command on a payment."""
        return await self.send(command(name), input=given)

    async def payment(self, payment_id: str) -> Any:
        """The payment as a query sees it."""
        return await self.send(QUERY, id=payment_id)

    async def watch(self, payment_id: str, after: int | None = -1) -> list[Any]:
        """Every value of the subscription until it completes."""
        return [value async for value in self.values(payment_id, after)]

    async def values(self, payment_id: str, after: int | None = -1) -> AsyncGenerator[Any, None]:
        """The subscription's values as they come."""
        async with aclosing(self.subscribe(WATCH, id=payment_id, after=after)) as results:
            async for result in results:
                yield result["paymentStatus"]

    async def subscribe(self, document: str, **variables: Any) -> AsyncGenerator[Any, None]:
        """The results of any subscription as they come."""
        async with aclosing(self._socket.subscribe(GraphQLRequest(document, variable_values=variables))) as results:
            async for result in results:
                yield result


def payment_input() -> dict[str, Any]:
    """A card payment that will succeed, under a key of its own."""
    return {
        "idempotencyKey": str(uuid4()),
        "amount": 4999,
        "currency": "EUR",
        "method": {"card": {"token": "tok_success"}},
    }


@asynccontextmanager
async def front_end(stack: Stack) -> AsyncGenerator[FrontEnd, None]:
    """A connected client."""
    http = Client(transport=HTTPXAsyncTransport(stack.url, timeout=30, verify=NO_CERTIFICATES), execute_timeout=30)
    socket = Client(transport=WebsocketsTransport(stack.websocket_url), execute_timeout=None)
    async with http as http_session, socket as socket_session:
        yield FrontEnd(http_session, socket_session)


def statuses(values: list[Any]) -> list[str]:
    """The statuses of a subscription's values."""
    return [value["status"] for value in values]


def assert_unbroken(values: list[Any]) -> None:
    """Versions rise and each value names the version of the one before it."""
    versions = [value["version"] for value in values]
    assert versions == sorted(set(versions))
    assert [value["previousVersion"] for value in values[1:]] == versions[:-1]


async def watch_through(stack: Stack, payment_id: str, seen: list[Any]) -> None:
    """Watch a payment to its end as a good client does: when the connection breaks, again after the last version.

    Adds the values to `seen` as they come.
    """
    while True:
        try:
            async with front_end(stack) as client:
                after = seen[-1]["version"] if seen else -1
                async for value in client.values(payment_id, after):
                    seen.append(value)  # noqa: PERF401 — each is seen as it comes, not all at the end
                return
        except (TransportError, OSError):
            await asyncio.sleep(0.1)
