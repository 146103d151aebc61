"""Whether this process is alive, and whether it can do its work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse

Check = Callable[[], Awaitable[None]]

_CHECK_SECONDS = 2.0


async def live(_: Request) -> PlainTextResponse:
    """200 as long as the process answers at all."""
    return PlainTextResponse("ok")


async def readiness(checks: Mapping[str, Check]) -> JSONResponse:
    """200 when every check returns in time, else 503; what is wrong is named, not why."""
    outcomes = dict(zip(checks, await asyncio.gather(*map(_passes, checks.values())), strict=True))
    ready = all(outcomes.values())
    body = {"ready": ready, "checks": {name: "ok" if passed else "failing" for name, passed in outcomes.items()}}
    return JSONResponse(body, 200 if ready else 503)


async def _passes(check: Check) -> bool:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check()
    except Exception:  # noqa: BLE001 — whatever it is, the answer is "not ready"
        return False
    return True
