"""However a supervisor ends, nothing that it started lives on.

The supervisor is a process of its own here: signals are sent to it, and it is killed.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.laptop.supervisor.scene import PATIENCE_SECONDS, SERVE, STUBBORN

SUPERVISE = """
import asyncio, os, sys
from app.laptop import lifeline
from app.laptop.supervisor import Child, Console, Supervisor
from app.laptop.supervisor.readiness import says

own, foreign = [sys.executable, "own.py"], lifeline.guarded([sys.executable, "foreign.py"])
children = [
    Child("own", tuple(own), dict(os.environ), says("ready as")),
    Child("foreign", foreign, dict(os.environ), says("ready as")),
]
console = Console(sys.stdout, ["own", "foreign"], colour=False)
supervisor = Supervisor(children, console, all_ready=lambda: console.line("test", "all ready"))
asyncio.run(supervisor.run())
"""
WATCHING = "from app.laptop import lifeline; lifeline.watch()\n"


@contextmanager
def supervised(folder: Path, program: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, psutil.Process]]]:
    """A supervisor, and the two processes it runs: one watches its lifeline itself, one has no idea of it."""
    (folder / "own.py").write_text(WATCHING + program)
    (folder / "foreign.py").write_text(program)
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISE], cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as supervisor:
        try:
            yield supervisor, await_all_ready(supervisor)
        finally:
            supervisor.kill()


def await_all_ready(supervisor: subprocess.Popen[str]) -> dict[str, psutil.Process]:
    assert supervisor.stdout is not None
    processes = {}
    for line in supervisor.stdout:
        if said := re.match(r"(\w+) +\| ready as (\d+)", line):
            processes[said[1]] = psutil.Process(int(said[2]))
        if "all ready" in line:
            return processes
    raise AssertionError("the supervisor ended before all were ready")


def groups_of(processes: dict[str, psutil.Process]) -> list[psutil.Process]:
    """The processes with everything in their groups, bystanders included."""
    leaders = {process.pid for process in processes.values()}
    return [process for process in psutil.process_iter() if _group(process) in leaders]


def _group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def all_gone(processes: list[psutil.Process]) -> bool:
    """Waits for it. A zombie is gone: it only waits for the system to take note."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(map(_lives, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    with supervised(tmp_path, SERVE) as (supervisor, processes):
        members = groups_of(processes)
        supervisor.send_signal(number)
        output, _ = supervisor.communicate(timeout=PATIENCE_SECONDS)
        assert supervisor.returncode == 0
        assert output.splitlines()[-2:] == ["foreign | bye", "own     | bye"]
        assert all_gone(members)


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    with supervised(tmp_path, STUBBORN) as (supervisor, processes):
        members = groups_of(processes)
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.stdout is not None
        assert any("I will not" in line for line in supervisor.stdout)
        supervisor.send_signal(signal.SIGINT)
        supervisor.communicate(timeout=PATIENCE_SECONDS)
        assert all_gone(members)


@pytest.mark.parametrize("program", [SERVE, STUBBORN], ids=["polite", "stubborn"])
def test_when_the_supervisor_is_killed_its_children_follow(tmp_path: Path, program: str) -> None:
    with supervised(tmp_path, program) as (supervisor, processes):
        members = groups_of(processes)
        assert len(members) == 3, "own, foreign and the bystander of foreign"
        supervisor.kill()
        supervisor.wait()
        assert all_gone(members)


def test_a_foreign_program_has_its_own_pid_and_exit_status(tmp_path: Path) -> None:
    with supervised(tmp_path, SERVE) as (supervisor, processes):
        assert processes["foreign"].ppid() == supervisor.pid
        assert processes["foreign"].children() == []


def test_killing_a_foreign_program_takes_its_bystander_along(tmp_path: Path) -> None:
    with supervised(tmp_path, SERVE) as (supervisor, processes):
        members = groups_of({"foreign": processes["foreign"]})
        assert len(members) == 2
        processes["foreign"].kill()
        assert supervisor.stdout is not None
        assert any(re.match(r"foreign +\| ready as", line) for line in supervisor.stdout)
        assert all_gone(members)
