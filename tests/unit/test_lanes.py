"""A target has a lane of its own: it fills it and nobody else's."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from app.notifier.backoffs import Backoffs
from app.notifier.lanes import Lanes


@dataclass
class Work:
    """Work that waits until it is let go; remembers who was at it, and how many at once."""

    begun: list[str] = field(default_factory=list)
    at_once: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    most: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, target_id: str, delivery_id: str) -> None:
        self.begun.append(delivery_id)
        self.at_once[target_id] += 1
        self.most[target_id] = max(self.most[target_id], self.at_once[target_id])
        await self.gate.wait()
        self.at_once[target_id] -= 1


async def _settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_a_full_lane_holds_up_nobody_in_another() -> None:
    work = Work()
    async with asyncio.TaskGroup() as tasks:
        lanes = Lanes(tasks, work, at_once=2)
        for number in range(5):
            lanes.offer("slow", f"slow.{number}")
        lanes.offer("quick", "quick.0")
        await _settle()
        assert work.begun == ["slow.0", "slow.1", "quick.0"]
        work.gate.set()
    assert sorted(work.begun) == ["quick.0", *(f"slow.{number}" for number in range(5))]


async def test_what_waits_is_taken_once_and_what_is_in_hand_once_more() -> None:
    work = Work()
    async with asyncio.TaskGroup() as tasks:
        lanes = Lanes(tasks, work, at_once=1)
        for _ in range(3):
            lanes.offer("we_1", "in hand")
            lanes.offer("we_1", "waiting")
            await _settle()
        work.gate.set()
    assert sorted(work.begun) == ["in hand", "in hand", "waiting"]


async def test_what_finds_no_room_is_left_to_the_due_list() -> None:
    work = Work()
    async with asyncio.TaskGroup() as tasks:
        lanes = Lanes(tasks, work, at_once=1, longest=2)
        for number in range(9):
            lanes.offer("we_1", f"we_1.{number}")
        work.gate.set()
    assert work.begun == ["we_1.0", "we_1.1", "we_1.2"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=40), st.integers(1, 3))
def test_everything_offered_is_worked_on_and_never_too_much_at_once(
    offered: list[tuple[str, int]], at_once: int
) -> None:
    async def play() -> Work:
        work = Work()
        async with asyncio.TaskGroup() as tasks:
            lanes = Lanes(tasks, work, at_once)
            for target_id, number in offered:
                lanes.offer(target_id, f"{target_id}.{number}")
            await _settle()
            work.gate.set()
        return work

    work = asyncio.run(play())
    assert set(work.begun) == {f"{target_id}.{number}" for target_id, number in offered}
    assert all(most <= at_once for most in work.most.values())


def test_what_does_not_move_is_looked_at_ever_more_seldom_until_it_does() -> None:
    now = [0.0]
    backoffs = Backoffs(lambda: now[0])
    assert backoffs.allow("we_1")
    pauses = []
    for _ in range(10):
        backoffs.lengthen("we_1")
        begun = now[0]
        while not backoffs.allow("we_1"):
            now[0] += 0.25
        pauses.append(now[0] - begun)
    assert pauses[0] <= 1.0
    assert 15.0 <= pauses[-1] <= 30.25
    backoffs.lengthen("we_1")
    backoffs.forget("we_1")
    assert backoffs.allow("we_1")
