"""The same story over every stream: each transition once and in order, resumed from any position."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.client import FrontEnd
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack

WATCH = """subscription($id: ID!, $after: Int) {
  paymentStatus(id: $id, after: $after) { status version previousVersion } }"""
SUBPROTOCOL = Subprotocol("graphql-transport-ws")

Watch = Callable[[Stack, dict[str, Any], Any], AsyncGenerator[dict[str, Any], None]]


async def by_events(stack: Stack, variables: dict[str, Any], position: Any) -> AsyncGenerator[dict[str, Any], None]:
    """GraphQL over SSE; `position` goes where a browser's EventSource puts it."""
    headers = {"accept": "text/event-stream"} | ({} if position is None else {"last-event-id": str(position)})
    body = {"query": WATCH, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as client,
        client.stream("POST", stack.url, json=body, headers=headers) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        text = (await answer.aread()).decode()
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    assert blocks.pop() == "event: complete\ndata:"
    for block in blocks:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        assert fields["event"] == "next"
        result = json.loads(fields["data"])
        if result.get("data"):
            assert fields["id"] == str(result["extensions"]["position"])
        yield result


async def by_multipart(stack: Stack, variables: dict[str, Any], position: Any) -> AsyncGenerator[dict[str, Any], None]:
    """Multipart subscriptions 1.0."""
    headers = {"accept": 'multipart/mixed;subscriptionSpec="1.0", application/json'}
    body = {"query": WATCH, "variables": variables, "extensions": {"after": position}}
    async with httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as client:
        answer = await client.post(stack.url, json=body, headers=headers)
    assert "subscriptionSpec=1.0" in answer.headers["content-type"]
    assert answer.text.startswith("\r\n--graphql") or answer.text.startswith("--graphql")
    assert answer.text.rstrip().endswith("--graphql--")
    for part in re.findall(r"Content-Type: application/json\r\n\r\n(.*?)\r\n", answer.text):
        if part != "{}":
            message = json.loads(part)
            yield message["payload"] or {"errors": message["errors"]}


async def by_socket(stack: Stack, variables: dict[str, Any], position: Any) -> AsyncGenerator[dict[str, Any], None]:
    """graphql-transport-ws, spoken by hand."""
    async with connect(stack.websocket_url, subprotocols=[SUBPROTOCOL], proxy=None) as socket:
        await start(socket)
        payload = {"query": WATCH, "variables": variables, "extensions": {"after": position}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "next":
                yield message["payload"]
            elif message["type"] == "error":
                yield {"errors": message["payload"]}
                return
            elif message["type"] == "complete":
                return


async def start(socket: ClientConnection) -> None:
    await socket.send(json.dumps({"type": "connection_init", "payload": None}))
    assert json.loads(await socket.recv())["type"] == "connection_ack"


EVERY_STREAM = pytest.mark.parametrize("watch", [by_socket, by_events, by_multipart])


@EVERY_STREAM
async def test_every_transition_comes_once_and_in_order_with_its_position(
    stack: Stack, client: FrontEnd, watch: Watch
) -> None:
    payment_id = await client.begin("tok_success")
    results = [result async for result in watch(stack, {"id": payment_id, "after": -1}, None)]
    values = [result["data"]["paymentStatus"] for result in results]
    assert [value["status"] for value in values] == ["INITIATED", "PROCESSING", "SUCCEEDED"]
    assert [value["previousVersion"] for value in values] == [None, *(value["version"] for value in values[:-1])]
    assert [result["extensions"]["position"] for result in results] == [value["version"] for value in values]


@EVERY_STREAM
async def test_a_position_handed_back_is_where_it_goes_on(stack: Stack, client: FrontEnd, watch: Watch) -> None:
    payment_id = await client.begin()
    everything = [result async for result in watch(stack, {"id": payment_id, "after": -1}, None)]
    for seen, result in enumerate(everything, start=1):
        position = result["extensions"]["position"]
        rest = [later async for later in watch(stack, {"id": payment_id}, position)]
        assert rest == everything[seen:]


@EVERY_STREAM
async def test_where_a_client_left_off_outweighs_the_argument_it_repeats(
    stack: Stack, client: FrontEnd, watch: Watch
) -> None:
    payment_id = await client.begin()
    await client.watch(payment_id)
    results = [result async for result in watch(stack, {"id": payment_id, "after": -1}, 1)]
    assert [result["data"]["paymentStatus"]["status"] for result in results] == ["SUCCEEDED"]


@EVERY_STREAM
@pytest.mark.parametrize(
    ("variables", "position", "code"),
    [
        ({"id": "pay_unknown"}, None, "PAYMENT_NOT_FOUND"),
        ({"id": "pay_unknown"}, "nonsense", "INVALID_INPUT"),
        ({"id": "pay_unknown", "after": -2}, None, "INVALID_INPUT"),
        ({}, None, "GRAPHQL_INVALID"),
    ],
)
async def test_a_stream_that_cannot_begin_says_why(
    stack: Stack, watch: Watch, variables: dict[str, Any], position: Any, code: str
) -> None:
    (result,) = [result async for result in watch(stack, variables, position)]
    assert result["errors"][0]["extensions"]["code"] == code


@EVERY_STREAM
async def test_a_position_ahead_of_the_payment_is_an_error(stack: Stack, client: FrontEnd, watch: Watch) -> None:
    payment_id = await client.begin()
    await client.watch(payment_id)
    (result,) = [result async for result in watch(stack, {"id": payment_id}, 99)]
    assert result["errors"][0]["extensions"]["code"] == "POSITION_AHEAD"


# What only a socket can do.


async def _closed(socket: ClientConnection) -> ConnectionClosed:
    try:
        async for _ in socket:
            pass
        return ConnectionClosed(None, None)
    except ConnectionClosed as closed:
        return closed


async def test_one_operations_fault_ends_that_operation_alone(stack: Stack, client: FrontEnd) -> None:
    payment_id = await client.begin("tok_slow")
    async with connect(stack.websocket_url, subprotocols=[SUBPROTOCOL], proxy=None) as socket:
        await start(socket)
        watching = {"query": WATCH, "variables": {"id": payment_id, "after": -1}}
        await socket.send(json.dumps({"id": "good", "type": "subscribe", "payload": watching}))
        for number, payload in enumerate(
            ({"query": "{"}, {"query": "{ nothing }"}, {"query": "query A { __typename }", "operationName": "B"}, {})
        ):
            await socket.send(json.dumps({"id": f"bad{number}", "type": "subscribe", "payload": payload}))
        ended: dict[str, str] = {}
        statuses = []
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "next":
                statuses.append(message["payload"]["data"]["paymentStatus"]["status"])
            else:
                ended[message["id"]] = message["type"]
            if len(ended) == 5:
                break
    assert ended == {**{f"bad{number}": "error" for number in range(4)}, "good": "complete"}
    assert statuses == ["INITIATED", "PROCESSING", "SUCCEEDED"]


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["nonsense"], 4400),
        (["[]"], 4400),
        (["null"], 4400),
        (['{"type": "unheard of"}'], 4400),
        (['{"type": "subscribe", "id": 1, "payload": {"query": "{__typename}"}}'], 4400),
        (['{"type": "subscribe", "id": "1", "payload": null}'], 4400),
        (['{"type": "connection_init"}', '{"type": "connection_init"}'], 4429),
        (['{"type": "subscribe", "id": "1", "payload": {"query": "{__typename}"}}'], 4401),
        ([b"binary"], 4400),
    ],
)
async def test_a_malformed_message_closes_with_its_code_and_no_broken_connection(
    stack: Stack, messages: list[str | bytes], code: int
) -> None:
    async with connect(stack.websocket_url, subprotocols=[SUBPROTOCOL], proxy=None) as socket:
        for message in messages:
            await socket.send(message)
        closed = await _closed(socket)
    assert closed.rcvd is not None
    assert closed.rcvd.code == code


