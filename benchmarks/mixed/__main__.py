"""Mixed payments and orders while things go wrong; exit status 1 when the books differ. See docs/ten-thousand.md."""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks.mixed.run import Options, run

RESULTS = Path(".paygate") / "mixed.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, write; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mixed", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10_000, help="payments and orders to begin")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="where all chance comes from")
    parser.add_argument("--at-once", type=int, default=32, help="stories under way at a time")
    parser.add_argument("--share", type=float, default=0.05, help="of all calls, how many go wrong")
    parser.add_argument("--kills", type=int, default=3, help="how often each process is killed")
    parser.add_argument(
        "--json", type=Path, default=RESULTS, help="where to write the figures; what the processes print goes beside it"
    )
    given = parser.parse_args(arguments)
    options = Options(given.count, given.seed, given.at_once, given.share, given.kills)
    print(f"{options.count} payments and orders, seed {options.seed}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(run(options, given.json.with_suffix(".log")))
    figures.show()
    figures.write(given.json)
    return 0 if figures.clean else 1


if __name__ == "__main__":
    sys.exit(main())
