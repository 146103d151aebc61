"""The one way to a provider over HTTP: bounded in time, repeated only when that is safe, silent about secrets.

What an outcome means for the money decides how it is classified:

| what happened                                     | known?              | here                                 |
| ------------------------------------------------- | ------------------- | ------------------------------------ |
| nothing was sent: no name, no connection, no TLS  | certainly not done  | repeated, then `ProviderUnreachable` |
| the provider says that it turned the request away | certainly not done  | repeated, then `ProviderUnreachable` |
| no answer, connection lost, 5xx, no JSON object   | may have been done  | `Unknown`, never repeated            |
| a JSON object with 2xx or 4xx, or 204             | the provider's word | `Answer`                             |

Repeats carry the same idempotency key. Neither an error nor a log line holds an address, a header or a body.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import stamina
import structlog
from pydantic import JsonValue

from app.connections import Transport, usual_certificates
from app.domain.reports import Unknown
from app.providers.answer import Answer
from app.providers.port import ProviderUnreachable

CONNECT_SECONDS = 2.0
"""How long a connection, TLS included, may take."""
REPEAT_SECONDS = 2.0
"""For how long after the first try a request that was certainly not carried out is tried again."""
LARGEST_ANSWER = 1024 * 1024
"""Bytes. Nothing a provider says of one payment is longer."""

# Connections are given up before servers close them: a request that meets the closing has an unknown outcome.
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=4.0)
_log = structlog.get_logger(__name__)

# At INFO httpx writes every address it calls, and addresses of look-ups hold idempotency keys.
logging.getLogger("httpx").setLevel(logging.WARNING)


def _never(_: Answer) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One request; `path` is relative to the provider's address."""

    method: Literal["GET", "POST"]
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, JsonValue] | None = field(default=None, repr=False)
    """Sent as JSON."""
    turned_away: Callable[[Answer], bool] = field(default=_never, repr=False)
    """Whether an answer says that nothing was done and the request should be repeated."""
    content: bytes | None = field(default=None, repr=False)
    """Sent as it is, in place of `body`; `headers` then name its type."""


@asynccontextmanager
async def open_http(base_url: str, connect_seconds: float = CONNECT_SECONDS) -> AsyncIterator[httpx.AsyncClient]:
    """A client for one provider. Ignores the environment's proxies and follows no redirect: money goes one way only."""
    # Only connecting has a time of its own; that of a whole call is kept by `ProviderHttp`.
    timeout = httpx.Timeout(None, connect=connect_seconds)
    async with httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        transport=Transport(verify=usual_certificates(), limits=_LIMITS, trust_env=False),
    ) as client:
        yield client


class ProviderHttp:
    """Sends requests to one provider; a call with all its repeats takes at most `seconds`."""

    def __init__(
        self, client: httpx.AsyncClient, provider: str, seconds: float, repeat_seconds: float = REPEAT_SECONDS
    ) -> None:
        self._client = client
        self._provider = provider
        self._seconds = seconds
        self._repeat_seconds = repeat_seconds

    async def send(self, request: ProviderRequest) -> Answer | Unknown:
        """The provider's answer, or `Unknown`.

        Raises `ProviderUnreachable` when the request was certainly not carried out, and nothing else.
        """
        progress = _Progress()
        try:
            async with asyncio.timeout(self._seconds):
                outcome = await self._repeatedly(request, progress)
        except TimeoutError:
            if not progress.sent:
                raise ProviderUnreachable(f"{self._provider}: not reached within {self._seconds:g} s") from None
            outcome = Unknown(f"no answer within {self._seconds:g} s")
        except _NotDone as error:
            raise ProviderUnreachable(f"{self._provider}: {error}") from None
        if isinstance(outcome, Unknown):
            _log.warning("provider_outcome_unknown", provider=self._provider, reason=outcome.reason)
        return outcome

    async def _repeatedly(self, request: ProviderRequest, progress: "_Progress") -> Answer | Unknown:
        attempts = stamina.retry_context(
            on=_NotDone, attempts=None, timeout=self._repeat_seconds, wait_initial=0.05, wait_max=0.8, wait_jitter=0.05
        )
        async for attempt in attempts:
            with attempt:
                return await self._once(request, progress)
        raise AssertionError("a retry context ends with a value or an exception")

    async def _once(self, request: ProviderRequest, progress: "_Progress") -> Answer | Unknown:
        progress.sent = False
        try:
            status, raw = await self._exchange(request, progress)
        except httpx.RequestError as error:
            what = type(error).__name__  # its text may hold an address
            if not progress.sent:
                raise _NotDone(f"not reached ({what})") from None
            return Unknown(f"no answer ({what})")
        outcome = _read(status, raw)
        if isinstance(outcome, Answer) and request.turned_away(outcome):
            progress.sent = False
            raise _NotDone(f"turned the request away with {status}")
        if isinstance(outcome, Answer) and status >= 500:
            return Unknown(f"answered {status}")
        return outcome

    async def _exchange(self, request: ProviderRequest, progress: "_Progress") -> tuple[int, bytes]:
        sending = self._client.stream(
            request.method,
            request.path,
            headers=dict(request.headers),
            json=request.body,
            content=request.content,
            extensions={"trace": progress.note},
        )
        async with sending as response:
            raw = bytearray()
            async for chunk in response.aiter_bytes():
                raw += chunk
                if len(raw) > LARGEST_ANSWER:
                    break
            return response.status_code, bytes(raw)


class _NotDone(Exception):
    """The request was certainly not carried out."""


@dataclass(slots=True)
class _Progress:
    """How far a try has come: until its first byte is on its way, it cannot have been carried out."""

    sent: bool = False

    async def note(self, event: str, _: Mapping[str, Any]) -> None:
        """Take in an event of httpcore's `trace` extension (https://www.encode.io/httpcore/extensions/#trace)."""
        if event.endswith(".send_request_headers.started"):
            self.sent = True


def _read(status: int, raw: bytes) -> Answer | Unknown:
    if status >= 600 or status < 200 or 300 <= status < 400 or len(raw) > LARGEST_ANSWER:
        return Unknown(f"answered {status} in a way nobody understands")
    if status == 204 and not raw:
        return Answer(status, {})
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return Unknown(f"answered {status} without JSON")
    return Answer(status, body) if isinstance(body, dict) else Unknown(f"answered {status} without a JSON object")
