"""Sends a message to a browser by its push service."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from app.destinations import Destinations, NotAllowed, NotFound
from app.domain.payment.model import PaymentStatus
from app.notifier.customers.directory import Customer
from app.notifier.customers.text import Text, page_of, text_of
from app.notifier.outside import post, retry_after
from app.notifier.port import Gone, Message, NotSent, Outcome, Sent
from app.notifier.push.encryption import LARGEST_MESSAGE, encrypted
from app.notifier.push.subscription import PushSubscription
from app.notifier.push.vapid import VapidKey
from projections.views import PaymentView, View

PUSH_SECONDS = 10.0
"""How long one attempt takes at most."""
_AT_ONCE = 32
_NEWS_FOR = timedelta(days=7)
_ACTION_FOR = timedelta(days=1)
_TOPIC_CHARACTERS = 32
_DECLARATIVE = 8030
_TURNED_AWAY_FOR_GOOD = (404, 410)


@dataclass(frozen=True)
class PushSender:
    """Sends to push services, `at_once` at a time; `seconds` is what a call takes at most in all."""

    transport: httpx.AsyncBaseTransport
    destinations: Destinations
    key: VapidKey
    public_url: str
    clock: Callable[[], datetime]
    seconds: float = PUSH_SECONDS
    at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def send(self, message: Message, target: Customer) -> Outcome:
        """See `app.notifier.port.Sender`. No outcome holds anything of the subscription."""
        subscription = PushSubscription.read(target.address)
        async with self.at_once:
            try:
                async with asyncio.timeout(self.seconds):
                    destination = await self.destinations.check(subscription.endpoint)
                    body = encrypted(self._content(message, target), subscription)
                    headers = self._headers(message, f"{destination.scheme}://{destination.host_header}")
                    return self._outcome(await post(self.transport, destination, headers, body))
            except TimeoutError:
                return NotSent(f"no answer within {self.seconds:g} s")
            except NotAllowed as fault:
                return NotSent(f"not called: {fault.code}")
            except NotFound:
                return NotSent("not called: not found")
            except httpx.TransportError as fault:
                return NotSent(f"no answer ({type(fault).__name__})")

    def _content(self, message: Message, target: Customer) -> bytes:
        text = text_of(message.type, message.view, target.locale, self.public_url)
        content = _notification(message, text, text.link)
        # A provider's address can be as long as all that fits: then the customer goes by our page.
        return (
            content
            if len(content) <= LARGEST_MESSAGE
            else _notification(message, text, page_of(message.view, self.public_url))
        )

    def _headers(self, message: Message, origin: str) -> Mapping[str, str]:
        now = self.clock()
        return {
            "authorization": self.key.authorization(origin, now),
            "content-encoding": "aes128gcm",
            "content-type": "application/octet-stream",
            "ttl": str(int(_good_for(message.view, now).total_seconds())),
            "user-agent": "paygate",
            "urgency": "high" if _needs_customer(message.view) else "normal",
            # A message that was sent twice replaces itself while the push service has it.
            "topic": message.id.removeprefix("msg_")[:_TOPIC_CHARACTERS],
        }

    def _outcome(self, answer: httpx.Response) -> Outcome:
        said = f"answered {answer.status_code}"
        if answer.is_success:
            return Sent(said)
        if answer.status_code in _TURNED_AWAY_FOR_GOOD:
            return Gone(said)
        return NotSent(said, retry_after(answer.headers.get("retry-after"), self.clock()))


def _notification(message: Message, text: Text, link: str) -> bytes:
    """A declarative push message: browsers that know them show it by themselves, others have a service worker."""
    notification = {
        "title": text.title,
        "body": text.paragraphs[0],
        "lang": text.locale,
        "navigate": link,
        # On the screen, what is new takes the place of what was before.
        "tag": message.subject,
        "data": {"id": message.id, "type": message.type, "subject": message.subject, "version": message.version},
    }
    return json.dumps({"web_push": _DECLARATIVE, "notification": notification}, ensure_ascii=False).encode()


def _needs_customer(view: View) -> bool:
    return isinstance(view, PaymentView) and view.status is PaymentStatus.REQUIRES_ACTION


def _good_for(view: View, now: datetime) -> timedelta:
    if not _needs_customer(view):
        return _NEWS_FOR
    expires_at = view.expires_at if isinstance(view, PaymentView) else None
    return _ACTION_FOR if expires_at is None else max(timedelta(0), min(expires_at - now, _ACTION_FOR))
