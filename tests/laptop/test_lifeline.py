"""A process on a lifeline ends with it; a process without one is left alone."""

import os
import subprocess
import sys

import pytest

from app.laptop import lifeline

REPORT = "import os; print(os.environ.get('PAYGATE_LIFELINE_FD'), flush=True)"
WATCH = f"from app.laptop import lifeline; lifeline.watch(); {REPORT}; import time; time.sleep(600)"


def start(command: tuple[str, ...], descriptor: int | None) -> subprocess.Popen[str]:
    environment = dict(os.environ)
    if descriptor is not None:
        environment[lifeline.VARIABLE] = str(descriptor)
    return subprocess.Popen(
        command,
        env=environment,
        pass_fds=() if descriptor is None else (descriptor,),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_a_watching_process_ends_when_the_line_does() -> None:
    with lifeline.held() as descriptor:
        process = start((sys.executable, "-c", WATCH), descriptor)
        assert first_line(process) == "None\n", "the descriptor's number is not handed on to further processes"
    with process:
        assert process.wait(timeout=20) < 0


def test_without_a_line_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(lifeline.VARIABLE, raising=False)
    lifeline.watch()


@pytest.mark.parametrize("on_a_line", [True, False])
def test_a_guarded_program_is_the_process_itself(on_a_line: bool) -> None:
    report = "import os; print(os.getpid(), flush=True); raise SystemExit(7)"
    with lifeline.held() as descriptor:
        command = lifeline.guarded((sys.executable, "-c", report))
        with start(command, descriptor if on_a_line else None) as process:
            assert first_line(process) == f"{process.pid}\n"
            assert process.wait(timeout=20) == 7
