"""All payments of a merchant as they change: each change once and in order, over every stream, from any cursor on."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from tests.support.client import INITIATE, assert_unbroken, payment_input
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack
from tests.support.waiting import eventually
from tests.system.fragile import KEPT

WATCH = """subscription($after: String, $delivery: Delivery) {
  merchantPayments(after: $after, delivery: $delivery) {
    cursor merged payment { id status version previousVersion } } }"""
SUBPROTOCOL = Subprotocol("graphql-transport-ws")
ENDED = {"SUCCEEDED", "FAILED"}

Watch = Callable[[Stack, str, Any, dict[str, Any]], AsyncGenerator[dict[str, Any], None]]


@pytest.fixture
def key(keys: Iterator[str]) -> str:
    return next(keys)


async def by_socket(
    stack: Stack, key: str, position: Any, variables: dict[str, Any]
) -> AsyncGenerator[dict[str, Any], None]:
    """graphql-transport-ws; `position` goes where a client resumes."""
    async with connect(stack.websocket_url, subprotocols=[SUBPROTOCOL], proxy=None) as socket:
        init = {"type": "connection_init", "payload": {"authorization": f"Bearer {key}"}}
        await socket.send(json.dumps(init))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        payload = {"query": WATCH, "variables": variables, "extensions": {"after": position}}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "next":
                yield message["payload"]
            elif message["type"] == "error":
                yield {"errors": message["payload"]}
                return


async def by_events(
    stack: Stack, key: str, position: Any, variables: dict[str, Any]
) -> AsyncGenerator[dict[str, Any], None]:
    """GraphQL over SSE; `position` goes where a browser's EventSource puts it."""
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {key}"}
    resuming = {} if position is None else {"last-event-id": position}
    body = {"query": WATCH, "variables": variables}
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as client,
        client.stream("POST", stack.url, json=body, headers=headers | resuming) as answer,
    ):
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


EVERY_STREAM = pytest.mark.parametrize("watch", [by_socket, by_events])


async def pay(stack: Stack, key: str, token: str = "tok_success", **fields: Any) -> str:
    """Begin a payment; its id."""
    answer = await _initiate(stack, key, method={"card": {"token": token}}, **fields)
    payment_id: str = answer["payment"]["id"]
    return payment_id


async def pay_and_wait(stack: Stack, key: str) -> str:
    """The id of a payment that has ended."""
    return await pay(stack, key, waitFor="FINAL", timeoutMs=30_000)


async def the_present(stack: Stack, key: str) -> str:
    """The cursor of the merchant's last change."""
    seen: list[dict[str, Any]] = []

    async def watch() -> None:
        async for result in by_socket(stack, key, None, {}):
            seen.extend(values([result]))

    async def found() -> str | None:
        # Nothing says when a watch has begun, so payments are made until one is seen to its end.
        payment_id = await pay_and_wait(stack, key)
        last = seen[-1] if seen else None
        ended = last and last["payment"]["id"] == payment_id and last["payment"]["status"] in ENDED
        return str(last["cursor"]) if last and ended else None

    watching = asyncio.create_task(watch())
    try:
        return await eventually(found, what="the end of a payment")
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def three_payments(stack: Stack, key: str, watch: Watch, cursor: str) -> tuple[list[str], list[dict[str, Any]]]:
    """The ids of three payments that went well, badly and slowly, and all that was seen of them."""
    payment_ids = [await pay(stack, key, token) for token in ("tok_success", "tok_decline", "tok_slow")]
    return payment_ids, await until_ended(watch(stack, key, cursor, {}), payment_ids)


async def _initiate(stack: Stack, key: str, **fields: Any) -> dict[str, Any]:
    body = {"query": INITIATE, "variables": {"input": {**payment_input(), **fields}}}
    async with httpx.AsyncClient(timeout=60, trust_env=False, verify=NO_CERTIFICATES) as client:
        answer = await client.post(stack.url, json=body, headers={"authorization": f"Bearer {key}"})
    accepted: dict[str, Any] = answer.json()["data"]["initiatePayment"]
    return accepted


async def until_ended(
    results: AsyncGenerator[dict[str, Any], None], payment_ids: Sequence[str]
) -> list[dict[str, Any]]:
    """The results until each of the payments has come to its end."""
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(60), aclosing(results):
        async for result in results:
            seen.append(result)
            if all_ended(seen, payment_ids):
                return seen
    raise AssertionError(f"the subscription ended: {seen[-1:]}")


async def error_of(results: AsyncGenerator[dict[str, Any], None]) -> dict[str, Any]:
    """The error that a subscription begins with."""
    async with asyncio.timeout(30), aclosing(results):
        error: dict[str, Any] = (await anext(results))["errors"][0]
    return error


async def so_many(results: AsyncGenerator[dict[str, Any], None], count: int) -> list[dict[str, Any]]:
    """The next results of a subscription."""
    async with asyncio.timeout(30), aclosing(results):
        return [await anext(results) for _ in range(count)]


def all_ended(results: Sequence[dict[str, Any]], payment_ids: Sequence[str]) -> bool:
    payments = [each["payment"] for each in values(results)]
    return {payment["id"] for payment in payments if payment["status"] in ENDED} >= set(payment_ids)