async def test_a_ping_is_answered_with_its_payload_before_anything_else(stack: Stack) -> None:
    async with connect(stack.websocket_url, subprotocols=[SUBPROTOCOL], proxy=None) as socket:
        await socket.send('{"type": "ping", "payload": {"n": 1}}')
        assert json.loads(await socket.recv()) == {"type": "pong", "payload": {"n": 1}}


async def test_a_socket_that_says_nothing_is_closed_in_time(stack: Stack) -> None:
    async with connect(stack.websocket_url, subprotocols=[SUBPROTOCOL], proxy=None) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            async with asyncio.timeout(10):
                await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4408


@pytest.mark.parametrize("subprotocols", [None, [Subprotocol("graphql-ws")]])
async def test_another_subprotocol_is_not_acceptable(stack: Stack, subprotocols: list[Subprotocol] | None) -> None:
    async with connect(stack.websocket_url, subprotocols=subprotocols, proxy=None) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4406


async def test_a_page_of_another_site_may_not_connect(stack: Stack) -> None:
    for origin, welcome in ((f"http://127.0.0.1:{stack.port}", True), ("https://evil.example", False), ("null", False)):
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
            handshake = {
                "connection": "upgrade",
                "upgrade": "websocket",
                "sec-websocket-version": "13",
                "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
                "sec-websocket-protocol": SUBPROTOCOL,
                "origin": origin,
            }
            async with client.stream("GET", stack.url, headers=handshake) as answer:
                assert answer.status_code == (101 if welcome else 403)


async def test_nothing_a_client_did_here_left_a_traceback(stack: Stack) -> None:
    gateway = [line for line in stack.log().splitlines() if line.startswith("gateway")]
    assert not any("Traceback" in line for line in gateway)
