"""No process outlives the supervisor, not even one that is ended by SIGKILL.

The supervisor holds the write end of a pipe, writes nothing, and lets every child inherit the read end. However it
ends, the system then closes the pipe; a child that reads the end of it ends itself. That works alike on Linux and
macOS, whereas PR_SET_PDEATHSIG is Linux's own and is sent when the *thread* that forked ends.

Our own processes call `watch()` first of all. A foreign program is started as `guarded(command)`: a bystander is
forked off, and then the process *becomes* the program. So the program's pid, signals and exit status are its own, and
there is no parent in between that could be killed and leave it behind. The bystander shares the program's process
group, which the supervisor clears whenever the program has ended.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Never

VARIABLE = "PAYGATE_LIFELINE_FD"
"""Not a setting: the number of a descriptor, set by the supervisor for the process it starts and for no other."""

_GRACE_SECONDS = 2.0
_PAUSE_SECONDS = 0.05


@contextlib.contextmanager
def held() -> Iterator[int]:
    """The supervisor's side: the descriptor for children to inherit. They end when this block or this process does."""
    read_end, write_end = os.pipe()
    try:
        yield read_end
    finally:
        os.close(read_end)
        os.close(write_end)


def watch() -> None:
    """End this process when its supervisor ends: by SIGTERM, and by SIGKILL if that takes too long.

    To be called in the main thread. Does nothing in a process that no supervisor started. A thread does the watching,
    because it must not depend on an event loop that may be busy or may not have begun.
    """
    descriptor = _inherited()
    if descriptor is not None:
        threading.Thread(
            target=_end_with, args=(descriptor, threading.get_ident()), name="lifeline", daemon=True
        ).start()


def guarded(command: Sequence[str]) -> tuple[str, ...]:
    """The command that runs a foreign program and ends it with the supervisor."""
    return (sys.executable, "-m", "app.laptop.lifeline", *command)


def become(command: Sequence[str]) -> Never:
    """Turn this process into the program, beside a bystander that watches the pipe."""
    descriptor = _inherited()
    if descriptor is not None:
        _fork_bystander(os.getpid(), descriptor)
    os.execvp(command[0], tuple(command))  # noqa: S606 - this command line is the program's, and there is no shell in it


def _inherited() -> int | None:
    # Taken out of the environment: the number means nothing to the processes that this one starts.
    number = os.environ.pop(VARIABLE, None)
    if number is None:
        return None
    os.set_inheritable(int(number), False)
    return int(number)


def _end_with(descriptor: int, main_thread: int) -> None:
    _wait_for_end(descriptor)
    # To the main thread, which alone runs signal handlers: given to another, the signal would not wake it.
    signal.pthread_kill(main_thread, signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    _kill_group_of(os.getpid())


def _fork_bystander(program: int, descriptor: int) -> None:
    # Forked twice, so that it is no child of the program, which would find a stranger among its own.
    if middle := os.fork():
        os.waitpid(middle, 0)
        return
    if os.fork() == 0:
        _stand_by(program, descriptor)
    os._exit(0)


def _stand_by(program: int, descriptor: int) -> Never:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _let_go_of_the_output()
    _wait_for_end(descriptor)
    with contextlib.suppress(ProcessLookupError):
        os.kill(program, signal.SIGTERM)
    _wait_until_gone(program)
    _kill_group_of(program)
    os._exit(0)


def _let_go_of_the_output() -> None:
    # Whoever reads the program's output waits for its end, which does not come while somebody else holds it.
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)


def _wait_for_end(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass


def _wait_until_gone(program: int) -> None:
    deadline = time.monotonic() + _GRACE_SECONDS
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(program, 0)
            time.sleep(_PAUSE_SECONDS)


def _kill_group_of(program: int) -> None:
    # Only a group that is the program's own; in a foreign one (a shell's job) others live that are none of ours.
    if os.getpgrp() == program:
        os.killpg(program, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(program, signal.SIGKILL)


if __name__ == "__main__":
    become(sys.argv[1:])
