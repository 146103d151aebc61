"""How busy the machine is, and with what."""

import asyncio
import os
import platform
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.support.stack import Stack

_SAMPLE_SECONDS = 2.0


@dataclass
class Machine:
    """Samples of the load, and of the processor seconds of each process, those that were killed included."""

    stack: Stack
    _loads: list[float] = field(default_factory=lambda: [os.getloadavg()[0]])
    _spent: dict[tuple[str, int], float] = field(default_factory=dict)

    async def watch(self) -> None:
        """Sample until cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(_SAMPLE_SECONDS)

    def sample(self) -> None:
        """Look once."""
        self._loads.append(os.getloadavg()[0])
        pids = {name: each["pid"] for name, each in self.stack.processes().items()}
        for name, pid in {**pids, "this program": os.getpid()}.items():
            try:
                times = psutil.Process(pid).cpu_times()
            except psutil.NoSuchProcess:
                continue
            self._spent[name, pid] = times.user + times.system

    def figures(self) -> dict[str, Any]:
        """What there is to tell."""
        before, *meanwhile = self._loads
        return {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "load before": round(before, 1),
            "load meanwhile": round(sum(meanwhile) / len(meanwhile), 1),
            "highest": round(max(meanwhile), 1),
        }

    def processor_seconds(self) -> dict[str, float]:
        """By process, from its start."""
        spent: dict[str, float] = defaultdict(float)
        for (name, _), seconds in self._spent.items():
            spent[name] += seconds
        return {name: round(seconds, 1) for name, seconds in {**spent, "together": sum(spent.values())}.items()}
