"""One process that has imported everything, from which all test processes fork what they start.

Whoever needs it first starts it. For each test process that comes to it, it forks off a nursery of the kind that
`paygate dev` has (`app.laptop.forking`), and it ends with the last of them.
"""

import errno
import os
import runpy
import selectors
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

from app.connections import usual_certificates
from app.laptop import lifeline
from app.laptop.forking import fork_for

VARIABLE: Final = "TESTS_NURSERY"
"""Its name, which all processes of a run of the tests share."""

_MODULES: Final = (
    "app.operating",
    "app.laptop.eventstore.server",
    "app.laptop.sandbox.server",
    "app.laptop.stack",
    "app.web.server",
    "app.wiring.gateway",
    "app.wiring.notifying",
    "app.wiring.projecting",
    "app.wiring.reporting",
    "schema.build",
)
_ROOT: Final = Path(__file__).parents[2]
_READY_SECONDS: Final = 60.0
_MOST_TRIES: Final = 5


def connected() -> socket.socket:
    """A connection to a nursery for this process alone, which has imported everything.

    Raises RuntimeError when there comes to be none; why has been written to the standard error.
    """
    for _ in range(_MOST_TRIES):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.settimeout(_READY_SECONDS)
        try:
            connection.connect(_address())
            if connection.recv(1):
                return connection
            # It was just about to end.
        except ConnectionRefusedError:
            _start()
        except ConnectionResetError:
            pass
        connection.close()
    raise RuntimeError("there is no nursery to fork processes from")


def _address() -> str:
    # An abstract one: there is no file to take away afterwards.
    return "\0" + os.environ[VARIABLE]


def _start() -> None:
    """Return when somebody listens."""
    subprocess.run(
        [sys.executable, "-m", __name__], cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True
    )


def _serve() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        try:
            listening.bind(_address())
        except OSError as refused:
            if refused.errno != errno.EADDRINUSE:
                raise
            return
        listening.listen()
        if os.fork():
            return
        # It outlives whoever came first.
        os.setsid()
        for name in _MODULES:
            import_module(name)
        # Loaded once for all of them too: it takes longer than most of them live.
        usual_certificates()
        _fork_for_all_who_come(listening, _run)


def _fork_for_all_who_come(listening: socket.socket, main: Callable[[], None]) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is listening:
                    connection, _ = listening.accept()
                    if not _is_ours(connection):
                        connection.close()
                        continue
                    if (pid := os.fork()) == 0:
                        selector.close()
                        listening.close()
                        fork_for(connection, (), main)
                    connection.close()
                    selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    os.waitpid(key.data, 0)
                    if len(selector.get_map()) == 1:
                        return


def _is_ours(connection: socket.socket) -> bool:
    """Whether who has come is the same user: what is forked here does what that one says."""
    _, user, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    )
    return bool(user == os.getuid())


def _run() -> None:
    """What `python -m` does with the rest of the command line."""
    # It does not end with anybody: who started it sees to that.
    os.close(int(os.environ.pop(lifeline.VARIABLE)))
    # Python itself looks at it only as it starts.
    if path := os.environ.get("PYTHONPATH"):
        sys.path[:0] = path.split(os.pathsep)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
