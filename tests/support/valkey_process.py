"""A real Valkey for a test: its own process, folder and port."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from app.laptop import lifeline, valkey
from app.laptop.ports import free_ports

_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.01


class ValkeyProcess:
    """A running server; `kill` and `restart` are the two things that happen to one."""

    def __init__(self, folder: Path, port: int, lifeline_descriptor: int) -> None:
        self.folder = folder
        self._lifeline = lifeline_descriptor
        self.port = port
        self.url = valkey.url(port)
        self._process = self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut would; what it had not written yet is lost."""
        self._process.kill()
        self._wait()

    def stop(self) -> None:
        """End it in good order; everything is written."""
        self._process.terminate()
        self._wait()

    def restart(self) -> None:
        """Start it again on the same port with the same data, after ending it in good order if it runs."""
        self.stop()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "valkey.log").open("ab") as log:
            process = subprocess.Popen(
                # A test run that is killed leaves no server behind.
                lifeline.guarded(valkey.command(self.folder, self.port)),
                env={**os.environ, lifeline.VARIABLE: str(self._lifeline)},
                pass_fds=(self._lifeline,),
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise RuntimeError(f"valkey did not start:\n{(self.folder / 'valkey.log').read_text()}")
            time.sleep(_PAUSE_SECONDS)
        return process

    def _wait(self) -> None:
        self._process.wait(_PATIENCE_SECONDS)
        # The bystander of the lifeline.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _answers(self) -> bool:
        try:
            with socket.create_connection((valkey.HOST, self.port), timeout=_PATIENCE_SECONDS) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64) == b"+PONG\r\n"
        except OSError:
            return False


@contextlib.contextmanager
def valkey_process(folder: Path, port: int | None = None) -> Iterator[ValkeyProcess]:
    """A server that keeps its data in `folder` (a `tmp_path`) and is gone at the end of the block."""
    with lifeline.held() as descriptor:
        process = ValkeyProcess(folder, port or free_ports(1)[0], descriptor)
        try:
            yield process
        finally:
            process.stop()
