"""All children: started in order, kept running, ended in reverse order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from app.laptop import lifeline
from app.laptop.supervisor.backoff import Backoff
from app.laptop.supervisor.child import Child, ChildFailed
from app.laptop.supervisor.console import Console
from app.laptop.supervisor.keeper import SUPERVISOR, Keeper
from app.laptop.supervisor.roster import Roster
from app.laptop.supervisor.run import Stage
from app.laptop.supervisor.signals import handled

# Of the 5 seconds that the end may take; the rest is for reading last words.
_STOP_WITHIN_SECONDS = 4.5


class Supervisor:
    """Runs children until it is asked to stop."""

    def __init__(
        self,
        children: Sequence[Child],
        console: Console,
        *,
        all_ready: Callable[[], None] = lambda: None,
        changed: Callable[[Mapping[str, int]], None] = lambda _: None,
        inherited: tuple[int, ...] = (),
        prepared: Callable[[], Awaitable[None]] | None = None,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        stop_within: float = _STOP_WITHIN_SECONDS,
    ) -> None:
        """`all_ready` is called once; `changed` with the pids by name whenever a process comes or goes.

        `prepared` returns when the first process may be started.
        """
        self._children = children
        self._console = console
        self._all_ready = all_ready
        self._inherited = inherited
        self._prepared = prepared
        self._backoff = backoff or Backoff()
        self._sleep = sleep
        self._roster = Roster(changed, stop_within)
        self._stop_asked = asyncio.Event()

    async def run(self) -> None:
        """Returns when all has ended in good order; raises `ChildFailed` if a child could not be started."""
        with handled(self.stop), lifeline.held() as descriptor:
            stage = Stage(self._console, self._roster, descriptor, self._inherited)
            try:
                async with asyncio.TaskGroup() as group:
                    work = group.create_task(self._run_children(stage))
                    await self._stop_asked.wait()
                    work.cancel()
            except ExceptionGroup as errors:
                raise _cause(errors) from None

    def stop(self) -> None:
        """Begin the end; called again, kill what is left."""
        if not self._stop_asked.is_set():
            self._stop_asked.set()
            self._console.line(SUPERVISOR, "stopping; once more to stop at once")
        else:
            self._roster.kill_all()

    async def _run_children(self, stage: Stage) -> None:
        async with contextlib.AsyncExitStack() as started:
            try:
                if self._prepared:
                    await self._prepared()
                for child in self._children:
                    await started.enter_async_context(self._kept(child, stage))
                self._all_ready()
                await asyncio.Event().wait()
            finally:
                # Before the first one is stopped: the others notice, and are not to be started again.
                self._roster.close()

    @contextlib.asynccontextmanager
    async def _kept(self, child: Child, stage: Stage) -> AsyncIterator[None]:
        """The child is ready when the block begins, is kept running within it, and is gone after it."""
        keeper = Keeper(child, stage, self._backoff, self._sleep)
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(keeper.keep())
            await keeper.ready.wait()
            try:
                yield
            finally:
                keeping.cancel()


def _cause(errors: ExceptionGroup[Exception]) -> Exception:
    """The failure of a child, if nothing worse is among the errors: each child's group has wrapped it once."""
    failures, others = errors.split(ChildFailed)
    if failures is None or others is not None:
        return errors
    cause: Exception = failures
    while isinstance(cause, ExceptionGroup):
        cause = cause.exceptions[0]
    return cause
