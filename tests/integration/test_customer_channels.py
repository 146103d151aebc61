"""Customers are told of what happens, each once, and a channel that is down delays no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from app.domain.delivery.events import DeliveryFailed, DeliveryGivenUp, DeliveryMade
from app.domain.order.events import OrderConfirmed, OrderPaymentEnded, OrderPaymentStarted
from app.domain.payment.events import PaymentEvent
from app.domain.payment.next_action import Policy
from app.eventstore import esdb
from app.eventstore.codec import encode, new_cause
from app.eventstore.port import NO_STREAM, EventStore
from app.eventstore.transact import ORDERS, PAYMENTS
from app.notifier.customers.directory import Customer
from app.notifier.owing import Duties, delivery_id_of
from app.notifier.port import Channel
from app.notifier.service import Notifier
from app.notifier.webhooks.sender import open_transport
from app.redisio import open_redis
from app.settings import Settings
from app.wiring.notifying import open_notifier
from projections.publisher import Publisher
from projections.service import Projection
from tests.integration.customers import PUSH_KEY, SECRET_KEY, Counter, new_order_id
from tests.integration.payments import begun, eventful, new_id, refunded, settled, write
from tests.support.builders import NOW, placed
from tests.support.eventstore_process import EventStoreProcess
from tests.support.mail_catcher import MailCatcher, hanging_mail_server, mail_catcher, reserved_port
from tests.support.push_service import PushService, push_service
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import eventually


@pytest.fixture
async def counter(store: EventStore, redis: Redis) -> AsyncIterator[Counter]:
    async with open_transport() as transport:
        yield Counter(store, redis, transport)


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as service:
        yield service
        assert service.refusals == []


@pytest.fixture
async def catcher() -> AsyncIterator[MailCatcher]:
    async with mail_catcher() as catcher:
        yield catcher


async def tell(counter: Counter, channel: Channel[Customer], stream: str) -> None:
    """Meet every event of a payment or order, and send what is owed after it."""
    pump = counter.pump(channel)
    duties = Duties(pump.subjects, pump.deliveries, channel, counter.clock)
    for event in await counter.store.read(stream):
        for address in await duties.after(event):
            await pump.run(delivery_id_of(address.target_id, address.subject), new_cause(address.subject))


def subjects(catcher: MailCatcher) -> list[str]:
    return [catcher.mails.get_nowait()["Subject"] for _ in range(catcher.mails.qsize())]


async def place(counter: Counter, order_id: str, payment_id: str, merchant_id: str = "acme") -> None:
    stream = ORDERS.stream(order_id)
    happened = [
        placed(order_id=order_id, merchant_id=merchant_id),
        OrderPaymentStarted(payment_id=payment_id, at=NOW),
        OrderConfirmed(payment_id=payment_id, at=NOW),
    ]
    await counter.store.append(stream, encode(stream, NO_STREAM, happened, new_cause(order_id)), expected=NO_STREAM)


async def test_a_customer_hears_by_mail_of_all_that_matters_in_order(counter: Counter, catcher: MailCatcher) -> None:
    payment_id = new_id()
    await counter.write_to(payment_id)
    await write(counter.store, payment_id, eventful(payment_id, 1))
    channel = counter.mail_channel(catcher.address)
    await tell(counter, channel, PAYMENTS.stream(payment_id))
    await tell(counter, channel, PAYMENTS.stream(payment_id))
    assert subjects(catcher) == [
        "Your payment of €10.00 is waiting for you",
        "Your payment of €10.00 did not go through",
    ]
    assert catcher.recipients == ["an@example.com"] * 2


async def test_a_browser_hears_of_what_happens_after_it_has_asked(counter: Counter, service: PushService) -> None:
    payment_id, browser = new_id(), service.browser()
    happened = refunded(payment_id)
    paid = len(settled(payment_id))
    await write(counter.store, payment_id, happened[:paid])
    await counter.subscribe(browser, paymentId=payment_id, locale="vi")
    await write(counter.store, payment_id, happened[paid:], after=paid - 1)
    await tell(counter, counter.push_channel(), PAYMENTS.stream(payment_id))
    told = [(await browser.told()).notification for _ in range(2)]
    assert [each["data"]["type"] for each in told] == [
        "paygate.payment.partially_refunded",
        "paygate.payment.refunded",
    ]
    assert {each["lang"] for each in told} == {"vi"}
    assert browser.messages.empty()


async def test_a_browser_that_is_no_more_is_told_no_more(counter: Counter, service: PushService) -> None:
    payment_id, browser, other = new_id(), service.browser(), service.browser()
    await write(counter.store, payment_id, begun(payment_id))
    await counter.subscribe(browser, paymentId=payment_id)
    await counter.subscribe(other, paymentId=payment_id)
    (gone, _) = (await counter.contacts(payment_id)).by_push
    browser.answers.append("410 Gone\r\n")
    await write(counter.store, payment_id, refunded(payment_id)[2:], after=1)
    await tell(counter, counter.push_channel(), PAYMENTS.stream(payment_id))
    assert [contact.contact_id for contact in (await counter.contacts(payment_id)).by_push] != [gone.contact_id]
    assert isinstance((await counter.deliveries(gone.contact_id, payment_id))[-1], DeliveryGivenUp)
    assert browser.messages.empty()
    assert other.messages.qsize() == 3


async def test_whoever_is_told_of_an_order_hears_from_its_payment_only_what_the_order_does_not_tell(
    counter: Counter, catcher: MailCatcher
) -> None:
    order_id, payment_id = new_order_id(), new_id()
    await counter.write_to(order_id)
    await place(counter, order_id, payment_id)
    await write(counter.store, payment_id, _needing_action_first(refunded(payment_id, order_id=order_id)))
    channel = counter.mail_channel(catcher.address)
    await tell(counter, channel, PAYMENTS.stream(payment_id))
    await tell(counter, channel, ORDERS.stream(order_id))
    assert subjects(catcher) == [
        "Your payment of €10.00 is waiting for you",
        "Refund of your payment of €10.00",
        "Refund of your payment of €10.00",
        "Your order of €10.00 is confirmed",
    ]


async def test_a_browser_that_follows_an_order_hears_of_payments_begun_after_it_has_asked(
    counter: Counter, service: PushService
) -> None:
    order_id, first, second, browser = new_order_id(), new_id(), new_id(), service.browser()
    stream = ORDERS.stream(order_id)
    tried = [
        placed(order_id=order_id, expires_at=NOW + timedelta(hours=1)),
        OrderPaymentStarted(payment_id=first, at=NOW),
        OrderPaymentEnded(payment_id=first, reason="card_declined", at=NOW),
    ]
    await counter.store.append(stream, encode(stream, NO_STREAM, tried, new_cause(order_id)), expected=NO_STREAM)
    await write(counter.store, first, eventful(first, 1, order_id=order_id))
    await counter.subscribe(browser, orderId=order_id)
    later = [event.model_copy(update={"at": counter.clock()}) for event in eventful(second, 1, order_id=order_id)]
    await write(counter.store, second, later)
    channel = counter.push_channel()
    for payment_id in (first, second):
        await tell(counter, channel, PAYMENTS.stream(payment_id))
    told = (await browser.told()).notification["data"]
    assert (told["type"], told["subject"]) == ("paygate.payment.requires_action", second)
    assert browser.messages.empty()


async def test_another_merchants_payment_with_the_name_of_an_order_tells_its_customer_nothing(
    counter: Counter, catcher: MailCatcher
) -> None:
    order_id, payment_id = new_order_id(), new_id()
    await counter.write_to(order_id)
    await place(counter, order_id, "pay_other")
    await write(counter.store, payment_id, refunded(payment_id, order_id=order_id, merchant_id="another"))
    await tell(counter, counter.mail_channel(catcher.address), PAYMENTS.stream(payment_id))
    assert subjects(catcher) == []


def _needing_action_first(events: list[PaymentEvent]) -> list[PaymentEvent]:
    acting = eventful(new_id(), 1)[2:4]
    return [*events[:2], *acting, *events[2:]]


class TestTheNotifier:
    PAYMENTS = 3

    @pytest.fixture
    async def own_counter(self, own_server: EventStoreProcess, own_valkey: ValkeyProcess) -> AsyncIterator[Counter]:
        """With a projection that runs."""
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(esdb.connect(own_server.uri))
            redis = await stack.enter_async_context(open_redis(own_valkey.url))
            transport = await stack.enter_async_context(open_transport())
            await stack.enter_async_context(_running(Projection(store, Publisher(redis), Policy())))
            yield Counter(store, redis, transport)

    async def test_a_mail_server_that_is_down_delays_no_push_and_gets_its_mail_when_it_is_back(
        self, own_counter: Counter, service: PushService
    ) -> None:
        counter = own_counter
        async with AsyncExitStack() as stack:
            catcher = MailCatcher(stack.enter_context(reserved_port()))
            async with hanging_mail_server(catcher.port) as hanging:
                channels = [counter.push_channel(), counter.mail_channel(catcher.address)]
                await stack.enter_async_context(_running(Notifier([counter.served(each) for each in channels])))
                written_to = await self._pay_and_be_pushed(counter, service)
                await eventually(hanging.has_connections, what="a mail on its way")
            # From here on it refuses connections.
            written_to |= await self._pay_and_be_pushed(counter, service)
            for payment_id, contact_id in written_to.items():
                await _recorded(counter, contact_id, payment_id, DeliveryFailed)
            await stack.enter_async_context(mail_catcher(catcher))
            mails = [await catcher.caught() for _ in written_to]
            for payment_id, contact_id in written_to.items():
                assert await _recorded(counter, contact_id, payment_id, DeliveryMade) == 1
        assert len({each["Message-ID"] for each in mails}) == len(mails)
        assert catcher.mails.empty()

    async def test_both_channels_are_served_by_the_notifier_as_it_is_started(
        self,
        own_counter: Counter,
        service: PushService,
        catcher: MailCatcher,
        own_server: EventStoreProcess,
        own_valkey: ValkeyProcess,
    ) -> None:
        settings = Settings.model_validate(
            {
                "profile": "dev",
                "eventstore_uri": own_server.uri,
                "redis_url": own_valkey.url,
                "secret_key": SECRET_KEY,
                "push_private_key": PUSH_KEY,
                "push_contact": "mailto:ops@shop.test",
                "smtp_url": catcher.url,
                "mail_from": "Shop <pay@shop.test>",
            }
        )
        async with open_notifier(settings, lambda: None) as notifier, _running(notifier):
            written_to = await self._pay_and_be_pushed(own_counter, service)
            mails = [await catcher.caught() for _ in written_to]
        assert {mail["From"] for mail in mails} == {"Shop <pay@shop.test>"}

    async def _pay_and_be_pushed(self, counter: Counter, service: PushService) -> dict[str, str]:
        """The payments, with the contact that is written to."""
        written_to = {}
        for _ in range(self.PAYMENTS):
            payment_id, browser = new_id(), service.browser()
            written_to[payment_id] = await counter.write_to(payment_id)
            await write(counter.store, payment_id, begun(payment_id))
            await counter.subscribe(browser, paymentId=payment_id)
            await write(counter.store, payment_id, settled(payment_id)[2:], after=1)
            assert (await browser.told()).notification["data"]["type"] == "paygate.payment.succeeded"
            (contact,) = (await counter.contacts(payment_id)).by_push
            assert await _recorded(counter, contact.contact_id, payment_id, DeliveryMade) == 1
            assert browser.messages.empty()
        return written_to


async def _recorded(counter: Counter, contact_id: str, payment_id: str, kind: type[object]) -> int:
    """How many such events there are of a delivery, once there are any."""

    async def count() -> int | None:
        return sum(isinstance(event, kind) for event in await counter.deliveries(contact_id, payment_id)) or None

    return await eventually(count, what=f"{kind} of {payment_id}")


@asynccontextmanager
async def _running(service: Projection | Notifier) -> AsyncIterator[None]:
    task = asyncio.create_task(service.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
