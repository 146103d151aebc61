"""`make bench`: every benchmark, a table at the end, and a JSON file to compare with another run."""

import argparse
import asyncio
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import eventstore, eventstore_size, idle, stalled

RESULTS = Path(".paygate") / "benchmarks.json"


async def run(*, size: bool, only_idle: bool) -> list[dict[str, Any]]:
    """Every benchmark, one after the other."""
    if only_idle:
        return [*(await idle.main()), *(await stalled.main())]
    results = await eventstore.main()
    return [*results, *(await eventstore_size.main())] if size else results


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", action="store_true", help="also fill a store with a million events, twice")
    parser.add_argument(
        "--idle", action="store_true", help="instead: 10,000 idle subscriptions for five minutes, and readers that stop"
    )
    parser.add_argument("--json", type=Path, default=RESULTS, help="where to write the results")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        results = runner.run(run(size=arguments.size, only_idle=arguments.idle))
    _print(results, load)
    _write(arguments.json, results, load)


def _print(results: list[dict[str, Any]], load: float) -> None:
    table = Table("question", "result", "unit", "beside it", title=f"load before: {load:.1f}")
    for result in results:
        beside = ", ".join(f"{name} {value}" for name, value in result.items() if name not in ("name", "value", "unit"))
        table.add_row(str(result["name"]), str(result["value"]), str(result["unit"]), beside)
    Console().print(table)


def _write(path: Path, results: list[dict[str, Any]], load: float) -> None:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "at": datetime.now(UTC).isoformat(),
        "commit": commit,
        "machine": {"python": platform.python_version(), "cores": os.cpu_count(), "load_before": load},
        "results": results,
    }
    path.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
