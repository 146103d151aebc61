"""The sandbox as a process: it starts, remembers, and stops."""

import asyncio
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.laptop.sandbox.server import SandboxOptions, serve
from tests.sandbox.client import Client, unique
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess, running_sandbox

QUICKLY_SECONDS = 3.0


def test_what_was_answered_survives_sigkill(tmp_path: Path) -> None:
    reference, key, flaky = unique("pay"), unique("key"), unique("key")
    with running_sandbox(tmp_path) as sandbox, Client(sandbox.url) as client:
        charge = client.held(key=key, reference=reference)
        client.charge("flaky", key=flaky, reference=reference)
        ledger = sandbox.ledger()
        sandbox.restart()

        assert sandbox.ledger() == ledger
        assert client.held(key=key, reference=reference) == charge
        assert client.capture(charge).status_code == 200
        assert client.charge("flaky", key=flaky, reference=reference).status_code == 503
        assert client.charge("flaky", key=flaky, reference=reference).status_code == 200


def test_no_charge_is_lost_or_doubled_by_sigkill_in_the_midst_of_many(tmp_path: Path) -> None:
    keys = [unique("key") for _ in range(64)]
    with running_sandbox(tmp_path) as sandbox, Client(sandbox.url) as client:

        def pay(key: str) -> bool:
            try:
                return client.charge(key=key, reference=key).status_code == 200
            except httpx.TransportError:
                return False

        with ThreadPoolExecutor(8) as threads:
            paying = [threads.submit(pay, key) for key in keys]
            assert paying[20].result()
            sandbox.kill()
        answered = {key for key, paid in zip(keys, paying, strict=True) if paid.result()}
        sandbox.restart()

        assert answered <= {movement["key"] for movement in sandbox.ledger()}
        assert all(pay(key) for key in keys)
        assert sorted(movement["key"] for movement in sandbox.ledger()) == sorted(keys)


def test_it_ends_in_good_order_although_answers_are_owed(tmp_path: Path) -> None:
    key = unique("key")
    with running_sandbox(tmp_path) as sandbox, Client(sandbox.url) as client, ThreadPoolExecutor(1) as threads:
        with Client(sandbox.url) as other:
            owed = threads.submit(other.charge, "timeout", key=key)
            while client.operation(key).status_code == 404:
                pass
            assert sandbox.stop() == 0
            assert isinstance(owed.exception(), httpx.TransportError)
        assert sandbox.log() == ""


def test_a_taken_port_is_said_clearly(shared: SandboxProcess, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.laptop.sandbox", "--data", str(tmp_path), "--port", str(shared.port)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == 1
    assert "the sandbox cannot start" in ended.stderr
    assert "already in use" in ended.stderr
    assert str(shared.port) in ended.stderr


async def test_it_says_where_it_listens_and_ends_when_cancelled(tmp_path: Path) -> None:
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(SandboxOptions(tmp_path, port=0), ready=listening.set_result))
    port = await listening
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=NO_CERTIFICATES
    ) as client:
        assert (await client.get("/health/live")).status_code == 200
        body = {"reference": "pay_1", "amount": 1, "currency": "EUR", "token": "tok_timeout"}
        headers = {"Idempotency-Key": "key"}
        owed = asyncio.create_task(client.post("/v1/charges", json=body, headers=headers, timeout=None))
        while (await client.get("/v1/operations/key")).status_code == 404:
            pass

        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(serving, QUICKLY_SECONDS)
        with pytest.raises(httpx.TransportError):
            await owed
    with socket.create_server(("127.0.0.1", port)):
        pass  # the port is free again


async def test_customers_are_sent_to_the_public_address(tmp_path: Path) -> None:
    listening: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    options = SandboxOptions(tmp_path, port=0, public_url="https://bank.example/")
    serving = asyncio.create_task(serve(options, ready=listening.set_result))
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{await listening}", trust_env=False, verify=NO_CERTIFICATES
    ) as client:
        body = {"reference": "pay_1", "amount": 1, "currency": "EUR", "token": "tok_authenticate"}
        charge = (await client.post("/v1/charges", json=body, headers={"Idempotency-Key": "key"})).json()
    assert charge["next_action"]["url"] == f"https://bank.example/approve/{charge['id']}"
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_a_taken_port_is_an_error_of_the_system(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="already in use"):
        await serve(SandboxOptions(tmp_path, port=taken.getsockname()[1]))
