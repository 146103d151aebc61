"""One call of a merchant's endpoint: signed, bounded in time and size, to the address that was checked.

Nothing is kept between calls: connections are told apart by address alone, and two merchants' servers may share one.
What an endpoint answers beyond its status is neither kept nor logged.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from http import HTTPStatus

import httpx
from standardwebhooks import Webhook

from app.access.vault import WEBHOOK_SECRETS, Vault
from app.connections import Transport
from app.destinations import Destinations, NotAllowed, NotFound
from app.domain.endpoints.model import Endpoint
from app.notifier.outside import post, retry_after
from app.notifier.port import Gone, Message, NotSent, Outcome, Sent
from app.notifier.webhooks.cloud_events import CONTENT_TYPE, cloud_event

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)


@dataclass(frozen=True)
class WebhookSender:
    """Sends to endpoints; `source` is the CloudEvents source, `seconds` what a call takes at most in all."""

    transport: httpx.AsyncBaseTransport
    destinations: Destinations
    vault: Vault
    source: str
    clock: Callable[[], datetime]
    seconds: float

    async def send(self, message: Message, target: Endpoint) -> Outcome:
        """See `app.notifier.port.Sender`. Raises `Unsealable` when the endpoint's secret cannot be read."""
        body = cloud_event(message, self.source)
        headers = self._headers(message, target, body)
        try:
            async with asyncio.timeout(self.seconds):
                destination = await self.destinations.check(target.url)
                return self._outcome(await post(self.transport, destination, headers, body))
        except TimeoutError:
            return NotSent(f"no answer within {self.seconds:g} s")
        except (NotAllowed, NotFound) as fault:
            return NotSent(f"not called: {fault}")
        except httpx.TransportError as fault:
            return NotSent(f"no answer ({type(fault).__name__})")

    def _headers(self, message: Message, target: Endpoint, body: bytes) -> dict[str, str]:
        now = self.clock()
        secrets = [self.vault.unseal(each.sealed, WEBHOOK_SECRETS) for each in target.secrets_at(now)]
        signatures = [Webhook(secret.get_secret_value()).sign(message.id, now, body.decode()) for secret in secrets]
        return {
            "content-type": CONTENT_TYPE,
            "user-agent": "paygate",
            "webhook-id": message.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _outcome(self, response: httpx.Response) -> Outcome:
        status = response.status_code
        answered = f"answered {status}"
        if response.is_success:
            return Sent(answered)
        if status == HTTPStatus.GONE:
            return Gone(answered)
        if response.is_redirect:
            return NotSent(f"{answered}: redirects are not followed")
        return NotSent(answered, retry_after(response.headers.get("retry-after"), self.clock()))


@asynccontextmanager
async def open_transport(trust: ssl.SSLContext | None = None) -> AsyncGenerator[httpx.AsyncBaseTransport, None]:
    """Connections to anywhere, each used once, by no proxy; to whom `trust`, or else the system, trusts."""
    transport = Transport(verify=trust or _system_certificates(), limits=_LIMITS, trust_env=False)
    async with transport:
        yield transport


@cache
def _system_certificates() -> ssl.SSLContext:
    # For all channels that there are: it takes long to load them.
    return ssl.create_default_context()
