"""All of paygate as a newcomer runs it: `paygate dev`, its own folder and port."""

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

import httpx
import psutil

from app.laptop.ports import free_ports
from tests.support.forked import Forked
from tests.support.plain_http import NO_CERTIFICATES

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


class Stack:
    """A running `paygate dev`."""

    def __init__(self, folder: Path, port: int, **environment: str) -> None:
        self.folder = folder
        self.port = port
        self._environment = environment
        self._log = folder / "dev.log"
        self._supervisor: subprocess.Popen[bytes] | Forked | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def start(self, seconds: float = _START_SECONDS, *, by_command: bool = False) -> None:
        """Return when everything is ready, which may take so many seconds.

        By its command it begins as at a newcomer's; else it is forked, and has imported everything already.
        """
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PAYGATE_")}
        own = {"PAYGATE_PORT": str(self.port), "PAYGATE_DATA_DIR": str(self.folder / "data")}
        environment = {**clean, **own, **self._environment}
        if by_command:
            with self._log.open("ab") as log:
                self._supervisor = subprocess.Popen(
                    [sys.executable, "-m", "app.cli", "dev"],
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        else:
            self._supervisor = Forked("app.cli", "dev", environment=environment, errors=self._log, output=self._log)
        self._await_ready(seconds)

    def _await_ready(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with httpx.Client(timeout=5, trust_env=False, verify=NO_CERTIFICATES) as client:
            while not self._answers(client):
                running = self._supervisor is not None and self._supervisor.poll() is None
                assert running, f"paygate dev ended:\n{self.log()}"
                assert time.monotonic() < deadline, f"paygate dev is not ready:\n{self.log()}"
                time.sleep(0.05)

    def _answers(self, client: httpx.Client) -> bool:
        try:
            ready = client.get(f"http://127.0.0.1:{self.port}/health/ready")
        except httpx.HTTPError:
            return False
        return ready.status_code == 200 and (self.folder / "data" / "processes.json").exists()

    def stop(self, seconds: float = _STOP_SECONDS) -> float:
        """Stop as Ctrl-C does; how many seconds it took. Fails when a process is left behind."""
        if self._supervisor is None or self._supervisor.poll() is not None:
            return 0.0
        family = [psutil.Process(self._supervisor.pid), *psutil.Process(self._supervisor.pid).children(recursive=True)]
        begun = time.monotonic()
        self._supervisor.send_signal(signal.SIGINT)
        self._supervisor.wait(seconds)
        took = time.monotonic() - begun
        _, alive = psutil.wait_procs(family, timeout=1)
        assert alive == [], f"left behind: {alive}"
        return took

    def processes(self) -> dict[str, Any]:
        """Each process by name, with its pid and port."""
        listed: dict[str, Any] = json.loads((self.folder / "data" / "processes.json").read_text())
        return listed

    def kill(self, name: str) -> None:
        """SIGKILL one process; the supervisor starts it again."""
        os.kill(self.processes()[name]["pid"], signal.SIGKILL)

    def kill_nursery(self) -> None:
        """SIGKILL the process that the others are forked from."""
        psutil.Process(self.processes()["eventstore"]["pid"]).parent().kill()  # type: ignore[union-attr]

    def ledger(self) -> list[dict[str, Any]]:
        """Every movement of money at the sandbox provider."""
        port = self.processes()["sandbox"]["port"]
        answer = httpx.get(f"http://127.0.0.1:{port}/ledger", timeout=10, trust_env=False, verify=NO_CERTIFICATES)
        movements: list[dict[str, Any]] = answer.raise_for_status().json()
        return movements

    def charges(self, payment_id: str) -> list[str]:
        """The operations that moved one payment's money, in order."""
        return [movement["operation"] for movement in self.ledger() if movement["reference"] == payment_id]

    def log(self) -> str:
        """All that was printed so far."""
        return self._log.read_text(errors="replace")


@contextmanager
def running_stack(folder: Path, **environment: str) -> Iterator[Stack]:
    """A stack that is started before the block and stopped after it."""
    with _stopped_after(Stack(folder, free_ports(1)[0], **environment)) as stack:
        stack.start()
        yield stack


@contextmanager
def stack_by_command(folder: Path, **environment: str) -> Iterator[Stack]:
    """Such a stack, begun as at a newcomer's."""
    with _stopped_after(Stack(folder, free_ports(1)[0], **environment)) as stack:
        stack.start(by_command=True)
        yield stack


@contextmanager
def _stopped_after(stack: Stack) -> Iterator[Stack]:
    try:
        yield stack
    finally:
        stack.stop()
