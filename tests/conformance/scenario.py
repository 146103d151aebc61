"""The one story that every client plays: pay, watch from the beginning to the end, resume after each position."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.support.plain_http import NO_CERTIFICATES

SCENARIO: dict[str, Any] = json.loads((Path(__file__).parent / "scenario.json").read_text("utf-8"))
DOCUMENT: str = SCENARIO["watch"]["query"]

Result = dict[str, Any]
Watch = Callable[[dict[str, Any]], Awaitable[list[Result]]]
"""Everything a client is given by the subscription with these variables."""


def payment_variables() -> dict[str, Any]:
    """The variables of the payment, with a key of its own."""
    return {"input": {**SCENARIO["pay"]["variables"]["input"], "idempotencyKey": str(uuid4())}}


async def pay(url: str) -> str:
    """The id of a new payment."""
    async with httpx.AsyncClient(timeout=30, trust_env=False, verify=NO_CERTIFICATES) as client:
        answer = await client.post(url, json={"query": SCENARIO["pay"]["query"], "variables": payment_variables()})
    payment_id: str = answer.json()["data"]["initiatePayment"]["payment"]["id"]
    return payment_id


async def play(url: str, watch: Watch) -> None:
    """Have a client play the story, and check what it was given."""
    payment_id = await pay(url)
    everything = await watch({"id": payment_id, "after": SCENARIO["from"]})
    positions = [result["extensions"]["position"] for result in everything]
    resumed = [await watch({"id": payment_id, "after": position}) for position in positions]
    check(everything, resumed)


def check(everything: list[Result], resumed: list[list[Result]]) -> None:
    """Every status once, in an unbroken chain; and after each position exactly the rest."""
    values = [result["data"]["paymentStatus"] for result in everything]
    versions = [value["version"] for value in values]
    assert [value["status"] for value in values] == SCENARIO["statuses"]
    assert [value["previousVersion"] for value in values] == [None, *versions[:-1]]
    assert [result["extensions"]["position"] for result in everything] == versions
    assert resumed == [everything[seen:] for seen in range(1, len(everything) + 1)]