def values(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [result["data"]["merchantPayments"] for result in results]


@EVERY_STREAM
async def test_every_change_of_every_payment_comes_once_and_in_order(fragile: Stack, key: str, watch: Watch) -> None:
    cursor = await the_present(fragile, key)
    payment_ids, seen = await three_payments(fragile, key, watch, cursor)
    for payment_id in payment_ids:
        payments = [each["payment"] for each in values(seen) if each["payment"]["id"] == payment_id]
        assert_unbroken(payments)
        assert payments[0]["previousVersion"] is None
    assert {each["payment"]["id"] for each in values(seen)} == set(payment_ids)
    assert [result["extensions"]["position"] for result in seen] == [each["cursor"] for each in values(seen)]
    assert {each["merged"] for each in values(seen)} == {1}


@EVERY_STREAM
async def test_a_cursor_handed_back_is_where_it_goes_on(fragile: Stack, key: str, watch: Watch) -> None:
    cursor = await the_present(fragile, key)
    _, everything = await three_payments(fragile, key, watch, cursor)
    for seen, result in enumerate(everything[:-1], start=1):
        position = result["extensions"]["position"]
        for given, variables in ((position, {}), (None, {"after": position})):
            rest = await so_many(watch(fragile, key, given, variables), len(everything) - seen)
            assert rest == everything[seen:]


@EVERY_STREAM
async def test_the_latest_of_each_payment_is_a_way_of_delivery(fragile: Stack, key: str, watch: Watch) -> None:
    cursor = await the_present(fragile, key)
    payment_ids, everything = await three_payments(fragile, key, watch, cursor)
    merged = await until_ended(watch(fragile, key, cursor, {"delivery": "LATEST"}), payment_ids)
    for payment_id in payment_ids:
        counts = [each["merged"] for each in values(merged) if each["payment"]["id"] == payment_id]
        assert sum(counts) == sum(each["payment"]["id"] == payment_id for each in values(everything))


async def test_merchants_see_nothing_of_each_other(fragile: Stack, keys: Iterator[str]) -> None:
    mine, others = next(keys), next(keys)
    my_cursor, others_cursor = await the_present(fragile, mine), await the_present(fragile, others)
    my_payments = [await pay(fragile, mine) for _ in range(2)]
    others_payments = [await pay(fragile, others) for _ in range(2)]
    for key, cursor, payment_ids in ((mine, my_cursor, my_payments), (others, others_cursor, others_payments)):
        seen = await until_ended(by_socket(fragile, key, cursor, {}), payment_ids)
        assert {each["payment"]["id"] for each in values(seen)} == set(payment_ids)


@EVERY_STREAM
async def test_another_merchants_cursor_is_refused(fragile: Stack, keys: Iterator[str], watch: Watch) -> None:
    mine, others = next(keys), next(keys)
    cursor = await the_present(fragile, others)
    error = await error_of(watch(fragile, mine, cursor, {}))
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("INVALID_CURSOR", "after")


@EVERY_STREAM
@pytest.mark.parametrize("position", ["nonsense", "7"])
async def test_what_is_no_cursor_is_refused(fragile: Stack, key: str, watch: Watch, position: str) -> None:
    error = await error_of(watch(fragile, key, position, {}))
    assert error["extensions"]["code"] == "INVALID_CURSOR"


@EVERY_STREAM
async def test_a_cursor_that_is_too_old_is_an_error_that_says_how_to_begin_again(
    fragile: Stack, key: str, watch: Watch
) -> None:
    cursor = await the_present(fragile, key)
    # Three changes each, and the last may not be in the feed yet.
    await asyncio.gather(*(pay_and_wait(fragile, key) for _ in range(KEPT // 3 + 3)))
    error = await error_of(watch(fragile, key, cursor, {}))
    assert error["extensions"]["code"] == "CURSOR_EXPIRED"
    assert "query `payments`, then subscribe without `after`" in error["message"]


async def test_a_client_secret_does_not_open_the_feed(fragile: Stack, key: str) -> None:
    secret = (await _initiate(fragile, key))["clientSecret"]
    error = await error_of(by_socket(fragile, secret, None, {}))
    assert error["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("victim", ["valkey", "projection", "gateway", "eventstore"])
async def test_whatever_is_killed_a_client_that_resumes_sees_every_change_once(
    fragile: Stack, key: str, victim: str
) -> None:
    position = await the_present(fragile, key)
    payment_ids = [await pay(fragile, key, "tok_slow") for _ in range(3)]
    seen = await so_many(by_socket(fragile, key, position, {}), 1)
    before = fragile.processes()[victim]["pid"]
    fragile.kill(victim)
    while not all_ended(seen, payment_ids):
        await _go_on(fragile, key, seen)
    for payment_id in payment_ids:
        assert_unbroken([each["payment"] for each in values(seen) if each["payment"]["id"] == payment_id])

    async def restarted() -> bool:
        return bool(fragile.processes()[victim]["pid"] != before)

    await eventually(restarted, what=f"a new {victim}")


async def _go_on(stack: Stack, key: str, seen: list[dict[str, Any]]) -> None:
    """See one more change, if the server lets us."""
    position = seen[-1]["extensions"]["position"]
    try:
        (result,) = await so_many(by_socket(stack, key, position, {}), 1)
    except (OSError, WebSocketException, StopAsyncIteration):
        result = {}
    if "data" in result:
        seen.append(result)
    else:
        await asyncio.sleep(0.1)
