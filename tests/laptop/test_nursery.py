"""The nursery: what is forked is what the command line would have started, and nothing depends on the nursery."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.laptop import lifeline
from app.laptop.nursery import UNKNOWN

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")

PATIENCE_SECONDS = 20.0
PROGRAM = Path(__file__).with_name("born.py")


class Parent:
    """A process with a nursery, which starts what it is told to."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.nursery = psutil.Process(self.says())

    def says(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def starts(self, *words: str, **environment: str) -> Any:
        """What a process with these words and this environment says of itself."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([words, environment]) + "\n")
        self.process.stdin.flush()
        return self.says()


@contextmanager
def parent(module: str = "json", answer_seconds: float = PATIENCE_SECONDS) -> Iterator[Parent]:
    command = [sys.executable, str(PROGRAM), "parent", str(answer_seconds), module]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Parent(process)
        finally:
            process.kill()


def is_gone(process: psutil.Process) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(scope="module")
def running() -> Iterator[Parent]:
    with parent() as started:
        yield started


def test_what_is_forked_has_its_words_its_environment_and_its_outputs_and_leads_a_session(running: Parent) -> None:
    born = running.starts("serve", "--now", GREETING="hello")
    assert born["words"] == ["serve", "--now"]
    assert born["environment"] == {"GREETING": "hello"}
    assert born["leads"]
    assert born["complained"] == "born\n"
    assert born["input"] == ""


def test_it_is_a_child_of_the_nursery(running: Parent) -> None:
    assert running.starts("serve")["parent"] == running.nursery.pid


def test_it_holds_nothing_of_the_nursery_or_of_its_siblings(running: Parent) -> None:
    # Its input and outputs, its lifeline, and the one that it is to keep.
    assert [running.starts("serve")["descriptors"] for _ in range(3)] == [5, 5, 5]


@pytest.mark.parametrize(("words", "status"), [(("end",), 0), (("end", "3"), 3), (("break",), 1)])
def test_how_it_ends_is_told(running: Parent, words: tuple[str, ...], status: int) -> None:
    assert running.starts(*words)["status"] == status


def test_what_it_says_and_does_at_its_end_is_said_and_done(running: Parent) -> None:
    born = running.starts("complain")
    assert (born["complained"], born["status"]) == ("born\nit went wrong\ntidied up\n", 1)
    assert "RuntimeError: broken" in running.starts("break")["complained"]


def test_a_signal_that_ended_it_is_told(running: Parent) -> None:
    assert running.starts("die")["status"] == -signal.SIGKILL


def test_it_hears_the_signals_that_the_nursery_does_not(running: Parent) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        running.nursery.send_signal(number)
    assert running.starts("terminate")["status"] == -signal.SIGTERM


def test_whoever_has_lost_its_nursery_starts_by_command_instead() -> None:
    with parent() as orphan:
        orphan.nursery.kill()
        assert is_gone(orphan.nursery)
        for _ in range(2):
            born = orphan.starts("serve", GREETING="hello")
            assert born["parent"] == orphan.process.pid
            assert (born["words"], born["environment"], born["leads"]) == (["serve"], {"GREETING": "hello"}, True)
            assert born["status"] == 0


def test_what_it_has_forked_outlives_it_and_only_how_it_ends_is_not_known() -> None:
    with parent() as bereft:
        born = bereft.starts("orphan")
        assert (born["complained"], born["status"]) == ("born\nstill there\n", UNKNOWN)


def test_a_nursery_that_does_not_answer_is_given_up_and_nothing_is_started_twice() -> None:
    with parent(answer_seconds=0.5) as orphan:
        orphan.nursery.suspend()
        assert orphan.starts("serve")["parent"] == orphan.process.pid
        assert is_gone(orphan.nursery)
        assert orphan.starts("serve")["parent"] == orphan.process.pid
        assert psutil.Process(orphan.process.pid).children() in ([], [orphan.nursery])


def test_a_nursery_that_cannot_import_is_no_nursery(capfd: pytest.CaptureFixture[str]) -> None:
    with parent(module="there_is_no_such_module") as orphan:
        assert orphan.starts("serve")["parent"] == orphan.process.pid
    assert "there_is_no_such_module" in capfd.readouterr().err


def test_an_environment_too_long_to_be_sent_is_no_hindrance(running: Parent) -> None:
    long = running.starts("serve", LONG="x" * 130_000)
    assert len(long["environment"]["LONG"]) == 130_000
    assert running.starts("serve")["parent"] == running.nursery.pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_nursery_ends_with_whoever_opened_it(number: signal.Signals) -> None:
    with parent() as ended:
        ended.process.send_signal(number)
        assert is_gone(ended.nursery)


def test_the_lifeline_is_not_among_the_environment_that_is_passed_on(running: Parent) -> None:
    assert lifeline.VARIABLE not in running.starts("serve")["environment"]
    assert lifeline.VARIABLE not in os.environ
