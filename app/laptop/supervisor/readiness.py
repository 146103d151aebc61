"""Ways to tell that a process serves."""

import asyncio
from collections.abc import Awaitable, Callable

from app.laptop.supervisor.child import Ready
from app.laptop.supervisor.output import Output

_PAUSE_SECONDS = 0.05
_ANSWER_SECONDS = 2.0


def says(pattern: str) -> Ready:
    """It prints a line that matches."""

    async def ready(output: Output) -> None:
        await output.says(pattern)

    return ready


def until(answers: Callable[[], Awaitable[bool]]) -> Ready:
    """A question has the answer yes; an answer that does not come is a no."""

    async def ready(_output: Output) -> None:
        while True:
            if await _in_time(answers):
                return
            await asyncio.sleep(_PAUSE_SECONDS)

    return ready


def accepts(host: str, port: int) -> Ready:
    """It accepts a TCP connection."""

    async def connects() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        writer.close()
        return True

    return until(connects)


async def _in_time(answers: Callable[[], Awaitable[bool]]) -> bool:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await answers()
    except TimeoutError:
        return False
