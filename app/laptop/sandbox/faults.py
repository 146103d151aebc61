"""What goes wrong on purpose: scripted per provider and call, each script played once; or a share of everything.

    POST /faults {"provider": "momo", "call": "create", "fault": "timeout_after"}
    POST /faults {"share": 0.05, "seed": 7}

`call` is the name a simulator gave the address; `notice` stands for what it sends by itself. With a share, any fault
happens to so many of all calls and notices, by chance. `GET /faults` tells what has been played so far.
"""

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
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

_OF_NOTICES = (Fault.NOTICE_LOST, Fault.NOTICE_LATE, Fault.NOTICE_TWICE)
_OF_CALLS = tuple(fault for fault in Fault if fault not in _OF_NOTICES)

Handler = Callable[[Request], Awaitable[Response]]


class _Script(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: str
    call: str
    fault: Fault
    times: int = Field(1, ge=1, le=1000)


class _Share(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(ge=0, le=1)
    seed: int = 0


_ORDER: TypeAdapter[_Script | _Share] = TypeAdapter(_Script | _Share)


@dataclass
class Faults:
    """The scripts that are still to be played; `slow_seconds` is how long a late answer takes."""

    slow_seconds: float
    _scripts: dict[tuple[str, str], deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    _share: float = 0.0
    _chance: Random = field(default_factory=Random)
    _asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    _played: Counter[tuple[str, str, Fault]] = field(default_factory=Counter)

    def take(self, provider: str, call: str) -> Fault | None:
        """What is to go wrong with a call, or a notice, that happens now: what is scripted is now used up."""
        self._asked[provider, call] += 1
        script = self._scripts[provider, call]
        fault = script.popleft() if script else self._by_chance(call)
        if fault is not None:
            self._played[provider, call, fault] += 1
        return fault

    def _by_chance(self, call: str) -> Fault | None:
        if self._chance.random() >= self._share:
            return None
        return self._chance.choice(_OF_NOTICES if call == NOTICE else _OF_CALLS)

    async def script(self, request: Request) -> Response:
        """`POST /faults`: add a script, or set the share. `GET`: how often each call was made, and what was played.

        `DELETE /faults`: forget the scripts and the share, and say how many scripts were left.
        """
        match request.method:
            case "DELETE":
                return self._forget()
            case "GET":
                return JSONResponse(self._record())
        try:
            order = _ORDER.validate_json(await read_limited(request))
        except ValidationError as error:
            return JSONResponse({"errors": error.errors(include_url=False, include_input=False)}, 400)
        match order:
            case _Share():
                self._share, self._chance = order.share, Random(order.seed)  # noqa: S311 - chance, not a secret
            case _Script():
                self._scripts[order.provider, order.call].extend([order.fault] * order.times)
        return Response(status_code=204)

    def _forget(self) -> Response:
        left = sum(map(len, self._scripts.values()))
        self._scripts.clear()
        self._share = 0.0
        return Response(status_code=204, headers={"faults-left": str(left)})

    def _record(self) -> dict[str, list[dict[str, str | int]]]:
        asked = ((provider, call, times) for (provider, call), times in self._asked.items())
        played = ((provider, call, fault, times) for (provider, call, fault), times in self._played.items())
        return {
            "calls": [{"provider": provider, "call": call, "times": times} for provider, call, times in asked],
            "played": [
                {"provider": provider, "call": call, "fault": fault, "times": times}
                for provider, call, fault, times in played
            ],
        }

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
