"""A real Valkey for a test: its own process, folder and port."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.laptop import valkey
from app.laptop.ports import free_ports

_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.01


class ValkeyProcess:
    """A running server; `kill` and `restart` are the two things that happen to one."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.url = valkey.url(port)
        self._process = self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut would; what it had not written yet is lost."""
        self._process.kill()
        self._process.wait(_PATIENCE_SECONDS)

    def stop(self) -> None:
        """End it in good order; everything is written."""
        self._process.terminate()
        self._process.wait(_PATIENCE_SECONDS)

    def restart(self) -> None:
        """Start it again on the same port with the same data, after ending it in good order if it runs."""
        self.stop()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "valkey.log").open("ab") as log:
            process = subprocess.Popen(
                valkey.command(self.folder, self.port), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                raise RuntimeError(f"valkey did not start:\n{(self.folder / 'valkey.log').read_text()}")
            time.sleep(_PAUSE_SECONDS)
        return process

    def _answers(self) -> bool:
        try:
            with socket.create_connection((valkey.HOST, self.port), timeout=_PATIENCE_SECONDS) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(64) == b"+PONG\r\n"
        except OSError:
            return False


@contextmanager
def valkey_process(folder: Path, port: int | None = None) -> Iterator[ValkeyProcess]:
    """A server that keeps its data in `folder` (a `tmp_path`) and is gone at the end of the block."""
    process = ValkeyProcess(folder, port or free_ports(1)[0])
    try:
        yield process
    finally:
        process.stop()
