"""A further gateway beside a stack's own, on the same event store and Redis."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from app.laptop.ports import free_ports
from tests.support.forked import Forked
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.stack import Stack
from tests.support.waiting import eventually


class Gateway:
    """One gateway process."""

    def __init__(self, stack: Stack, log: Path, **settings: str) -> None:
        self.port = free_ports(1)[0]
        ports = {name: process["port"] for name, process in stack.processes().items()}
        self._environment = {
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
        self.process = self._start()

    def _start(self) -> Forked:
        environment = {**os.environ, **self._environment}
        return Forked("app.cli", "serve", environment=environment, errors=self._log, output=self._log)

    async def restart(self) -> None:
        """End it in good order and start it again at the same address; return when it is ready."""
        self.process.terminate()
        await asyncio.to_thread(self.process.wait, 30)
        self.process = self._start()
        await self.ready()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def health(self) -> int | None:
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
            try:
                return (await client.get(f"http://127.0.0.1:{self.port}/health/ready", timeout=5)).status_code
            except httpx.TransportError:
                return None

    async def metric(self, name: str) -> float:
        """The value of a metric without labels."""
        async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
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
