"""Everybody who is told of an order and its payments: a merchant's two endpoints, two browsers, two readers of mail."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import httpx
from redis.asyncio import Redis

from app.access.model import MerchantCaller
from app.domain.event_types import event_type
from app.domain.ids import MerchantId
from app.domain.order.model import OrderStatus
from app.eventstore.codec import decode
from app.eventstore.transact import ORDERS
from app.notifier.customers.text import TOLD, TOLD_TO_ORDERS
from app.notifier.port import Sender
from app.notifier.pump import DeliveryPump
from app.notifier.webhooks.sender import open_transport
from projections.fold import order_updates, payment_updates
from tests.integration.customers import Counter
from tests.integration.flows import Flow
from tests.integration.ordering import Shop, Street
from tests.integration.shop import Office, RealClock, open_shop
from tests.integration.shop import Shop as MerchantServer
from tests.support.mail_catcher import MailCatcher, mail_catcher
from tests.support.push_service import PushService, push_service
from tests.support.virtual_notifier import Heard

CHANNELS = ("webhook", "push", "mail")
_OF_ORDERS = [event_type("order", status) for status in OrderStatus]


@dataclass(frozen=True)
class Listener:
    """A target of a channel, and what it is to be told of."""

    channel: str
    target_id: str
    wants: Callable[[str, str], bool]
    """Takes the payment or order, and the change's type."""


@dataclass
class Audience:
    """It listens to one order."""

    redis: Redis
    transport: httpx.AsyncBaseTransport
    server: MerchantServer
    service: PushService
    catcher: MailCatcher
    merchant_id: str = field(default_factory=lambda: f"shop-{uuid4().hex}")
    listeners: list[Listener] = field(default_factory=list)

    async def watch(self, flow: Flow, street: Street) -> Shop:
        """Play a flow to its end, with everybody asking to be told in time; nobody tells them yet."""
        shop = street.shop(merchant_id=self.merchant_id, placed=self._ask_to_be_told)
        office = Office(shop.store, self.redis, self.transport, merchant_id=self.merchant_id)
        office.clock.now = shop.clock.now
        everything = await office.register(self.server.url)
        orders = await office.register(self.server.url, events=_OF_ORDERS)
        self.listeners += [
            Listener("webhook", everything.endpoint.id, _everything),
            Listener("webhook", orders.endpoint.id, _of_orders),
        ]
        await flow(shop)
        await shop.rest()
        await shop.agrees()
        return shop

    async def _ask_to_be_told(self, shop: Shop) -> None:
        counter = Counter(shop.store, self.redis, self.transport, clock=shop.clock)
        caller, (payment_id,) = MerchantCaller(MerchantId(self.merchant_id)), shop.ways
        for locale in ("en", "vi"):
            await counter.subscribe(self.service.browser(), caller, orderId=shop.order_id, locale=locale)
        mailed = [await counter.write_to(shop.order_id), await counter.write_to(payment_id, "bo@example.com")]
        pushed = (await counter.contacts(shop.order_id)).by_push

        def as_order(subject: str, kind: str) -> bool:
            return kind in (TOLD if subject == shop.order_id else TOLD_TO_ORDERS)

        def as_payment(subject: str, kind: str) -> bool:
            return subject == payment_id and kind in TOLD

        self.listeners += [Listener("push", contact.contact_id, as_order) for contact in pushed]
        self.listeners += [Listener("mail", mailed[0], as_order), Listener("mail", mailed[1], as_payment)]

    def pump(self, channel: str, store: Any, through: Callable[[Sender[Any]], Sender[Any]]) -> DeliveryPump[Any]:
        """What brings the channel's messages; `through` is what stands between it and the real sender."""
        if channel == "webhook":
            office = Office(store, self.redis, self.transport, clock=RealClock(), merchant_id=self.merchant_id)
            return office.pump(through(office.sender()), store)
        counter = Counter(store, self.redis, self.transport)
        told_by = counter.push_channel() if channel == "push" else counter.mail_channel(self.catcher.address)
        return counter.pump(replace(told_by, sender=through(told_by.sender)))

    def hear(self) -> Sequence[Heard]:
        """What has arrived since this was last asked."""
        requests, self.server.received = self.server.received, []
        browsers = self.service.browsers.values()
        shown = [each.messages.get_nowait().notification for each in browsers for _ in range(each.messages.qsize())]
        mails = [self.catcher.mails.get_nowait() for _ in range(self.catcher.mails.qsize())]
        return [
            *(Heard(each.headers["webhook-id"], each.event) for each in requests),
            *(Heard(each["data"]["id"], each) for each in shown),
            *(Heard(each["Message-ID"].strip("<>").partition("@")[0], (each["To"], each["Subject"])) for each in mails),
        ]


def _everything(_subject: str, _kind: str) -> bool:
    return True


def _of_orders(_subject: str, kind: str) -> bool:
    return kind in _OF_ORDERS


Changes = Sequence[tuple[int, str]]
"""Versions and types, in order."""


def to_be_told(channel: str, audience: Audience, shop: Shop) -> Mapping[tuple[str, str], Changes]:
    """What a channel has to tell of an order and its payments, by their own histories: by target and subject."""
    owed = {
        (each.target_id, subject): [(version, kind) for version, kind in changes if each.wants(subject, kind)]
        for each in audience.listeners
        if each.channel == channel
        for subject, changes in _changes(shop).items()
    }
    return {where: changes for where, changes in owed.items() if changes}


def _changes(shop: Shop) -> dict[str, Changes]:
    order, _ = order_updates(decode(each, ORDERS.events) for each in shop.store.events(ORDERS.stream(shop.order_id)))
    assert order is not None
    changes: dict[str, Changes] = {
        shop.order_id: [(each.version, event_type("order", each.status)) for each in order.view.history]
    }
    for payment_id in shop.ways:
        payment, _ = payment_updates(shop.history(payment_id))
        assert payment is not None
        changes[payment_id] = [(each.version, event_type("payment", each.status)) for each in payment.view.history]
    return changes


@asynccontextmanager
async def open_audience(redis: Redis) -> AsyncIterator[Audience]:
    """It listens within the block; no message may break the rules of its channel."""
    async with (
        open_transport() as transport,
        open_shop() as server,
        push_service() as service,
        mail_catcher() as catcher,
    ):
        yield Audience(redis, transport, server, service, catcher)
        assert service.refusals == []
