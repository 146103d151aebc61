"""The processor is stopped before and after everything it writes, and a new one begun: the same order, charged once."""

import asyncio
from typing import Literal

import pytest

from tests.integration.flows import FLOWS, Flow
from tests.integration.ordering import Street
from tests.support.meanwhile import Meanwhile
from tests.support.remembering_store import RememberingStore

MOST_STEPS = 40


async def outcome_of(flow: Flow, street: Street, step: int, when: Literal["before", "after"]) -> tuple[object, bool]:
    """What came of a flow whose processor is stopped at a step, and whether there was such a step."""
    stopped: list[Meanwhile] = []

    async def stop() -> None:
        raise asyncio.CancelledError

    def through(store: RememberingStore) -> Meanwhile:
        stopped.append(Meanwhile(store, stop, step, when))
        return stopped[0]

    shop = street.shop(through=through)
    await flow(shop)
    await shop.rest()
    await shop.agrees()
    order = await shop.order()
    attempts = [
        (attempt.status, type(shop.payment(attempt.payment_id)), await shop.moved(attempt.payment_id))
        for attempt in order.attempts
    ]
    return (type(order), attempts), stopped[0].happened


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
async def test_a_processor_stopped_anywhere_is_followed_by_one_that_comes_to_the_same(
    street: Street, flow: Flow
) -> None:
    undisturbed, _ = await outcome_of(flow, street, MOST_STEPS, "before")
    for when in ("before", "after"):
        for step in range(MOST_STEPS):
            outcome, happened = await outcome_of(flow, street, step, when)
            assert outcome == undisturbed, f"stopped {when} step {step}"
            if not happened:
                assert step > 3
                break
