"""The real sandbox for a test: its own process, folder and port."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict

import httpx

from tests.support.forked import Forked
from tests.support.plain_http import NO_CERTIFICATES

_READY_WITHIN_SECONDS = 30.0
_PATIENCE_SECONDS = 10.0


class Movement(TypedDict):
    """One line of the sandbox's ledger."""

    operation: str
    charge: str
    reference: str
    amount: int
    currency: str
    key: str
    at: str


class SandboxProcess:
    """A running sandbox; `kill` and `restart` are the two things that happen to one. `url` stays the same."""

    def __init__(
        self, folder: Path, *, port: int = 0, slow_seconds: float = 2.0, notices_url: str | None = None
    ) -> None:
        self.folder = folder
        self.slow_seconds = slow_seconds
        self._notices = ["--notices-url", notices_url] if notices_url else []
        self._log = folder / "sandbox.log"
        self._process, self.url = self._start(port)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        return self._process.pid

    def ledger(self, reference: str | None = None) -> list[Movement]:
        """Every movement of money, or those of one payment."""
        parameters = {} if reference is None else {"reference": reference}
        answer = httpx.get(
            f"{self.url}/ledger", params=parameters, timeout=_PATIENCE_SECONDS, trust_env=False, verify=NO_CERTIFICATES
        )
        movements: list[Movement] = answer.raise_for_status().json()
        return movements

    def charges(self, reference: str) -> list[Movement]:
        """How often money was held for a payment: at most once, if all is well."""
        return [movement for movement in self.ledger(reference) if movement["operation"] == "authorize"]

    def log(self) -> str:
        """What the process has written to standard error so far."""
        return self._log.read_text()

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait(_PATIENCE_SECONDS)

    def stop(self) -> int:
        """End it in good order; its exit code."""
        self._process.terminate()
        return self._process.wait(_PATIENCE_SECONDS)

    def restart(self) -> None:
        """Start it again on the same port with the same data, after killing it if it still runs."""
        self.kill()
        self._process, self.url = self._start(self.port)

    def _start(self, port: int) -> tuple[Forked, str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = ["--data", str(self.folder), "--port", str(port), "--slow-seconds", str(self.slow_seconds)]
        arguments += self._notices
        process = Forked("app.laptop.sandbox", *arguments, environment=os.environ, errors=self._log)
        announcement = process.announcement(_READY_WITHIN_SECONDS)
        if not announcement.startswith("listening on "):
            process.kill()
            process.wait(_PATIENCE_SECONDS)
            raise RuntimeError(f"the sandbox did not start:\n{self.log()}")
        return process, announcement.removeprefix("listening on ").strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


@contextmanager
def running_sandbox(folder: Path, *, slow_seconds: float = 2.0) -> Iterator[SandboxProcess]:
    """A sandbox for the length of a test or of a module."""
    with SandboxProcess(folder, slow_seconds=slow_seconds) as sandbox:
        yield sandbox
