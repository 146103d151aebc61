"""What the simulated providers send by themselves: notices to the merchant's address, tried again as each does."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import httpx

from app.connections import usual_certificates
from app.laptop.sandbox.faults import NOTICE, Fault, Faults

_ANSWER_SECONDS = 15.0


def _any_2xx(answer: httpx.Response) -> bool:
    return answer.is_success


@dataclass(frozen=True, slots=True)
class OutgoingNotice:
    """One notice; `pauses` are the seconds before each further try, `accepted` says which answer ends them.

    `stamped` makes the headers that are new with each try: a time stamp, and the signature over it.
    """

    provider: str
    url: str
    body: bytes = b""
    method: Literal["GET", "POST"] = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    stamped: Callable[[], Mapping[str, str]] = dict
    pauses: Sequence[float] = ()
    accepted: Callable[[httpx.Response], bool] = _any_2xx


class Outbox:
    """Sends notices, each as a task of its own in `tasks`; what was not sent when the sandbox stops is lost."""

    def __init__(self, client: httpx.AsyncClient, faults: Faults, tasks: asyncio.TaskGroup) -> None:
        self._client = client
        self._faults = faults
        self._tasks = tasks

    def post(self, notice: OutgoingNotice) -> None:
        """Send a notice soon."""
        match self._faults.take(notice.provider, NOTICE):
            case Fault.NOTICE_LOST:
                return
            case Fault.NOTICE_TWICE:
                self._tasks.create_task(self._deliver(notice))
            case Fault.NOTICE_LATE:
                self._tasks.create_task(self._deliver(notice, after=self._faults.slow_seconds))
                return
        self._tasks.create_task(self._deliver(notice))

    async def _deliver(self, notice: OutgoingNotice, *, after: float = 0.0) -> None:
        await asyncio.sleep(after)
        for pause in (*notice.pauses, None):
            if await self._accepted(notice) or pause is None:
                return
            await asyncio.sleep(pause)

    async def _accepted(self, notice: OutgoingNotice) -> bool:
        try:
            answer = await self._client.request(
                notice.method, notice.url, content=notice.body or None, headers={**notice.headers, **notice.stamped()}
            )
        except httpx.HTTPError:
            return False
        return notice.accepted(answer)


def notice_client() -> httpx.AsyncClient:
    """The client notices are sent with."""
    return httpx.AsyncClient(
        timeout=_ANSWER_SECONDS, follow_redirects=False, trust_env=False, verify=usual_certificates()
    )
