"""The customer's part: the providers' pages and the bank's app, in a browser that may be closed too soon."""

from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

_ANSWER_SECONDS = 30.0
_MOST_PRESSES = 3


@dataclass(frozen=True)
class Customer:
    """Somebody with a browser; `sandbox` is the address of all the providers."""

    browser: httpx.AsyncClient
    sandbox: str

    async def decides(self, what: str, action: dict[str, Any], chance: Random) -> None:
        """Press a button on the page of an action; every other browser comes back to the shop."""
        answer = await self._press(action["url"], what)
        if answer.is_redirect and chance.random() < 0.5:
            # A gateway that is down shows them an error page, which is the end of it.
            with suppress(httpx.HTTPError):
                await self.browser.get(answer.headers["location"])

    async def _press(self, url: str, button: str) -> httpx.Response:
        """A page that does not answer is pressed again, as people do; the provider takes the first decision only."""
        for _ in range(_MOST_PRESSES - 1):
            with suppress(httpx.TransportError):
                return await self.browser.post(url, data={"decision": button})
        return await self.browser.post(url, data={"decision": button})

    async def transfers(self, action: dict[str, Any], amount: int, chance: Random) -> None:
        """Scan a code and transfer an amount in đồng; one of the feeds tells, or all three, or nobody."""
        feeds = chance.choice((["sepay"], ["casso"], ["payos"], ["sepay", "casso", "payos"], ["none"]))
        form = {"payload": action["payload"], "amount": str(amount), "feed": feeds}
        await self.browser.post(f"{self.sandbox}/vietqr/bank", data=form)


def open_browser() -> httpx.AsyncClient:
    """A browser for all customers; as each has their own, none goes on with another's connection."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(timeout=_ANSWER_SECONDS, limits=limits, trust_env=False, verify=False)  # noqa: S501 - nothing is encrypted
