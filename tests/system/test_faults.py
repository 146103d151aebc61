"""Whatever crashes, a payment ends as it should, charged once, and its subscribers see every transition (G1 to G3)."""

import asyncio

import pytest

from tests.support.client import assert_unbroken, front_end, statuses, watch_through
from tests.support.stack import Stack
from tests.support.waiting import eventually

EXPECTED = ["INITIATED", "PROCESSING", "SUCCEEDED"]


@pytest.mark.parametrize(
    "victim", ["eventstore", "valkey", "sandbox", "projection", "processor", "notifier", "gateway"]
)
async def test_a_killed_process_costs_no_transition_and_no_second_charge(fragile: Stack, victim: str) -> None:
    async with front_end(fragile) as client:
        payment_id = await client.begin("tok_slow")
    seen: list[dict[str, object]] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watch_through(fragile, payment_id, seen))

        async def under_way() -> bool:
            return "PROCESSING" in statuses(seen)

        await eventually(under_way, what="PROCESSING")
        before = fragile.processes()[victim]["pid"]
        fragile.kill(victim)

    assert statuses(seen) == EXPECTED
    assert_unbroken(seen)
    assert fragile.charges(payment_id) == ["authorize", "capture"]

    async def restarted() -> bool:
        return bool(fragile.processes()[victim]["pid"] != before)

    await eventually(restarted, what=f"a new {victim}")


async def test_a_gateway_killed_between_accepting_and_answering_leaves_one_payment(fragile: Stack) -> None:
    given = {"idempotencyKey": "killed-while-answering"}

    async def try_until_answered() -> str:
        async def answered() -> str | None:
            try:
                async with front_end(fragile) as client:
                    return str((await client.initiate(**given))["payment"]["id"])
            except Exception:  # noqa: BLE001 — whatever a client sees of a killed server, it tries again
                return None

        return await eventually(answered, what="an answer")

    async with asyncio.TaskGroup() as tasks:
        answers = [tasks.create_task(try_until_answered()) for _ in range(5)]
        fragile.kill("gateway")
    (payment_id,) = {answer.result() for answer in answers}
    seen: list[dict[str, object]] = []
    await watch_through(fragile, payment_id, seen)
    assert statuses(seen) == EXPECTED
    assert fragile.charges(payment_id) == ["authorize", "capture"]


async def test_a_restart_keeps_every_payment_and_goes_on_with_the_open_ones(fragile: Stack) -> None:
    async with front_end(fragile) as client:
        settled = await client.begin("tok_success")
        before = await client.watch(settled)
        under_way = [await client.begin("tok_slow") for _ in range(3)]
    took = fragile.stop()
    assert took < 5, f"it took {took:.1f} s to stop"
    fragile.start()
    async with front_end(fragile) as client:
        assert await client.watch(settled) == before
        for payment_id in under_way:
            values = await client.watch(payment_id)
            assert statuses(values) == EXPECTED
            assert_unbroken(values)
            assert fragile.charges(payment_id) == ["authorize", "capture"]
        assert (await client.payment(settled))["status"] == "SUCCEEDED"


async def test_a_second_copy_on_the_same_port_says_so(fragile: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Stack(tmp_path_factory.mktemp("second"), fragile.port)
    with pytest.raises(AssertionError, match="PAYGATE_PORT"):
        other.start()
    assert str(fragile.port) in other.log()


async def test_two_copies_run_side_by_side(fragile: Stack, stack: Stack) -> None:
    async with front_end(stack) as there, front_end(fragile) as here:
        payment_id = await there.begin()
        assert statuses(await there.watch(payment_id)) == EXPECTED
        assert await here.payment(payment_id) is None
