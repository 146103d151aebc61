"""A gateway that runs trusted documents only, named by their hashes over every transport."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from schema.trusted import hash_of
from tests.support.client import front_end
from tests.support.gateway_process import Gateway, gateway
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack

WATCH = "subscription($id: ID!) { paymentStatus(id: $id, after: -1) { status } }"
QUERY = "query($id: ID!) { payment(id: $id) { status } }"
CANCEL = "mutation($id: ID!) { cancelPayment(input: {paymentId: $id}) { __typename } }"
FREE = "query($id: ID!) { payment(id: $id) { version } }"
STATUSES = ["INITIATED", "PROCESSING", "SUCCEEDED"]

Send = Callable[[Gateway, dict[str, Any]], Awaitable[list[dict[str, Any]]]]


@pytest.fixture(scope="module")
def strict(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("strict")
    file = folder / "documents.json"
    file.write_text(json.dumps({hash_of(text): text for text in (WATCH, QUERY, CANCEL)}))
    settings = {"PAYGATE_TRUSTED_DOCUMENTS": str(file), "PAYGATE_TRUSTED_DOCUMENTS_ONLY": "true"}
    with gateway(stack, folder, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def payment_id(strict: Gateway, stack: Stack) -> str:
    """A payment that has ended; no test moves it."""

    async def paid() -> str:
        await strict.ready()
        async with front_end(stack) as client:
            return await client.begin("tok_success", waitFor="FINAL")

    return asyncio.run(paid())


def named(text: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}}


async def by_socket(strict: Gateway, body: dict[str, Any]) -> list[dict[str, Any]]:
    results = []
    async with connect(strict.websocket_url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": body}))
        while (message := json.loads(await socket.recv()))["type"] == "next":
            results.append(message["payload"])
    return results if message["type"] == "complete" else [{"errors": message["payload"]}]


async def by_events(strict: Gateway, body: dict[str, Any]) -> list[dict[str, Any]]:
    text = (await post(strict, body, "text/event-stream")).text
    return [json.loads(data) for data in re.findall("^data: (.+)$", text, re.MULTILINE)]


async def by_multipart(strict: Gateway, body: dict[str, Any]) -> list[dict[str, Any]]:
    text = (await post(strict, body, 'multipart/mixed;subscriptionSpec="1.0"')).text
    parts = [json.loads(part) for part in re.findall(r"json\r\n\r\n(.*?)\r\n", text)]
    return [part["payload"] or {"errors": part["errors"]} for part in parts if part]


async def post(strict: Gateway, body: dict[str, Any], accept: str = "application/json") -> httpx.Response:
    async with httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as http:
        return await http.post(address(strict), json=body, headers={"accept": accept})


def address(strict: Gateway) -> str:
    return f"http://127.0.0.1:{strict.port}/graphql"


EVERY_STREAM = pytest.mark.parametrize("send", [by_socket, by_events, by_multipart])


@EVERY_STREAM
@pytest.mark.parametrize("name", [named(WATCH), {"documentId": f"sha256:{hash_of(WATCH)}"}], ids=["apollo", "id"])
async def test_a_trusted_subscription_is_watched_by_its_hash(
    strict: Gateway, payment_id: str, send: Send, name: dict[str, Any]
) -> None:
    results = await send(strict, {**name, "variables": {"id": payment_id}})
    assert [result["data"]["paymentStatus"]["status"] for result in results] == STATUSES


@EVERY_STREAM
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": WATCH}, "PERSISTED_QUERY_REQUIRED"),
        ({"query": FREE, **named(FREE)}, "PERSISTED_QUERY_NOT_FOUND"),
        ({"query": FREE, **named(WATCH)}, "PERSISTED_QUERY_MISMATCH"),
    ],
)
async def test_a_stream_of_any_other_document_is_refused(
    strict: Gateway, payment_id: str, send: Send, body: dict[str, Any], code: str
) -> None:
    (result,) = await send(strict, {**body, "variables": {"id": payment_id}})
    assert [error["extensions"]["code"] for error in result["errors"]] == [code]


async def test_a_trusted_query_is_posted_and_got_by_its_hash(strict: Gateway, payment_id: str) -> None:
    expected = {"data": {"payment": {"status": "SUCCEEDED"}}}
    variables = {"id": payment_id}
    assert (await post(strict, {**named(QUERY), "variables": variables})).json() == expected
    in_address = {"variables": json.dumps(variables)}
    by_apollo = {"extensions": json.dumps(named(QUERY)["extensions"])}
    async with httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as http:
        for name in (by_apollo, {"documentId": f"sha256:{hash_of(QUERY)}"}):
            assert (await http.get(address(strict), params=in_address | name)).json() == expected


async def test_a_trusted_mutation_is_not_got_either(strict: Gateway, payment_id: str) -> None:
    named_in_address = {"documentId": f"sha256:{hash_of(CANCEL)}", "variables": json.dumps({"id": payment_id})}
    async with httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as http:
        assert (await http.get(address(strict), params=named_in_address)).status_code == 405


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"query": QUERY}, "PERSISTED_QUERY_REQUIRED", "query"),
        (named(FREE), "PERSISTED_QUERY_NOT_FOUND", "extensions.persistedQuery.sha256Hash"),
        ({"query": FREE, "documentId": f"sha256:{hash_of(QUERY)}"}, "PERSISTED_QUERY_MISMATCH", "documentId"),
        ({"documentId": 7}, "MALFORMED_REQUEST", "documentId"),
    ],
)
async def test_any_other_document_is_400_with_the_field_at_fault(
    strict: Gateway, payment_id: str, accept: str, body: dict[str, Any], code: str, field: str
) -> None:
    answer = await post(strict, {**body, "variables": {"id": payment_id}}, accept)
    assert (answer.status_code, answer.headers["content-type"]) == (400, f"{accept}; charset=utf-8")
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": code, "field": field}


def test_the_gateway_does_not_start_with_a_document_that_could_not_run(tmp_path: Path) -> None:
    file = tmp_path / "documents.json"
    file.write_text(json.dumps({hash_of("{ nothing }"): "{ nothing }"}))
    serve = subprocess.run(
        [sys.executable, "-m", "app.cli", "serve"],
        env={"PAYGATE_PROFILE": "dev", "PAYGATE_TRUSTED_DOCUMENTS": str(file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert serve.returncode == 2
    assert serve.stderr.startswith(f"PAYGATE_TRUSTED_DOCUMENTS: document {hash_of('{ nothing }')}: ")
    assert "Cannot query field 'nothing'" in serve.stderr
