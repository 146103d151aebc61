"""What holds for every test."""

import os
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# Machines are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("paygate", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("paygate")

# The tests start processes by the hundred, and where bytecode is not kept each of them compiles all its modules anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """For `-n auto`, one more than there are cores: a third of the time a test waits, for processes and for timers."""
    return (yield) + 1


_LONGEST_FIRST = ("tests/system/test_rolling_restart", "tests/delivery", "tests/integration/test_hub_faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that nobody is waited for at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONGEST_FIRST))
