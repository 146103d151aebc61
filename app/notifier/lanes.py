"""A lane per target: so many of its deliveries at a time, and as many targets side by side as there are.

A target that is slow fills its own lane and nobody else's.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

_LONGEST = 10_000


@dataclass
class _Lane:
    waiting: deque[str] = field(default_factory=deque)
    running: int = 0


@dataclass
class Lanes:
    """Works on delivery streams in `tasks`, `at_once` of a target. `work` must raise nothing but cancellation."""

    tasks: asyncio.TaskGroup
    work: Callable[[str, str], Awaitable[None]]
    at_once: int
    longest: int = _LONGEST
    """How many streams wait in a lane; the due list keeps those for which there is no room."""
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)
    _in_hand: set[str] = field(default_factory=set)
    _again: set[str] = field(default_factory=set)

    def offer(self, target_id: str, delivery_id: str) -> None:
        """Work on a stream soon, unless it waits already; once more when it is in hand, as it may have grown."""
        if delivery_id in self._in_hand:
            self._again.add(delivery_id)
            return
        lane = self._lanes.setdefault(target_id, _Lane())
        if delivery_id in self._waiting or len(lane.waiting) >= self.longest:
            return
        self._waiting.add(delivery_id)
        lane.waiting.append(delivery_id)
        self._go_on(target_id, lane)

    def _go_on(self, target_id: str, lane: _Lane) -> None:
        while lane.waiting and lane.running < self.at_once:
            delivery_id = lane.waiting.popleft()
            self._waiting.discard(delivery_id)
            self._in_hand.add(delivery_id)
            lane.running += 1
            self.tasks.create_task(self._run(target_id, lane, delivery_id))
        if not lane.waiting and not lane.running:
            self._lanes.pop(target_id, None)

    async def _run(self, target_id: str, lane: _Lane, delivery_id: str) -> None:
        try:
            await self.work(target_id, delivery_id)
        finally:
            lane.running -= 1
            self._in_hand.discard(delivery_id)
        if delivery_id in self._again:
            self._again.discard(delivery_id)
            self._waiting.add(delivery_id)
            lane.waiting.append(delivery_id)
        self._go_on(target_id, lane)
