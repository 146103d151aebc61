"""A JWKS that is fetched from its address and kept fresh.

One task fetches, so there is never more than one fetch under way, and it rests between two: that no token can make it
fetch more often. While it rests, a key that is not known does not exist; that is the whole negative cache, and it
takes no memory. Keys that are known are answered at once, whatever the address is doing.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import structlog
from jwt import PyJWK

from app.access.signing_keys import UnusableKeys, keys_in
from app.connections import Transport, usual_certificates

_FETCH_SECONDS = 5.0
_MOST_BYTES = 256 * 1024
# Compressed content could be small here and huge once it is unpacked.
_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}

log = structlog.get_logger()


class FetchFailed(Exception):
    """The address did not answer in time, in size or in good order."""


@dataclass(frozen=True)
class Pace:
    """How often keys are fetched, in seconds."""

    rest: float = 60.0
    """At least so long between two fetches."""
    rest_without_keys: float = 5.0
    """The same while there has never been a key, when no token can be verified at all."""
    refresh: float = 300.0
    """At most so long between two fetches: so long is a key known that was withdrawn."""


@dataclass
class FetchedKeys:
    """Made by `FetchedKeys.open`."""

    pace: Pace
    _keys: Mapping[str, PyJWK] = field(default_factory=dict, repr=False)
    _resting: asyncio.Event = field(default_factory=asyncio.Event)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, pace: Pace | None = None) -> AsyncGenerator["FetchedKeys", None]:
        """Keys that are fetched from now on until the end of the block."""
        keys = cls(pace or Pace())
        # Ignores the environment's proxies and follows no redirect: the keys come from this address or not at all.
        async with (
            httpx.AsyncClient(
                follow_redirects=False,
                trust_env=False,
                headers=_HEADERS,
                transport=Transport(verify=usual_certificates(), trust_env=False),
            ) as client,
            asyncio.TaskGroup() as tasks,
        ):
            fetching = tasks.create_task(keys._keep_fresh(client, url))
            try:
                yield keys
            finally:
                fetching.cancel()

    async def key(self, kid: str | None) -> PyJWK | None:
        """The key with this id. One that is not known is looked for when it is time to, else it does not exist."""
        if kid is not None and kid not in self._keys:
            self._wanted.set()
            await self._resting.wait()
        return None if kid is None else self._keys.get(kid)

    async def _keep_fresh(self, client: httpx.AsyncClient, url: str) -> None:
        while True:
            await self._refresh(client, url)
            self._wanted.clear()
            self._resting.set()
            rest = self.pace.rest if self._keys else self.pace.rest_without_keys
            await asyncio.sleep(rest)
            self._resting.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(self.pace.refresh - rest, 0.0)):
                    await self._wanted.wait()

    async def _refresh(self, client: httpx.AsyncClient, url: str) -> None:
        """Replace the keys by what is fetched; when that fails, keep them."""
        try:
            self._keys = keys_in(await _fetch(client, url))
        except (FetchFailed, UnusableKeys) as fault:
            log.warning("keys of tokens could not be fetched", reason=str(fault), known=len(self._keys))


async def _fetch(client: httpx.AsyncClient, url: str) -> bytes:
    """What is at the address; raises `FetchFailed`."""
    try:
        async with asyncio.timeout(_FETCH_SECONDS), client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise FetchFailed(f"status {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise FetchFailed(f"more than {_MOST_BYTES} bytes")
            return bytes(body)
    except TimeoutError:
        raise FetchFailed(f"no answer within {_FETCH_SECONDS:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise FetchFailed(type(fault).__name__) from None
