"""Customers who are to be told: a gateway that keeps them, and both channels to them, on the real components."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from pydantic import SecretStr
from redis.asyncio import Redis

from app.access.model import Caller, MerchantCaller
from app.access.vault import Vault
from app.destinations import LOOPBACK, Destinations
from app.domain.contact.model import AddContact, Contacts
from app.domain.delivery.events import DeliveryEvent
from app.domain.delivery.next_action import RetryPolicy
from app.domain.ids import MerchantId
from app.eventstore.codec import new_cause
from app.eventstore.port import EventStore
from app.eventstore.transact import CONTACTS, DELIVERIES, load, transact
from app.gateway.contacts import Channels, PushSubscriptions, email_of
from app.gateway.inflight import InFlight
from app.gateway.push_requests import SubscribeToPushRequest, UnsubscribeFromPushRequest
from app.gateway.requests import Notify, parse
from app.notifier.customers.directory import Customer, CustomerDirectory
from app.notifier.deliveries import DeliveryStreams
from app.notifier.mail.sender import MailSender
from app.notifier.mail.server import MailServer
from app.notifier.port import Channel
from app.notifier.pump import DeliveryPump
from app.notifier.push.sender import PushSender
from app.notifier.push.vapid import VapidKey
from app.notifier.service import ChannelService
from app.notifier.subjects import Subjects
from projections.deliveries import DeliveryLog
from tests.support.push_service import Browser

SECRET_KEY = "a secret key of at least 32 characters"
PUSH_KEY = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
VAULT = Vault(SecretStr(SECRET_KEY))
KEY = VapidKey.read(PUSH_KEY, "mailto:ops@shop.test")
ACME = MerchantCaller(MerchantId("acme"))
QUICK = RetryPolicy(pauses=(timedelta(milliseconds=50),) * 1000)
CHANNELS = Channels(mail=True, push_key=KEY.public)


@dataclass
class Counter:
    """Where customers are kept and told from; nothing within is called but this machine."""

    store: EventStore
    redis: Redis
    transport: httpx.AsyncBaseTransport
    destinations: Destinations = Destinations(LOOPBACK, http=True)  # noqa: RUF009 — frozen
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def push(self) -> PushSubscriptions:
        return PushSubscriptions(self.store, VAULT, CHANNELS, self.clock, InFlight(), self.destinations)

    async def subscribe(self, browser: Browser, caller: Caller = ACME, **given: Any) -> None:
        subscription = browser.subscription
        request = {"endpoint": subscription["endpoint"], **subscription["keys"], **given}
        await self.push.subscribe(caller, parse(SubscribeToPushRequest, request))

    async def unsubscribe(self, browser: Browser, caller: Caller = ACME, **given: Any) -> None:
        request = {"endpoint": browser.endpoint, **given}
        await self.push.unsubscribe(caller, parse(UnsubscribeFromPushRequest, request))

    async def write_to(self, subject: str, email: str = "an@example.com", locale: str = "en") -> str:
        """Tell somebody by mail, as a request that begins the payment or order does; the contact's id."""
        notify = parse(Notify, {"email": email, "locale": locale})
        contact = email_of(notify, subject, "fingerprint", VAULT, self.clock())
        assert contact is not None
        await transact(self.store, CONTACTS, subject, AddContact(contact), new_cause(subject))
        return contact.contact_id

    async def contacts(self, subject: str) -> Contacts:
        return (await load(self.store, CONTACTS, subject)).state

    def push_channel(self) -> Channel[Customer]:
        sender = PushSender(self.transport, self.destinations, KEY, "https://pay.test", self.clock)
        return Channel("push", CustomerDirectory(self.store, VAULT, lambda them: them.by_push), sender, QUICK)

    def mail_channel(self, server: MailServer) -> Channel[Customer]:
        sender = MailSender(server, "Shop <pay@shop.test>", "https://pay.test")
        return Channel("mail", CustomerDirectory(self.store, VAULT, lambda them: them.by_mail), sender, QUICK)

    def pump(self, channel: Channel[Customer]) -> DeliveryPump[Customer]:
        subjects, deliveries = Subjects(self.store), DeliveryStreams(self.store)
        return DeliveryPump(subjects, deliveries, channel, DeliveryLog(self.redis), self.clock, lambda: 0.0)

    def served(self, channel: Channel[Customer]) -> ChannelService:
        return ChannelService(self.store, DeliveryLog(self.redis), self.pump(channel), 1, 0.1)

    async def deliveries(self, contact_id: str, subject: str) -> tuple[DeliveryEvent, ...]:
        return (await load(self.store, DELIVERIES, f"{contact_id}.{subject}")).events


def new_order_id() -> str:
    """An order that no other test has."""
    return f"ord_{uuid4().hex}"
