"""The same key is the same payment, whatever happens around it (G2)."""

import asyncio

from tests.support.client import FrontEnd, front_end, payment_input
from tests.support.stack import Stack


async def test_the_same_request_again_finds_the_same_payment(client: FrontEnd, stack: Stack) -> None:
    given = payment_input()
    first = await client.initiate(**given)
    await client.watch(first["payment"]["id"])
    second = await client.initiate(**given)
    assert (first["replayed"], second["replayed"]) == (False, True)
    assert second["payment"]["id"] == first["payment"]["id"]
    assert second["clientSecret"] == first["clientSecret"]
    assert second["payment"]["status"] == "SUCCEEDED"
    assert stack.charges(first["payment"]["id"]) == ["authorize", "capture"]


async def test_how_long_a_client_waits_does_not_make_another_request(client: FrontEnd) -> None:
    given = payment_input()
    first = await client.initiate(**given)
    second = await client.initiate(**given, waitFor="FINAL", timeoutMs=20_000)
    assert second["payment"]["id"] == first["payment"]["id"]
    assert second["payment"]["status"] == "SUCCEEDED"


async def test_the_same_key_with_another_content_is_a_conflict_and_changes_nothing(client: FrontEnd) -> None:
    given = payment_input()
    first = await client.initiate(**given)
    for change in (
        {"amount": 5000},
        {"currency": "USD"},
        {"method": {"card": {"token": "tok_decline"}}},
        {"capture": "MANUAL"},
        {"metadata": {"a": 1}},
    ):
        answer = await client.initiate(**{**given, **change})
        assert answer["__typename"] == "IdempotencyConflict"
    (final,) = (await client.watch(first["payment"]["id"]))[-1:]
    assert final["status"] == "SUCCEEDED"
    assert final["amount"] == {"amount": 4999, "currency": "EUR"}


async def test_concurrent_requests_with_one_key_make_one_payment_and_one_charge(stack: Stack) -> None:
    given = payment_input()
    async with front_end(stack) as one, front_end(stack) as other:
        answers = await asyncio.gather(*(each.initiate(**given) for each in (one, other) * 10))
        (payment_id,) = {answer["payment"]["id"] for answer in answers}
        assert sum(not answer["replayed"] for answer in answers) == 1
        await one.watch(payment_id)
    assert stack.charges(payment_id) == ["authorize", "capture"]
