"""What goes wrong on purpose: scripted per provider and call, each script played once.

    POST /faults {"provider": "momo", "call": "create", "fault": "timeout_after"}

`call` is the name a simulator gave the address; `notice` stands for what it sends by itself.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.laptop.sandbox.bodies import read_limited


class Fault(StrEnum):
    """What can go wrong with a call, or with a notice."""

    SLOW = "slow"
    """Carried out; the answer comes late."""
    TIMEOUT_BEFORE = "timeout_before"
    """Nothing is done and no answer ever comes."""
    TIMEOUT_AFTER = "timeout_after"
    """Carried out, and no answer ever comes."""
    ERROR_BEFORE = "error_before"
    """Nothing is done; answered 500."""
    ERROR_AFTER = "error_after"
    """Carried out; answered 500."""
    RESET = "reset"
    """Carried out; the connection breaks in the middle of the answer."""
    TRUNCATED = "truncated"
    """Carried out; only half of the answer's text comes, as if it were all."""
    NOTICE_LOST = "notice_lost"
    NOTICE_LATE = "notice_late"
    NOTICE_TWICE = "notice_twice"


NOTICE = "notice"
"""The name under which a provider's notices are scripted."""

Handler = Callable[[Request], Awaitable[Response]]


class _Script(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    call: str
    fault: Fault
    times: int = Field(1, ge=1, le=1000)


@dataclass
class Faults:
    """The scripts that are still to be played; `slow_seconds` is how long a late answer takes."""

    slow_seconds: float
    _scripts: dict[tuple[str, str], deque[Fault]] = field(default_factory=lambda: defaultdict(deque))

    def take(self, provider: str, call: str) -> Fault | None:
        """The next fault of a call, which is now used up."""
        script = self._scripts[provider, call]
        return script.popleft() if script else None

    async def script(self, request: Request) -> Response:
        """`POST /faults`: add a script. `DELETE /faults`: forget all of them, and say how many were left."""
        if request.method == "DELETE":
            left = sum(map(len, self._scripts.values()))
            self._scripts.clear()
            return Response(status_code=204, headers={"faults-left": str(left)})
        try:
            script = _Script.model_validate_json(await read_limited(request))
        except ValidationError as error:
            return JSONResponse({"errors": error.errors(include_url=False, include_input=False)}, 400)
        self._scripts[script.provider, script.call].extend([script.fault] * script.times)
        return Response(status_code=204)

    def at(self, provider: str, call: str, handler: Handler) -> Handler:
        """`handler` under the name `call`, with what is scripted for it going wrong."""

        async def handle(request: Request) -> Response:
            fault = self.take(provider, call)
            match fault:
                case None:
                    return await handler(request)
                case Fault.TIMEOUT_BEFORE:
                    return await _never(request)
                case Fault.ERROR_BEFORE:
                    return _failed()
            return await self._after(fault, request, await handler(request))

        return handle

    async def _after(self, fault: Fault, request: Request, response: Response) -> Response:
        match fault:
            case Fault.SLOW:
                await asyncio.sleep(self.slow_seconds)
            case Fault.TIMEOUT_AFTER:
                return await _never(request)
            case Fault.ERROR_AFTER:
                return _failed()
            case Fault.RESET:
                return _Broken(bytes(response.body))
            case Fault.TRUNCATED:
                half = bytes(response.body)[: len(response.body) // 2]
                return Response(half, response.status_code, media_type=response.media_type)
        return response


def _failed() -> Response:
    return JSONResponse({"error": "internal"}, 500)


async def _never(request: Request) -> Response:
    # Not by `request.body()`: a handler that was carried out has read it.
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=504)


class _Broken(Response):
    """Promises the whole body, sends half of it and ends the connection."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        # The server closes a connection whose response was promised and not completed.
