"""As much of the payment API as GraphiQL's tour needs, with payments that live in memory and succeed at once."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from strawberry.asgi import GraphQL

from app.web.graphiql import GraphiQL, static_assets


@strawberry.enum
class PaymentStatus(Enum):
    INITIATED = "INITIATED"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"


@strawberry.type
class Money:
    amount: int
    currency: str


@strawberry.type
class PaymentFailure:
    code: str
    message: str


@strawberry.type
class PaymentTransition:
    version: int
    status: PaymentStatus
    at: datetime


@strawberry.type
class Payment:
    id: strawberry.ID
    amount: Money
    version: int = 0
    initiated_at: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    failure: PaymentFailure | None = None

    @strawberry.field
    def status(self) -> PaymentStatus:
        return list(PaymentStatus)[self.version]

    @strawberry.field
    def previous_version(self) -> int | None:
        return self.version - 1 if self.version else None

    @strawberry.field
    def history(self) -> list[PaymentTransition]:
        passed = list(PaymentStatus)[: self.version + 1]
        return [
            PaymentTransition(version=n, status=status, at=self.initiated_at + n * timedelta(milliseconds=120))
            for n, status in enumerate(passed)
        ]

    def at_version(self, version: int) -> "Payment":
        return Payment(id=self.id, amount=self.amount, version=version)


@strawberry.input
class CardInput:
    token: str


@strawberry.input
class PaymentMethodInput:
    card: CardInput


@strawberry.input
class InitiatePaymentInput:
    idempotency_key: str
    amount: int
    currency: str
    method: PaymentMethodInput


@strawberry.type
class PaymentAccepted:
    payment: Payment
    client_secret: str
    replayed: bool


@strawberry.type
class InvalidInput:
    message: str
    field: str


@strawberry.type
class IdempotencyConflict:
    message: str


@strawberry.type
class ProviderUnavailable:
    message: str


InitiatePaymentResult = Annotated[
    PaymentAccepted | InvalidInput | IdempotencyConflict | ProviderUnavailable,
    strawberry.union("InitiatePaymentResult"),
]


@strawberry.type
class PaymentEdge:
    node: Payment


@strawberry.type
class PaymentConnection:
    edges: list[PaymentEdge]


def schema() -> strawberry.Schema:
    payments: dict[str, Payment] = {}

    @strawberry.type
    class Query:
        @strawberry.field
        def payments(self, first: int = 20) -> PaymentConnection:
            return PaymentConnection(edges=[PaymentEdge(node=payment) for payment in list(payments.values())[:first]])

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        def initiate_payment(self, input: InitiatePaymentInput) -> InitiatePaymentResult:  # noqa: A002
            payment = Payment(
                id=strawberry.ID(f"pay_{len(payments) + 1}"),
                amount=Money(amount=input.amount, currency=input.currency),
            )
            payments[payment.id] = payment.at_version(2)
            return PaymentAccepted(payment=payment, client_secret="secret", replayed=False)

    @strawberry.type
    class Subscription:
        @strawberry.subscription
        async def payment_status(self, id: strawberry.ID, after: int) -> AsyncGenerator[Payment]:  # noqa: A002
            for version in range(after + 1, 3):
                yield payments[id].at_version(version)

    return strawberry.Schema(Query, Mutation, Subscription)


@asynccontextmanager
async def tiny_gateway() -> AsyncIterator[str]:
    """The tiny gateway on a free port; its origin."""
    api: GraphQL[None, None] = GraphQL(schema(), graphql_ide=None)
    app = Starlette(routes=[Route("/graphql", GraphiQL(api)), WebSocketRoute("/graphql", api), static_assets()])
    server = uvicorn.Server(
        uvicorn.Config(app, lifespan="off", log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=2)
    )
    # The listening socket takes connections before the server does, so nobody needs to wait for its start.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
