"""The nursery's own side: a process that forks others off, and tells how they end."""

import atexit
import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Never

from app.laptop import lifeline

LONGEST_REQUEST: Final = 128 * 1024
"""Bytes; more are not sure to go through a socket at once."""

_MOST_DESCRIPTORS: Final = 16
_UNHEARD: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What reaches it is meant for the supervisor too, with which it ends."""


def fork_for(requests: socket.socket, modules: Sequence[str], main: Callable[[], None]) -> Never:
    """Import the modules, then fork a process for each request, until nobody can make one any more."""
    heard = {number: signal.signal(number, signal.SIG_IGN) for number in _UNHEARD}
    for name in modules:
        import_module(name)
    # Nobody looks for garbage in it, which would copy its memory in every process.
    gc.freeze()
    with contextlib.suppress(BrokenPipeError):
        requests.send(b"!")
    _Forking(requests, main, heard).run()
    os._exit(0)


class _Forking:
    def __init__(self, requests: socket.socket, main: Callable[[], None], heard: Mapping[signal.Signals, Any]) -> None:
        self._requests = requests
        self._main = main
        self._heard = heard
        """How signals are handled that the nursery does not hear."""
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, tuple[int, int]] = {}
        """By the descriptor of the process its pid, and the descriptor where news of it are written to."""

    def run(self) -> None:
        self._selector.register(self._requests, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._requests:
                    self._ended(key.fd)
                elif not self._asked():
                    return

    def _asked(self) -> bool:
        """Whether there may be more to come."""
        request, descriptors, *_ = socket.recv_fds(self._requests, LONGEST_REQUEST, _MOST_DESCRIPTORS)
        if not request:
            return False
        words, environment = json.loads(request)
        tells, *own = descriptors
        if (pid := os.fork()) == 0:
            self._let_go()
            # Before anybody knows of the process: whoever does may at once end it.
            for number, handler in self._heard.items():
                signal.signal(number, handler)
            _lead_a_session(tells)
            _be(words, environment, own)
            _run_to_its_end(self._main)
        for descriptor in own:
            os.close(descriptor)
        ended = os.pidfd_open(pid)
        self._running[ended] = (pid, tells)
        self._selector.register(ended, selectors.EVENT_READ)
        return True

    def _ended(self, descriptor: int) -> None:
        pid, tells = self._running.pop(descriptor)
        self._selector.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        with contextlib.suppress(BrokenPipeError):
            _tell(tells, os.waitstatus_to_exitcode(status))
        os.close(tells)

    def _let_go(self) -> None:
        """Of what is the nursery's alone."""
        self._selector.close()
        self._requests.close()
        for ended, (_, tells) in self._running.items():
            os.close(ended)
            os.close(tells)


def _run_to_its_end(main: Callable[[], None]) -> Never:
    """Run it, and end as Python does, but that no thread is waited for and the interpreter not taken apart.

    That would copy most of the memory that is shared, only to let go of it.
    """
    status = 1
    try:
        main()
        status = 0
    except SystemExit as end:
        status = _status_of(end)
    except BaseException:  # noqa: BLE001 — what nobody has handled is shown, as always
        sys.excepthook(*sys.exc_info())
    atexit._run_exitfuncs()  # noqa: SLF001 — the module has no other way to have them run before the end
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


def _status_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


def _lead_a_session(tells: int) -> None:
    """Then tell its number: whoever knows it may at once kill the group."""
    os.setsid()
    try:
        _tell(tells, os.getpid())
    except BrokenPipeError:
        # It took too long, and somebody else does the same already.
        os._exit(1)
    os.close(tells)


def _tell(tells: int, number: int) -> None:
    os.write(tells, f"{number}\n".encode())


def _be(words: Sequence[str], environment: dict[str, str], descriptors: Sequence[int]) -> None:
    """Be what the command line would make of it."""
    output, errors, line, *_ = descriptors
    nothing = os.open(os.devnull, os.O_RDONLY)
    for given, standard in ((nothing, 0), (output, 1), (errors, 2)):
        os.dup2(given, standard)
        if given > 2:
            os.close(given)
    os.environ.clear()
    os.environ.update(environment)
    os.environ[lifeline.VARIABLE] = str(line)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.argv[1:] = words
    # What `ps` and `top` call it; the system has room for 15 letters.
    Path("/proc/self/comm").write_text(" ".join(("paygate", *words))[:15])
