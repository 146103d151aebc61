"""What holds for every test."""

import gc
import os
import sys
from collections.abc import Generator, Iterator
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from tests.support import nursery
from tests.support.stack import Stack, running_stack

# Machines are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("paygate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("paygate")

# The tests start processes by the hundred, and where bytecode is not kept each of them compiles all its modules anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# One for all the processes of this run, which have it from the one that starts them.
os.environ.setdefault(nursery.VARIABLE, f"paygate-tests-{uuid4()}")


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """For `-n auto`, two more than there are cores: much of the time a test waits, for processes and for timers."""
    return (yield) + 2


_LITTLE_GARBAGE = 20_000
"""Objects more than before, until it is looked for."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported and collected stays to the end: nobody looks for garbage in it, neither now nor later.

    And later not so often: Hypothesis has itself told of every look.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(_LITTLE_GARBAGE)
        gc.enable()


_LONGEST_FIRST = (
    "tests/system/test_mixed",
    "tests/system/test_rolling_restart",
    "tests/delivery",
    "tests/eventstore/test_crash",
    "tests/integration/test_hub_faults",
    "tests/conformance",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that nobody is waited for at the end."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    places = (place for place, longest in enumerate(_LONGEST_FIRST) if item.nodeid.startswith(longest))
    return next(places, len(_LONGEST_FIRST))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All of paygate, started once for the tests that leave it running."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running
