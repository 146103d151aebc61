"""A further gateway beside a stack's own, on the same event store and Redis."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.stack import Stack, free_port
from tests.support.waiting import eventually


class Gateway:
    """One gateway process."""

    def __init__(self, stack: Stack, log: Path, **settings: str) -> None:
        self.port = free_port()
        ports = {name: process["port"] for name, process in stack.processes().items()}
        environment = {
            "PAYGATE_PROFILE": "dev",
            "PAYGATE_PORT": str(self.port),
            "PAYGATE_EVENTSTORE_URI": f"esdb://127.0.0.1:{ports['eventstore']}?tls=false",
            "PAYGATE_REDIS_URL": f"redis://127.0.0.1:{ports['valkey']}/0",
            "PAYGATE_SANDBOX_URL": f"http://127.0.0.1:{ports['sandbox']}",
            # The processor has to be able to open what this gateway seals.
            "PAYGATE_SECRET_KEY": (stack.folder / "data" / "secret-key").read_text().strip(),
            **settings,
        }
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "serve"],
                env={**os.environ, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def health(self) -> int | None:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=5)).status_code
            except httpx.TransportError:
                return None

    async def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5)).text
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(line.split()[1])

    async def ready(self) -> None:
        async def healthy() -> bool:
            assert self.process.poll() is None, self._log.read_text()
            return await self.health() == 200

        await eventually(healthy, what="a second gateway")


@contextmanager
def gateway(stack: Stack, folder: Path, **settings: str) -> Iterator[Gateway]:
    running = Gateway(stack, folder / "gateway.log", **settings)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait(10)
