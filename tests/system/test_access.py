"""Who may watch what, and for how long."""

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.access.model import key_id_of
from app.access.revocation import restore, revoke
from tests.support.client import INITIATE, QUERY, WATCH, payment_input
from tests.support.gateway_process import Gateway, gateway
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack

ACME, GLOBEX = "sk_test_acme", "sk_test_globex"
JWT_SECRET = "a secret of more than thirty-two bytes"
CANCEL = "mutation($id: ID!) { cancelPayment(input: {paymentId: $id}) { __typename } }"


@pytest.fixture(scope="module")
def guarded(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway for real money: nobody gets in without a key."""
    settings = {
        "PAYGATE_PROFILE": "production",
        "PAYGATE_API_KEYS": json.dumps({ACME: "acme", GLOBEX: "globex"}),
        "PAYGATE_JWT_SECRET": JWT_SECRET,
        "PAYGATE_JWT_ISSUER": "https://issuer.example",
        "PAYGATE_JWT_AUDIENCE": "paygate",
    }
    with gateway(stack, tmp_path_factory.mktemp("guarded"), **settings) as running:
        yield running


@pytest.fixture
async def http(guarded: Gateway) -> AsyncGenerator[httpx.AsyncClient, None]:
    await guarded.ready()
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{guarded.port}", timeout=30, trust_env=False, verify=NO_CERTIFICATES
    ) as client:
        yield client


def token(seconds: float, merchant: str = "acme", **claims: Any) -> str:
    now = datetime.now(UTC)
    content = {
        "iss": "https://issuer.example",
        "aud": "paygate",
        "sub": "user-1",
        "merchant": merchant,
        "iat": now,
        "exp": now + timedelta(seconds=seconds),
        **claims,
    }
    return jwt.encode(content, JWT_SECRET, algorithm="HS256")


async def send(http: httpx.AsyncClient, credential: str | None, query: str, **variables: Any) -> Any:
    headers = {} if credential is None else {"authorization": f"Bearer {credential}"}
    answer = await http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    return answer.json()


async def begin(http: httpx.AsyncClient, credential: str, token: str = "tok_authenticate") -> dict[str, Any]:
    given = payment_input() | {"method": {"card": {"token": token}}, "waitFor": "ACTION_OR_FINAL"}
    accepted: dict[str, Any] = (await send(http, credential, INITIATE, input=given))["data"]["initiatePayment"]
    return accepted


def code_of(answer: Any) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


async def opened(guarded: Gateway, payload: dict[str, Any]) -> ClientConnection:
    socket = await connect(guarded.websocket_url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None)
    await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    return socket


async def watching(guarded: Gateway, payload: dict[str, Any], payment_id: str) -> ClientConnection:
    socket = await opened(guarded, payload)
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    watch = {"query": WATCH, "variables": {"id": payment_id}}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": watch}))
    assert json.loads(await socket.recv())["type"] == "next"
    return socket


async def read_to_the_end(socket: ClientConnection) -> AsyncGenerator[str | bytes, None]:
    try:
        async for text in socket:
            yield text
    except ConnectionClosed:
        return


@pytest.mark.parametrize("credential", [None, "sk_test_nobody", "not.a.token"])
async def test_nobody_gets_in_without_a_key(http: httpx.AsyncClient, guarded: Gateway, credential: str | None) -> None:
    assert code_of(await send(http, credential, "{ __typename }")) == "UNAUTHENTICATED"
    socket = await opened(guarded, {} if credential is None else {"authorization": f"Bearer {credential}"})
    await socket.wait_closed()
    assert socket.close_code == 4403


async def test_another_merchants_payment_looks_like_none(http: httpx.AsyncClient) -> None:
    payment_id = (await begin(http, ACME))["payment"]["id"]
    assert (await send(http, ACME, QUERY, id=payment_id))["data"]["payment"]["id"] == payment_id
    for unknown in (payment_id, "pay_unknown"):
        assert await send(http, GLOBEX, QUERY, id=unknown) == {"data": {"payment": None}}
        cancelled = await send(http, GLOBEX, CANCEL, id=unknown)
        assert cancelled == {"data": {"cancelPayment": {"__typename": "PaymentNotFound"}}}
        status = await http.get(f"/api/payments/{unknown}/status", headers={"authorization": f"Bearer {GLOBEX}"})
        assert status.status_code == 404


async def test_the_same_key_of_two_merchants_is_two_payments(http: httpx.AsyncClient) -> None:
    given = payment_input()
    ours, theirs = [(await send(http, key, INITIATE, input=given))["data"]["initiatePayment"] for key in (ACME, GLOBEX)]
    assert ours["payment"]["id"] != theirs["payment"]["id"]
    assert not theirs["replayed"]


async def test_a_client_secret_lets_a_browser_watch_that_one_payment_and_nothing_else(
    http: httpx.AsyncClient, guarded: Gateway
) -> None:
    accepted, other = await begin(http, ACME), await begin(http, ACME)
    secret, payment_id = accepted["clientSecret"], accepted["payment"]["id"]
    assert (await send(http, secret, QUERY, id=payment_id))["data"]["payment"]["id"] == payment_id
    assert await send(http, secret, QUERY, id=other["payment"]["id"]) == {"data": {"payment": None}}
    assert code_of(await send(http, secret, CANCEL, id=payment_id)) == "FORBIDDEN"
    assert code_of(await send(http, secret, "{ payments { nodes { id } } }")) == "FORBIDDEN"
    socket = await watching(guarded, {"clientSecret": secret}, payment_id)
    await socket.close()


async def test_a_revoked_key_ends_its_live_subscriptions_within_a_second(
    http: httpx.AsyncClient, guarded: Gateway, stack: Stack
) -> None:
    accepted = await begin(http, ACME)
    secret = accepted["clientSecret"]
    socket = await watching(guarded, {"clientSecret": secret}, accepted["payment"]["id"])
    async with Redis(port=stack.processes()["valkey"]["port"]) as redis:
        await revoke(redis, key_id_of(secret))
        told = [json.loads(text) async for text in read_to_the_end(socket)]
        assert told[-1]["type"] == "error"
        assert told[-1]["payload"][0]["extensions"]["code"] == "ACCESS_REVOKED"
        assert socket.close_code == 4403
        assert code_of(await send(http, secret, "{ __typename }")) == "UNAUTHENTICATED"
        await restore(redis, key_id_of(secret))


async def test_a_token_that_expires_ends_its_connection_and_a_newer_one_carries_it_on(
    http: httpx.AsyncClient, guarded: Gateway
) -> None:
    payment_id = (await begin(http, ACME))["payment"]["id"]
    expiring = await opened(guarded, {"authorization": f"Bearer {token(1.5)}"})
    acknowledged = json.loads(await expiring.recv())
    assert "expiresAt" in acknowledged["payload"]
    refreshed = await watching(guarded, {"authorization": f"Bearer {token(1.5)}"}, payment_id)
    await refreshed.send(json.dumps({"type": "ping", "payload": {"authorization": f"Bearer {token(600)}"}}))
    await expiring.wait_closed()
    assert expiring.close_code == 4403
    # The other one has outlived its first token, and still hears of its payment.
    await send(http, ACME, CANCEL, id=payment_id)
    statuses: list[str] = []
    while "CANCELLED" not in statuses:
        message = json.loads(await refreshed.recv())
        if message["type"] == "next":
            statuses.append(message["payload"]["data"]["paymentStatus"]["status"])
    await refreshed.close()


async def test_a_new_token_of_another_merchant_ends_the_connection(guarded: Gateway, http: httpx.AsyncClient) -> None:
    payment_id = (await begin(http, ACME))["payment"]["id"]
    socket = await watching(guarded, {"authorization": f"Bearer {token(600)}"}, payment_id)
    await socket.send(json.dumps({"type": "ping", "payload": {"authorization": f"Bearer {token(600, 'globex')}"}}))
    await socket.wait_closed()
    assert socket.close_code == 4403


async def test_a_token_without_the_scope_may_look_and_not_act(http: httpx.AsyncClient) -> None:
    payment_id = (await begin(http, ACME))["payment"]["id"]
    reader = token(60, scope="payments:read")
    assert (await send(http, reader, QUERY, id=payment_id))["data"]["payment"]["id"] == payment_id
    assert code_of(await send(http, reader, CANCEL, id=payment_id)) == "FORBIDDEN"


async def test_strangers_cannot_explore_the_schema(http: httpx.AsyncClient) -> None:
    assert code_of(await send(http, ACME, "{ __schema { types { name } } }")) == "GRAPHQL_INVALID"
    misspelt = await send(http, ACME, "{ paymentz { nodes { id } } }")
    assert "payments" not in misspelt["errors"][0]["message"]
    page = await http.get("/graphql", headers={"accept": "text/html"})
    assert "GraphiQL" not in page.text


def test_a_gateway_for_real_money_does_not_start_without_keys(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "app.cli", "serve"],
        env={"PATH": "/usr/bin:/bin", "PAYGATE_SECRET_KEY": "x" * 40, "PAYGATE_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert refused.returncode != 0
    assert "PAYGATE_API_KEYS" in refused.stderr
