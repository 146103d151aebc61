"""Who asks for too much is told so, and nobody and nothing else suffers from it.

One gateway with low limits; each test calls with a key of its own.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.support.client import INITIATE, WATCH, FrontEnd, payment_input
from tests.support.gateway_process import Gateway, gateway
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack
from tests.support.waiting import eventually

MODERN, LEGACY = Subprotocol("graphql-transport-ws"), Subprotocol("graphql-ws")
OTHER = "sk_other"
KEYS = ["sk_sockets", "sk_streams", "sk_reads", "sk_writes", "sk_polls", "sk_operations", "sk_messages", "sk_bodies"]
TYPE_NAME = "{ __typename }"
EVENTS = {"accept": "text/event-stream"}
PARTS = {"accept": "multipart/mixed;subscriptionSpec=1.0, application/json"}
WATCH_ALL = "subscription { merchantPayments { cursor } }"


@pytest.fixture(scope="module")
def strict(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    limits = {
        "PAYGATE_PROFILE": "production",
        "PAYGATE_API_KEYS": json.dumps({key: key.removeprefix("sk_") for key in (*KEYS, OTHER)}),
        "PAYGATE_LEGACY_WEBSOCKET": "true",
        "PAYGATE_CONNECTIONS_PER_CALLER": "2",
        "PAYGATE_CONNECTIONS_UNIDENTIFIED": "2",
        "PAYGATE_OPERATIONS_PER_CONNECTION": "1",
        "PAYGATE_MESSAGE_BYTES": "2048",
        "PAYGATE_MESSAGE_BURST": "8",
        "PAYGATE_MESSAGE_RATE": "0.1",
        "PAYGATE_BODY_BYTES": "2048",
        "PAYGATE_MUTATION_RATE": "0.01",
        "PAYGATE_MUTATION_BURST": "2",
        "PAYGATE_READ_RATE": "0.02",
        "PAYGATE_READ_BURST": "6",
    }
    with gateway(stack, tmp_path_factory.mktemp("strict"), **limits) as running:
        yield running


@pytest.fixture
async def http(strict: Gateway) -> AsyncGenerator[httpx.AsyncClient, None]:
    await strict.ready()
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{strict.port}", timeout=30, trust_env=False, verify=NO_CERTIFICATES
    ) as client:
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def post(http: httpx.AsyncClient, key: str, query: str, **more: Any) -> httpx.Response:
    headers = {**bearer(key), **more.pop("headers", {})}
    return await http.post("/graphql", json={"query": query, **more}, headers=headers)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    extensions: dict[str, Any] = answer.json()["errors"][0]["extensions"]
    return extensions


@asynccontextmanager
async def opened(strict: Gateway, subprotocol: Subprotocol = MODERN) -> AsyncGenerator[ClientConnection, None]:
    async with connect(strict.websocket_url, subprotocols=[subprotocol], proxy=None) as socket:
        yield socket


@asynccontextmanager
async def acknowledged(strict: Gateway, key: str) -> AsyncGenerator[ClientConnection, None]:
    async with opened(strict) as socket:
        await tell(socket, type="connection_init", payload=bearer(key))
        assert (await heard(socket))["type"] == "connection_ack"
        yield socket


async def tell(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def heard(socket: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def close_code(socket: ClientConnection) -> int:
    with suppress(ConnectionClosed):
        async for _ in socket:
            pass
    assert socket.close_code is not None
    return socket.close_code


async def assert_others_go_on(strict: Gateway, http: httpx.AsyncClient) -> None:
    """`OTHER` still gets what it asks for."""
    async with acknowledged(strict, OTHER):
        pass
    assert (await http.get("/health/ready")).status_code == 200


def assert_told_to_slow_down(answer: httpx.Response) -> None:
    assert answer.status_code == 429
    error = error_of(answer)
    assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)
    assert answer.headers["retry-after"] == str(error["retryAfter"])
    assert 1 <= error["retryAfter"] <= 100


async def test_a_caller_has_so_many_connections_and_further_ones_come_when_one_has_gone(
    strict: Gateway, http: httpx.AsyncClient
) -> None:
    key = "sk_sockets"
    async with acknowledged(strict, key):
        async with acknowledged(strict, key):
            async with opened(strict) as third:
                await tell(third, type="connection_init", payload=bearer(key))
                assert await close_code(third) == 1013
            for headers in (EVENTS, PARTS):
                refused = await post(http, key, WATCH_ALL, headers=headers)
                assert (refused.status_code, error_of(refused)["code"]) == (429, "CALLER_CONNECTION_LIMIT")
                assert int(refused.headers["retry-after"]) >= 1
            assert (await post(http, key, TYPE_NAME)).status_code == 200
            await assert_others_go_on(strict, http)

        async def third_comes_in() -> bool:
            async with opened(strict) as third:
                await tell(third, type="connection_init", payload=bearer(key))
                try:
                    return bool((await heard(third))["type"] == "connection_ack")
                except ConnectionClosed:
                    return False

        await eventually(third_comes_in, what="a place that became free")


@pytest.mark.parametrize("headers", [EVENTS, PARTS])
async def test_streams_count_as_connections_too(
    strict: Gateway, http: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    key = "sk_streams"
    reading: list[AsyncIterator[bytes]] = []
    async with AsyncExitStack() as streams:

        async def refused() -> bool:
            request = http.build_request(
                "POST", "/graphql", json={"query": WATCH_ALL}, headers={**bearer(key), **headers}
            )
            answer = await http.send(request, stream=True)
            streams.push_async_callback(answer.aclose)
            if answer.status_code == 200:
                # Not before its first bytes is it surely counted. Whoever forgets the iterator closes the stream.
                reading.append(answer.aiter_raw())
                await anext(reading[-1])
            return answer.status_code == 429

        assert [await refused() for _ in range(3)] == [False, False, True]
        await assert_others_go_on(strict, http)


async def test_sockets_that_do_not_say_who_they_are_get_few_places(strict: Gateway, http: httpx.AsyncClient) -> None:
    async with acknowledged(strict, OTHER) as known:
        async with opened(strict), opened(strict):

            async def full() -> bool:
                try:
                    async with opened(strict):
                        return False
                except InvalidStatus as refused:
                    return (refused.response.status_code, refused.response.headers["retry-after"]) == (503, "1")

            await eventually(full, what="a refusal of a stranger")
            await tell(known, type="ping")
            assert (await heard(known))["type"] == "pong"
            assert (await http.get("/health/ready")).status_code == 200

        async def let_in() -> bool:
            try:
                async with acknowledged(strict, OTHER):
                    return True
            except InvalidStatus:
                return False

        await eventually(let_in, what="a place that became free")


async def test_too_many_reads_are_told_when_to_come_back_over_every_transport(
    strict: Gateway, http: httpx.AsyncClient
) -> None:
    key = "sk_reads"
    async with acknowledged(strict, key) as socket:
        for _ in range(6):
            assert (await post(http, key, TYPE_NAME)).status_code == 200
        assert_told_to_slow_down(await post(http, key, TYPE_NAME))
        assert_told_to_slow_down(await http.get("/graphql", params={"query": TYPE_NAME}, headers=bearer(key)))
        for headers in (EVENTS, PARTS):
            assert_told_to_slow_down(await post(http, key, WATCH_ALL, headers=headers))
        await tell(socket, id="1", type="subscribe", payload={"query": WATCH_ALL})
        error = await heard(socket)
        assert (error["id"], error["type"]) == ("1", "error")
        assert error["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert 1 <= error["payload"][0]["extensions"]["retryAfter"] <= 100
        # The connection stays, and mutations have a rate of their own.
        initiate = {"query": INITIATE, "variables": {"input": payment_input()}}
        await tell(socket, id="2", type="subscribe", payload=initiate)
        assert (await heard(socket))["payload"]["data"]["initiatePayment"]["__typename"] == "PaymentAccepted"
    await assert_others_go_on(strict, http)


async def test_too_many_mutations_are_told_when_to_come_back_and_are_not_done(http: httpx.AsyncClient) -> None:
    key = "sk_writes"
    given = [payment_input() for _ in range(3)]
    first, second, third = [await post(http, key, INITIATE, variables={"input": each}) for each in given]
    assert (first.status_code, second.status_code) == (200, 200)
    assert_told_to_slow_down(third)
    listed = await post(http, key, "{ payments { edges { node { id } } } }")
    assert listed.status_code == 200, "reading has a rate of its own"
    accepted = {answer.json()["data"]["initiatePayment"]["payment"]["id"] for answer in (first, second)}
    assert {edge["node"]["id"] for edge in listed.json()["data"]["payments"]["edges"]} <= accepted
    other = await post(http, OTHER, INITIATE, variables={"input": payment_input()})
    assert other.json()["data"]["initiatePayment"]["__typename"] == "PaymentAccepted"


async def test_polling_is_reading(http: httpx.AsyncClient) -> None:
    path, headers = "/api/payments/pay_unknown/status", bearer("sk_polls")
    answers = [await http.get(path, headers=headers) for _ in range(7)]
    assert [answer.status_code for answer in answers[:-1]] == [404] * 6
    assert_told_to_slow_down(answers[-1])


async def test_one_operation_too_many_on_a_socket_is_refused_alone(strict: Gateway, http: httpx.AsyncClient) -> None:
    async with acknowledged(strict, "sk_operations") as socket:
        await tell(socket, id="1", type="subscribe", payload={"query": WATCH_ALL})
        await tell(socket, id="2", type="subscribe", payload={"query": TYPE_NAME})
        error = await heard(socket)
        assert (error["id"], error["type"]) == ("2", "error")
        assert error["payload"][0]["extensions"] == {"code": "SUBSCRIPTION_LIMIT", "retryable": False, "limit": 1}
        begun = await post(http, "sk_operations", INITIATE, variables={"input": payment_input()})
        assert begun.status_code == 200
        assert ((await heard(socket))["id"]) == "1"


async def test_a_message_too_large_or_one_too_many_ends_its_socket_alone(
    strict: Gateway,
    http: httpx.AsyncClient,  # noqa: ARG001 — the gateway is ready
) -> None:
    key = "sk_messages"
    async with acknowledged(strict, key) as quiet:
        async with acknowledged(strict, key) as socket:
            await tell(socket, type="ping", payload={"much": "x" * 2048})
            assert await close_code(socket) == 1009

        async def flood() -> bool:
            async with opened(strict) as socket:
                await tell(socket, type="connection_init", payload=bearer(key))
                for _ in range(8):
                    await tell(socket, type="ping")
                return await close_code(socket) == 4429

        await eventually(flood, what="the end of a flood")
        await tell(quiet, type="ping")
        assert (await heard(quiet))["type"] == "pong"


async def test_a_body_too_large_is_refused(http: httpx.AsyncClient) -> None:
    refused = await post(http, "sk_bodies", TYPE_NAME, variables={"much": "x" * 2048})
    assert (refused.status_code, error_of(refused)["code"]) == (413, "TOO_LARGE")
    assert "2048" in refused.json()["errors"][0]["message"]
    assert (await post(http, "sk_bodies", TYPE_NAME)).status_code == 200


async def test_the_legacy_subprotocol_is_spoken_where_it_is_switched_on(
    strict: Gateway, http: httpx.AsyncClient
) -> None:
    begun = await post(http, OTHER, INITIATE, variables={"input": payment_input()})
    accepted = begun.json()["data"]["initiatePayment"]
    transport = WebsocketsTransport(
        strict.websocket_url,
        subprotocols=[LEGACY],
        init_payload={"authorization": f"Bearer {accepted['clientSecret']}"},
    )
    async with Client(transport=transport) as session:
        request = gql(WATCH)
        request.variable_values = {"id": accepted["payment"]["id"], "after": -1}
        values = [result["paymentStatus"] async for result in session.subscribe(request)]
    assert [value["status"] for value in values] == ["INITIATED", "PROCESSING", "SUCCEEDED"]


async def test_a_client_that_offers_both_subprotocols_speaks_the_newer_one(
    strict: Gateway,
    http: httpx.AsyncClient,  # noqa: ARG001 — the gateway is ready
) -> None:
    async with connect(strict.websocket_url, subprotocols=[LEGACY, MODERN], proxy=None) as socket:
        assert socket.subprotocol == MODERN


async def test_the_legacy_subprotocol_is_refused_where_nothing_is_said(stack: Stack, client: FrontEnd) -> None:
    async with connect(stack.websocket_url, subprotocols=[LEGACY], proxy=None) as socket:
        assert socket.subprotocol is None
        assert await close_code(socket) == 4406
    assert await client.begin()
