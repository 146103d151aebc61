"""Keys of idempotency: the first answer is kept, and nothing is done twice."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.sandbox.client import PATIENCE_SECONDS, Client, code, unique
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess


@pytest.mark.parametrize("card", ["success", "decline", "authenticate", "of_nobody"])
def test_the_first_answer_is_replayed(client: Client, card: str) -> None:
    reference, key = unique("pay"), unique("key")
    first = client.charge(card, key=key, reference=reference)
    again = client.charge(card, key=key, reference=reference)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers


def test_every_call_is_carried_out_once(client: Client) -> None:
    reference = unique("pay")
    keys = [unique("key") for _ in range(3)]
    for _ in range(2):
        charge = client.held(key=keys[0], reference=reference)
        client.capture(charge, key=keys[1])
        client.refund(charge, 100, key=keys[2])
    assert client.ledger(reference) == [("authorize", 4200), ("capture", 4200), ("refund", 100)]


def test_a_refusal_is_kept_although_the_call_would_succeed_by_now(client: Client) -> None:
    charge, key = client.held(), unique("key")
    refused = client.refund(charge, 100, key=key)
    client.capture(charge)
    assert client.refund(charge, 100, key=key).json() == refused.json()


@pytest.mark.parametrize(
    "change", [{"amount": 1}, {"currency": "USD"}, {"token": "tok_slow"}, {"reference": "other"}, {"description": "x"}]
)
def test_a_key_with_other_parameters_is_an_error(client: Client, change: dict[str, object]) -> None:
    key, reference = unique("key"), unique("pay")
    body = {"reference": reference, "amount": 4200, "currency": "EUR", "token": "tok_success"}
    client.post("/v1/charges", body, key)
    answer = client.post("/v1/charges", {**body, **change}, key)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "idempotency_error"
    assert client.ledger(reference) == [("authorize", 4200)]


def test_a_key_of_another_call_is_an_error(client: Client) -> None:
    charge, key = client.held(), unique("key")
    client.capture(charge, key=key)
    assert code(client.void(charge, key=key)) == "idempotency_key_reused"


async def test_a_repeat_while_the_first_runs_is_a_conflict(client: Client, shared: SandboxProcess) -> None:
    reference, key = unique("pay"), unique("key")
    body = {"reference": reference, "amount": 4200, "currency": "EUR", "token": "tok_timeout"}
    async with httpx.AsyncClient(
        base_url=shared.url, timeout=PATIENCE_SECONDS, trust_env=False, verify=NO_CERTIFICATES
    ) as other:
        running = asyncio.create_task(other.post("/v1/charges", json=body, headers={"Idempotency-Key": key}))
        while (await other.get(f"/v1/operations/{key}")).status_code == 404:
            pass
        answer = client.post("/v1/charges", body, key)
        assert (answer.status_code, code(answer)) == (409, "idempotency_key_in_use")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    # The client has gone, and the answer it did not get is there for the next one.
    while (answer := client.post("/v1/charges", body, key)).status_code == 409:
        pass
    assert answer.status_code == 200
    assert client.ledger(reference) == [("authorize", 4200)]


def test_many_at_once_with_one_key_make_one_charge(client: Client, shared: SandboxProcess) -> None:
    reference, key = unique("pay"), unique("key")

    def pay(_: int) -> int:
        with Client(shared.url) as other:
            return other.charge(key=key, reference=reference).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(pay, range(16)))
    assert set(statuses) <= {200, 409}
    assert client.ledger(reference) == [("authorize", 4200)]


def test_many_at_once_with_keys_of_their_own_are_all_carried_out(client: Client, shared: SandboxProcess) -> None:
    reference = unique("pay")

    def pay(_: int) -> int:
        with Client(shared.url) as other:
            return other.charge(reference=reference).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(pay, range(32))) == {200}
    assert client.ledger(reference) == [("authorize", 4200)] * 32


def test_an_operation_is_looked_up_by_its_key(client: Client) -> None:
    charge, key = client.held(), unique("key")
    captured = client.capture(charge, 100, key=key)
    client.refund(charge, 40)
    found = client.operation(key).json()
    assert found["operation"] == "capture"
    assert found["answer"] == {"status": 200, "body": captured.json()}
    assert found["charge"]["amount_refunded"] == 40
