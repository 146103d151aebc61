"""`paygate dev`, with a real Valkey and stand-ins for the processes of paygate."""

import contextlib
import json
import os
import re
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
import redis

from app.laptop.folder import opened
from app.laptop.ports import free_ports
from app.laptop.stack import PROCESSES, run_stack
from app.settings import Settings
from tests.support.forked import Forked

NAMES = ["eventstore", "valkey", "sandbox", "projection", "processor", "notifier", "gateway"]
PATIENCE_SECONDS = 30.0


class Stack:
    """A running `paygate dev`."""

    def __init__(self, process: Forked, said: IO[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self._said = said
        self.started = self.shows("Ctrl-C")
        self.members = psutil.Process(process.pid).children(recursive=True)

    def processes(self) -> dict[str, dict[str, int | None]]:
        found: dict[str, dict[str, int | None]] = json.loads((self.folder / PROCESSES).read_text())
        return found

    def shows(self, text: str) -> str:
        """Reads on until it is written; what was read."""
        said = ""
        while line := self._line():
            said += line
            if text in line:
                return said
        raise AssertionError(f"it ended without {text!r}:\n{said}")

    def _line(self) -> str:
        """The next that it writes; nothing when it has ended."""
        line = ""

        def is_whole() -> bool:
            nonlocal line
            ended = self.process.poll() is not None
            line += self._said.readline()
            return ended or line.endswith("\n")

        assert eventually(is_whole)
        return line

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE_SECONDS)

    def everything_is_gone(self) -> bool:
        return eventually(lambda: not any(lives(member) for member in self.members))


@contextlib.contextmanager
def stack(folder: Path, **variables: str) -> Iterator[Stack]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAYGATE_")}
    environment |= {"PAYGATE_DATA_DIR": str(folder), "PAYGATE_PORT": "0"} | variables
    with tempfile.NamedTemporaryFile("r") as said:
        log = Path(said.name)
        process = Forked("tests.laptop.pretend_stack", environment=environment, errors=log, output=log)
        try:
            yield Stack(process, said, folder)
        finally:
            process.kill()
            process.wait(PATIENCE_SECONDS)


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def cache(running: Stack) -> redis.Redis:
    return redis.Redis(port=running.processes()["valkey"]["port"] or 0, decode_responses=True)


def test_everything_starts_in_order_and_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    with stack(tmp_path) as running:
        assert re.findall(r"paygate +\| (\w+) is ready", running.started) == NAMES
        assert list(running.processes()) == NAMES
        assert all(psutil.pid_exists(entry["pid"] or 0) for entry in running.processes().values())
        assert f"http://127.0.0.1:{running.processes()['gateway']['port']}/graphql" in running.started
        began = time.monotonic()
        running.interrupt()
        assert time.monotonic() - began < 5
        assert running.process.poll() == 0
        assert running.everything_is_gone()
    assert not (tmp_path / PROCESSES).exists()


def test_two_copies_run_side_by_side(tmp_path: Path) -> None:
    with stack(tmp_path / "one") as one, stack(tmp_path / "two") as two:
        ports = [entry["port"] for running in (one, two) for entry in running.processes().values() if entry["port"]]
        assert len(set(ports)) == 8


def test_any_killed_child_comes_back_on_its_port_and_the_file_says_so(tmp_path: Path) -> None:
    with stack(tmp_path) as running:
        for name in NAMES:
            before = running.processes()
            os.kill(before[name]["pid"] or 0, signal.SIGKILL)
            running.shows(f"{name} is ready")
            after = running.processes()
            assert after[name]["pid"] != before[name]["pid"]
            assert after[name]["port"] == before[name]["port"]
            assert all(after[other] == before[other] for other in NAMES if other != name)


def test_data_survives_a_restart(tmp_path: Path) -> None:
    with stack(tmp_path) as running:
        with cache(running) as client:
            client.set("greeting", "hello")
        running.interrupt()
    with stack(tmp_path) as running, cache(running) as client:
        assert client.get("greeting") == "hello"


def test_it_starts_again_right_after_it_was_killed(tmp_path: Path) -> None:
    [port] = free_ports(1)
    with stack(tmp_path, PAYGATE_PORT=str(port)) as killed:
        killed.process.kill()
        killed.process.wait(PATIENCE_SECONDS)
        with stack(tmp_path, PAYGATE_PORT=str(port)):
            assert not any(lives(member) for member in killed.members)


def test_servers_the_user_names_are_used_instead(tmp_path: Path) -> None:
    given = {"PAYGATE_EVENTSTORE_URI": "esdb://store:2113", "PAYGATE_REDIS_URL": "redis://cache:6379/0"}
    with stack(tmp_path, **given) as running:
        assert list(running.processes()) == ["sandbox", "projection", "processor", "notifier", "gateway"]
        assert "ready and uses dev esdb://store:2113 redis://cache:6379/0 http://127.0.0.1:" in running.started


def test_a_process_that_cannot_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(AssertionError) as ended, stack(tmp_path, PRETEND_BROKEN="project"):
        pass
    assert "paygate: projection did not start: it ended with exit status 1. Its last lines:" in str(ended.value)
    assert "    project is broken" in str(ended.value)


async def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert await run_stack(Settings(port=port, data_dir=tmp_path)) == 1
    said = capsys.readouterr()
    assert said.err == f"paygate: 127.0.0.1:{port} is already in use: set PAYGATE_PORT to another port\n"
    assert said.out == ""


async def test_a_second_copy_without_a_port_and_a_folder_of_its_own_hears_of_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stack(tmp_path) as running:
        port = running.processes()["gateway"]["port"] or 0
        assert await run_stack(Settings(port=port, data_dir=tmp_path)) == 1
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port} is already in use: set PAYGATE_PORT to another port\n" in said
    assert "set PAYGATE_DATA_DIR to another folder\n" in said


async def test_a_folder_in_use_is_said_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened(tmp_path):
        assert await run_stack(Settings(port=0, data_dir=tmp_path)) == 1
    said = capsys.readouterr()
    copy = f"another running copy (process {os.getpid()})"
    assert said.err == f"paygate: {tmp_path} is in use by {copy}: set PAYGATE_DATA_DIR to another folder\n"
    assert said.out == ""
