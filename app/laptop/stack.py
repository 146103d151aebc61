"""`paygate dev`: everything on one machine, with nothing installed beforehand."""

import json
import os
import sys
from collections.abc import Mapping

from app.laptop import folder as data_folder
from app.laptop.banner import banner
from app.laptop.children import PAYGATE, children
from app.laptop.folder import DataFolder, FolderTaken, FolderUnusable
from app.laptop.nursery import Nursery, start_of
from app.laptop.plan import AddressTaken, Plan, check_gateway, make_plan
from app.laptop.supervisor import ChildFailed, Console, Supervisor
from app.laptop.supervisor.keeper import SUPERVISOR
from app.laptop.supervisor.start import Command
from app.laptop.valkey import ValkeyMissing
from app.settings import Settings

PROCESSES = "processes.json"
"""In the data folder: the pid and port of each process by name, for whoever wants to look at one, or kill it."""


async def run_stack(settings: Settings, paygate: Command = PAYGATE, nursery: Nursery | None = None) -> int:
    """Runs everything until Ctrl-C or SIGTERM; returns the exit status, having said what was wrong if it is not 0.

    `paygate` is the command line of our own processes, which the nursery starts if there is one.
    """
    try:
        async with data_folder.opened(settings.data_dir) as folder:
            await _run(make_plan(settings, folder), folder, paygate, nursery)
    except FolderTaken as problem:
        return _refuse(problem, *_address_problems(settings))
    except (FolderUnusable, AddressTaken, ValkeyMissing, ChildFailed) as problem:
        return _refuse(problem)
    return 0


def _address_problems(settings: Settings) -> list[AddressTaken]:
    # Most second copies lack a folder and a port, and had better hear of both at once.
    try:
        check_gateway(settings)
    except AddressTaken as problem:
        return [problem]
    return []


def _refuse(*problems: Exception) -> int:
    for problem in problems:
        sys.stderr.write(f"paygate: {problem}\n")
    return 1


async def _run(plan: Plan, folder: DataFolder, paygate: Command, nursery: Nursery | None) -> None:
    processes = children(plan, folder, paygate, start_of(nursery))
    console = Console(sys.stdout, [SUPERVISOR, *(child.name for child in processes)], colour=_shows_colours())

    def publish(pids: Mapping[str, int]) -> None:
        found = {name: {"pid": pid, "port": plan.ports.get(name)} for name, pid in pids.items()}
        folder.write(PROCESSES, json.dumps(found, indent=2) + "\n")

    supervisor = Supervisor(
        processes,
        console,
        all_ready=lambda: console.write(banner(plan)),
        changed=publish,
        inherited=(folder.lock,),
        prepared=nursery.ready if nursery else None,
    )
    try:
        await supervisor.run()
    finally:
        folder.remove(PROCESSES)


def _shows_colours() -> bool:
    # https://no-color.org: a wish about the terminal, not a setting of ours.
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
