"""Calls to PayPal's API: each with an access token, which is fetched before it is needed and once more when refused."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import JsonValue

from app.domain.reports import Unknown
from app.providers.answer import Answer
from app.providers.http import ProviderHttp, ProviderRequest
from app.providers.paypal.documents import Token, parsed
from app.providers.port import Clock, ProviderUnreachable

RENEWED_BEFORE = timedelta(seconds=60)
"""How long before its end a token is no longer used, at the most half of its life."""

_UNAUTHORIZED = 401
_Method = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class _Held:
    token: str
    until: datetime


class AccessTokens:
    """The token in use; fetched by one caller at a time."""

    def __init__(self, http: ProviderHttp, client_id: str, client_secret: str, clock: Clock) -> None:
        self._http = http
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._clock = clock
        self._held: _Held | None = None
        self._fetching = asyncio.Lock()

    async def get(self) -> str:
        """A token that is still good; raises `ProviderUnreachable` when none is to be had."""
        async with self._fetching:
            if self._held is None or self._clock() >= self._held.until:
                self._held = await self._fetch()
            return self._held.token

    def refused(self, token: str) -> None:
        """PayPal does not take this token any more."""
        if self._held is not None and self._held.token == token:
            self._held = None

    async def _fetch(self) -> _Held:
        asked_at = self._clock()
        headers = {"Authorization": f"Basic {self._basic}", "Content-Type": "application/x-www-form-urlencoded"}
        request = ProviderRequest("POST", "/v1/oauth2/token", headers, content=b"grant_type=client_credentials")
        answer = await self._http.send(request)
        token = parsed(Token, answer.body) if isinstance(answer, Answer) and answer.positive else None
        if token is None:
            # Nobody was asked for money yet.
            what = answer.reason if isinstance(answer, Unknown) else f"answered {answer.status}"
            raise ProviderUnreachable(f"paypal: no access token ({what})")
        life = timedelta(seconds=token.expires_in)
        return _Held(token.access_token, asked_at + life - min(RENEWED_BEFORE, life / 2))


class PayPalCalls:
    """Sends calls with a token."""

    def __init__(self, http: ProviderHttp, tokens: AccessTokens) -> None:
        self._http = http
        self._tokens = tokens

    async def show(self, path: str) -> Answer | Unknown:
        """The document at `path`; raises `ProviderUnreachable`."""
        return await self._send("GET", path, {}, None)

    async def post(self, path: str, key: str, body: Mapping[str, JsonValue]) -> Answer | Unknown:
        """Have something done once, however often it is asked for with this key; raises `ProviderUnreachable`."""
        headers = {"PayPal-Request-Id": key, "Prefer": "return=representation"}
        return await self._send("POST", path, headers, body)

    async def _send(
        self,
        method: Literal["GET", "POST"],
        path: str,
        headers: Mapping[str, str],
        body: Mapping[str, JsonValue] | None,
    ) -> Answer | Unknown:
        for _ in range(2):
            token = await self._tokens.get()
            authorized = {**headers, "Authorization": f"Bearer {token}"}
            outcome = await self._http.send(ProviderRequest(method, path, authorized, body))
            if isinstance(outcome, Unknown) or outcome.status != _UNAUTHORIZED:
                return outcome
            self._tokens.refused(token)
        raise ProviderUnreachable("paypal: the access token is not accepted")
