"""Whatever is lost, doubled, late or cut off: on every transport each client gets one unbroken chain (G3)."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest
import structlog

from tests.delivery.play import play
from tests.delivery.schedule import Schedule, schedule, simpler
from tests.delivery.seeded_bugs import SEEDED_BUGS, SeededBug
from tests.delivery.virtual_time import VirtualTimeLoop

_BLOCK = 128
_BLOCKS = 16
_MOST_SEEDS = 200
"""Until a seeded bug must be found."""


@pytest.fixture(scope="module", autouse=True)
def quiet_log() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as running:
        yield running


@pytest.mark.parametrize("block", range(_BLOCKS))
def test_every_client_gets_every_version_once_and_in_order(block: int, runner: asyncio.Runner) -> None:
    injected: Counter[str] = Counter()
    for seed in range(block * _BLOCK, (block + 1) * _BLOCK):
        if (fault := _fault_of(schedule(seed), runner, injected)) is not None:
            raise AssertionError(f"{fault!r} in {_simplest(schedule(seed), runner)}") from fault
    # What does not occur proves nothing.
    assert min(injected[what] for what in ("lost", "twice", "late", "feed lost", "leave", "gaps healed")) > 0, injected


@pytest.mark.parametrize("bug", SEEDED_BUGS, ids=lambda bug: bug.name)
def test_a_seeded_bug_is_found(bug: SeededBug, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    bug.plant(monkeypatch)
    found = next((seed for seed in range(_MOST_SEEDS) if _fault_of(schedule(seed), runner, Counter())), None)
    assert found is not None


def _fault_of(played: Schedule, runner: asyncio.Runner, injected: Counter[str]) -> BaseException | None:
    try:
        injected.update(play(played, runner))
    except Exception as fault:  # noqa: BLE001 — whatever it is, a schedule must not lead to it
        while isinstance(fault, ExceptionGroup):
            fault = fault.exceptions[0]
        return fault
    return None


def _simplest(failing: Schedule, runner: asyncio.Runner) -> Schedule:
    """The schedule without the steps that have nothing to do with its failing."""
    for candidate in simpler(failing):
        if _fault_of(candidate, runner, Counter()) is not None:
            return _simplest(candidate, runner)
    return failing
