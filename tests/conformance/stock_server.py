"""Strawberry's own ASGI handler, as it comes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import strawberry
from strawberry.asgi import GraphQL
from strawberry.subscriptions import (
    GRAPHQL_SSE_PROTOCOL,
    GRAPHQL_TRANSPORT_WS_PROTOCOL,
    MULTIPART_SUBSCRIPTION_PROTOCOL,
)

from app.audit import Scenario, Subscription
from tests.conformance.serving import served

SCENARIO = Scenario(
    finite=Subscription("subscription { count(to: 3) }"),
    lasting=Subscription("subscription { count(to: 1, stay: true) }"),
)
PROTOCOLS = (GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL, MULTIPART_SUBSCRIPTION_PROTOCOL)
_BETWEEN_VALUES = 0.1

# What it does wrong, by the rules that it does not meet, with what is seen of each.
BROKE_OFF = "the connection broke off without a close frame"
NO_ANSWER = "did not come"
KNOWN_DEFECTS = {
    "ws-init-null": "closed with 4400",
    "ws-malformed-array": BROKE_OFF,
    "ws-malformed-number": BROKE_OFF,
    "ws-subscribe-payload-null": BROKE_OFF,
    "ws-subscribe-id-number": "without a string id",
    "ws-subscribe-id-empty": NO_ANSWER,
    "ws-subscribe-variables-array": NO_ANSWER,
    "ws-subscribe-query-number": NO_ANSWER,
    "ws-error-syntax-error": "closed with 4400",
    "ws-error-unknown-operation": "closed with 4400",
    "ws-fault-ends-one": "closed with 4400",
    "ws-ping-echo": "without the payload",
    "multipart-opened": "it begins with",
    "multipart-parts": "no part",
    "multipart-media-type-clean": ",application/json",
    "http-accept-graphql": "the answer is application/json",
}


@strawberry.type
class Query:
    @strawberry.field
    def answer(self) -> int:
        return 42


@strawberry.type
class Mutation:
    @strawberry.mutation
    def change(self) -> int:
        return 42


@strawberry.type
class Subscribed:
    @strawberry.subscription
    async def count(self, to: int, stay: bool = False) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number
            await asyncio.sleep(_BETWEEN_VALUES)
        if stay:
            await asyncio.Event().wait()


@asynccontextmanager
async def stock_server() -> AsyncGenerator[str, None]:
    """Its URL."""
    schema = strawberry.Schema(Query, Mutation, Subscribed)
    api: GraphQL[None, None] = GraphQL(schema, graphql_ide=None, subscription_protocols=PROTOCOLS)
    async with served(api) as origin:
        yield f"{origin}/graphql"
