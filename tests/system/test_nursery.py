"""`paygate dev` when the process is killed from which it forks the others.

After the tests of the other faults: from then on, whatever is killed is started by its command, which takes longer.
"""

import sys

import psutil
import pytest

from tests.support.client import front_end, statuses, watch_through
from tests.support.stack import Stack
from tests.support.waiting import eventually

EXPECTED = ["INITIATED", "PROCESSING", "SUCCEEDED"]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
async def test_without_what_they_are_forked_from_all_killed_processes_come_back_by_their_commands(
    fragile: Stack,
) -> None:
    victims = ["eventstore", "sandbox", "projection", "processor", "notifier", "gateway"]
    before = {victim: fragile.processes()[victim]["pid"] for victim in victims}
    fragile.kill_nursery()
    assert {victim: fragile.processes()[victim]["pid"] for victim in victims} == before
    for victim in victims:
        fragile.kill(victim)

    async def restarted() -> bool:
        now = fragile.processes()
        return all(victim in now and now[victim]["pid"] != before[victim] for victim in victims)

    await eventually(restarted, what="all of them")
    assert {psutil.Process(fragile.processes()[victim]["pid"]).cmdline()[-1] for victim in victims} == {
        "eventstore",
        "sandbox",
        "project",
        "process",
        "notify",
        "serve",
    }

    async def paid() -> str | None:
        try:
            async with front_end(fragile) as client:
                return await client.begin("tok_success")
        except Exception:  # noqa: BLE001 — whatever it is, it is tried again
            return None

    payment_id = await eventually(paid, what="an answer")
    seen: list[dict[str, object]] = []
    await watch_through(fragile, payment_id, seen)
    assert statuses(seen) == EXPECTED
