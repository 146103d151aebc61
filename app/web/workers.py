"""The parent of several gateway processes: starts them on one listening socket, keeps them running, ends them together.

It tells a worker to drain by letting go of its standard input. So they drain as well when the parent is killed, and one
that a signal of its own has told already (a terminal and systemd signal every process there is) is told nothing new.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

import structlog
from uvicorn.config import STARTUP_FAILURE

from app.observability import metrics
from app.running import run_to_end

_RESTART_SECONDS = 0.5

log = structlog.get_logger()


class WorkerFailed(Exception):
    """A worker could not start, and the others would not fare better."""


def run_workers(count: int, listening: socket.socket) -> None:
    """Run so many workers until told to stop. Raises `WorkerFailed` when one fails before it has ever served."""
    with tempfile.TemporaryDirectory(prefix="paygate-metrics-") as folder:
        run_to_end(_Workers(listening, Path(folder)).run(count))


class _Workers:
    def __init__(self, listening: socket.socket, metrics_folder: Path) -> None:
        self._listening = listening.fileno()
        self._metrics_folder = metrics_folder
        self._running: set[Process] = set()
        self._stopping = asyncio.Event()
        self._failed = False

    async def run(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(count):
                tasks.create_task(self._keep())
        if self._failed:
            raise WorkerFailed("a gateway worker could not start; it has said why")

    def _stop(self) -> None:
        """Drain; asked once more, stop at once."""
        again = self._stopping.is_set()
        self._stopping.set()
        for worker in self._running:
            _let_go(worker)
            if again:
                # It may have ended by itself just now.
                with suppress(ProcessLookupError):
                    worker.terminate()

    async def _keep(self) -> None:
        """Keep one worker running, in whatever process."""
        status = await self._run_one()
        if status == STARTUP_FAILURE and not self._stopping.is_set():
            self._failed = True
            self._stop()
        while not self._stopping.is_set():
            log.warning("gateway worker ended, another takes its place", status=status)
            with suppress(TimeoutError):
                async with asyncio.timeout(_RESTART_SECONDS):
                    await self._stopping.wait()
                    return
            status = await self._run_one()

    async def _run_one(self) -> int:
        """The exit status of a worker, which is started and has ended."""
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app.web.worker", str(self._listening)),
            stdin=PIPE,
            pass_fds=(self._listening,),
            env={**os.environ, metrics.FOLDER_VARIABLE: str(self._metrics_folder)},
        )
        self._running.add(worker)
        try:
            if self._stopping.is_set():
                _let_go(worker)
            return await worker.wait()
        finally:
            self._running.discard(worker)
            metrics.forget_process(worker.pid, self._metrics_folder)


def _let_go(worker: Process) -> None:
    if worker.stdin is not None:
        worker.stdin.close()
