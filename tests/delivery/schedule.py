"""Schedules: what happens, what goes wrong and when, all of it from one seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

CLIENTS = 5

# How often each step is drawn. What breaks for long has a step that mends it; what is left broken is mended in the end.
_WEIGHTS = {
    "happen": 30,
    "happen to the end": 4,
    "lose": 8,
    "double": 4,
    "belate": 5,
    "garble": 2,
    "replay": 4,
    "cut feed": 4,
    "part gateway": 3,
    "part projection": 2,
    "stop redis": 3,
    "stop redis, losing a little": 2,
    "flush redis": 2,
    "save redis": 2,
    "mend redis": 8,
    "crash projection": 4,
    "start projection": 6,
    "stop store": 2,
    "start store": 4,
    "pause reader": 6,
    "resume reader": 5,
    "leave": 6,
    "recycle connections": 2,
}
_SILENT = {"lose", "belate", "garble"}
_OF_ONE_CLIENT = {"pause reader", "resume reader", "leave"}
_PAUSES = (0.0, 0.0, 0.001, 0.003, 0.01, 0.05, 0.3, 1.5, 6.0)


@dataclass(frozen=True)
class Step:
    """One thing done, by number `which` of whatever it is done to, and the seconds that pass after it."""

    what: str
    which: int = 0
    pause: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """All that decides how a play goes."""

    seed: int
    rounds: int
    refunds: bool
    mailbox_bytes: int
    room: int
    after: tuple[int | None, ...]
    """Where each client begins."""
    steps: tuple[Step, ...]

    @property
    def loses_silently(self) -> bool:
        """Whether a last message may be lost so that only the sweep finds it."""
        return any(step.what in _SILENT for step in self.steps)


def schedule(seed: int) -> Schedule:
    """The schedule of a seed."""
    rng = Random(seed)  # noqa: S311 — to be drawn again, not secret
    refunds = rng.random() < 0.3
    # In half of them every loss can be noticed, so that all must be well again soon.
    weights = _WEIGHTS if rng.random() < 0.5 else {what: _WEIGHTS[what] for what in _WEIGHTS if what not in _SILENT}
    return Schedule(
        seed=seed,
        rounds=rng.choice((0, 1, 2, 3)),
        refunds=refunds,
        mailbox_bytes=rng.choice((1, 2_000, 5_000, 256 * 1024)),
        room=rng.choice((0, 300, 64 * 1024)),
        after=tuple(rng.choice((None, -1, -1, 0)) for _ in range(CLIENTS)),
        steps=tuple(_step(rng, weights) for _ in range(rng.randint(5, 15))),
    )


def _step(rng: Random, weights: Mapping[str, int]) -> Step:
    (what,) = rng.choices(tuple(weights), tuple(weights.values()))
    which = rng.randrange(CLIENTS) if what in _OF_ONE_CLIENT else rng.randint(1, 3)
    return Step(what, which, rng.choice(_PAUSES))


def simpler(schedule: Schedule) -> Sequence[Schedule]:
    """The same with one step less."""
    steps = schedule.steps
    return [replace(schedule, steps=steps[:place] + steps[place + 1 :]) for place in range(len(steps))]
