"""Whom to tell comes with a request or from who watches, is kept sealed, and not at all when it is refused."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from app.access.model import Caller, MerchantCaller, Scope, Watcher
from app.destinations import Destinations
from app.domain.contact.events import ContactRemoved, EmailAdded
from app.domain.contact.model import MOST_CONTACTS
from app.domain.ids import MerchantId, OrderId, PaymentId, order_id_for, payment_id_for
from app.domain.payment.model import Initiate
from app.domain.refusals import IdempotencyKeyReused
from app.eventstore.port import EventStore
from app.eventstore.tokens import sealed_token_in, token_stream
from app.eventstore.transact import CONTACTS, PAYMENTS, load
from app.gateway.contacts import NO_CHANNELS, Channels, NobodyThere, begin_told, email_of
from app.gateway.inflight import InFlight
from app.gateway.offers import ReturnOrigins
from app.gateway.order_requests import PlaceRequest
from app.gateway.orders import OrderCommands
from app.gateway.payments import PaymentCommands
from app.gateway.requests import InitiateRequest, InvalidRequest, Notify, parse
from app.notifier.webhooks.sender import open_transport
from app.providers.breaker import OpenCircuits
from app.providers.registry import ProviderRegistry, open_providers
from app.settings import Settings
from tests.integration.customers import ACME, CHANNELS, VAULT, Counter, new_order_id
from tests.integration.payments import begun, new_id, write
from tests.integration.test_customer_channels import place
from tests.support.builders import initiated
from tests.support.push_service import Browser

ADDRESS = "an.nguyen@example.com"
NOTIFY = {"email": ADDRESS, "locale": "vi"}


@dataclass
class Till:
    """A gateway's commands."""

    store: EventStore
    providers: ProviderRegistry
    redis: Redis
    channels: Channels = CHANNELS
    key: str = field(default_factory=new_id)

    @property
    def payments(self) -> PaymentCommands:
        circuits, origins = OpenCircuits(self.redis), ReturnOrigins({}, open=True)
        now = lambda: datetime.now(UTC)  # noqa: E731
        return PaymentCommands(self.store, VAULT, self.providers, now, InFlight(), origins, circuits, self.channels)

    @property
    def payment_id(self) -> PaymentId:
        return payment_id_for(ACME.merchant_id, self.key)

    @property
    def order_id(self) -> OrderId:
        return order_id_for(ACME.merchant_id, self.key)

    async def initiate(self, **changes: Any) -> bool:
        """Whether it was begun before."""
        given = {"idempotencyKey": self.key, "amount": 4200, "currency": "EUR", "method": _CARD, "notify": NOTIFY}
        return (await self.payments.initiate(ACME, parse(InitiateRequest, {**given, **changes}))).replayed

    async def place(self, **changes: Any) -> bool:
        items = [{"sku": "thing", "quantity": 2, "unitAmount": 500}]
        given = {"idempotencyKey": self.key, "items": items, "total": 1000, "currency": "EUR", "method": _CARD}
        request = parse(PlaceRequest, {**given, "notify": NOTIFY, **changes})
        return (await OrderCommands(self.payments).place(ACME, request)).replayed

    async def contacts(self, subject: str) -> list[Any]:
        return list((await load(self.store, CONTACTS, subject)).events)


_CARD = {"card": {"token": "tok_success"}}


@pytest.fixture
async def till(store: EventStore, redis: Redis) -> AsyncIterator[Till]:
    async with open_providers(Settings(sandbox_url="http://127.0.0.1:1"), lambda: datetime.now(UTC)) as providers:
        yield Till(store, providers, redis)


@pytest.fixture
async def counter(store: EventStore, redis: Redis) -> AsyncIterator[Counter]:
    async with open_transport() as transport:
        yield Counter(store, redis, transport)


class TestAMailAddressThatComesWithARequest:
    async def test_is_kept_once_and_sealed(self, till: Till) -> None:
        assert [await till.initiate(), await till.initiate()] == [False, True]
        (added,) = await till.contacts(till.payment_id)
        assert isinstance(added, EmailAdded)
        assert (added.locale, added.since) == ("vi", -1)
        for stream in (CONTACTS.stream(till.payment_id), PAYMENTS.stream(till.payment_id)):
            stored = b"".join(event.data for event in await till.store.read(stream))
            assert b"example.com" not in stored
            assert b"nguyen" not in stored

    async def test_is_kept_for_the_order_that_it_came_with(self, till: Till) -> None:
        assert [await till.place(), await till.place()] == [False, True]
        assert len(await till.contacts(till.order_id)) == 1

    @pytest.mark.parametrize("notify", [None, {**NOTIFY, "email": "bo@example.com"}, {**NOTIFY, "locale": "en"}])
    async def test_is_part_of_what_a_key_stands_for(self, till: Till, notify: Any) -> None:
        await till.initiate()
        with pytest.raises(IdempotencyKeyReused):
            await till.initiate(**({"notify": notify} if notify else {"notify": None}))
        assert len(await till.contacts(till.payment_id)) == 1

    async def test_is_not_kept_when_the_key_stands_for_something_else(self, till: Till) -> None:
        await till.initiate(notify=None)
        await till.place(notify=None)
        with pytest.raises(IdempotencyKeyReused):
            await till.initiate(method={"card": {"token": "tok_decline"}})
        unused = token_stream(till.payment_id, VAULT.digest(SecretStr("tok_decline"), till.payment_id))
        assert await sealed_token_in(till.store, unused) is None
        with pytest.raises(IdempotencyKeyReused):
            await till.place(total=2000, items=[{"sku": "thing", "quantity": 4, "unitAmount": 500}])
        assert await till.contacts(till.payment_id) == await till.contacts(till.order_id) == []

    async def test_is_taken_back_when_somebody_with_the_same_key_comes_first(self, till: Till) -> None:
        contact = email_of(parse(Notify, NOTIFY), till.payment_id, "fingerprint", VAULT, datetime.now(UTC))
        begin = Initiate(initiated(payment_id=till.payment_id))

        async def late() -> None:
            raise IdempotencyKeyReused("by somebody else")

        with pytest.raises(IdempotencyKeyReused):
            await begin_told(till.store, PAYMENTS, till.payment_id, begin, contact, late)
        _, removed = await till.contacts(till.payment_id)
        assert isinstance(removed, ContactRemoved)
        assert removed.reason == "refused"

    async def test_that_was_erased_stays_erased_and_its_payment_is_found(self, till: Till) -> None:
        await till.initiate()
        await till.store.erase(CONTACTS.stream(till.payment_id))
        assert await till.initiate()
        assert await till.contacts(till.payment_id) == []

    async def test_is_refused_by_name_where_there_is_no_mail_and_nothing_is_appended(self, till: Till) -> None:
        till.channels = NO_CHANNELS
        for ask in (till.initiate, till.place):
            with pytest.raises(InvalidRequest) as refusal:
                await ask()
            (problem,) = refusal.value.problems
            assert (problem.field, problem.code) == ("notify.email", "mail_off")
        for subject in (till.payment_id, till.order_id):
            assert await till.contacts(subject) == []
        assert await till.store.read(PAYMENTS.stream(till.payment_id)) == []


class TestABrowserThatWatches:
    @pytest.fixture
    async def payment_id(self, store: EventStore) -> str:
        payment_id = new_id()
        await write(store, payment_id, begun(payment_id))
        return payment_id

    @pytest.fixture
    def browser(self) -> Browser:
        return Browser("http://127.0.0.1:1/send/secret-path")

    def watcher(self, subject: str) -> Caller:
        return Watcher(PaymentId(subject), "key_1")

    async def test_is_told_with_a_client_secret_alone_from_then_on(
        self, counter: Counter, payment_id: str, browser: Browser
    ) -> None:
        for _ in range(2):
            await counter.subscribe(browser, self.watcher(payment_id), paymentId=payment_id, locale="vi")
        (contact,) = (await counter.contacts(payment_id)).by_push
        assert (contact.locale, contact.since) == ("vi", 1)
        stored = b"".join(event.data for event in await counter.store.read(CONTACTS.stream(payment_id)))
        assert b"secret-path" not in stored
        await counter.unsubscribe(browser, self.watcher(payment_id), paymentId=payment_id)
        assert (await counter.contacts(payment_id)).by_push == ()

    async def test_may_watch_an_order(self, counter: Counter, browser: Browser) -> None:
        order_id = new_order_id()
        await place(counter, order_id, new_id())
        await counter.subscribe(browser, self.watcher(order_id), orderId=order_id)
        assert len((await counter.contacts(order_id)).by_push) == 1

    async def test_learns_nothing_of_what_it_may_not_watch(
        self, counter: Counter, payment_id: str, browser: Browser
    ) -> None:
        another = MerchantCaller(MerchantId("another"))
        reading = MerchantCaller(ACME.merchant_id, scopes=frozenset({Scope.READ}))
        for caller in (self.watcher("pay_other"), another, reading):
            with pytest.raises(NobodyThere):
                await counter.subscribe(browser, caller, paymentId=payment_id)
            with pytest.raises(NobodyThere):
                await counter.unsubscribe(browser, caller, paymentId=payment_id)
        with pytest.raises(NobodyThere):
            await counter.subscribe(browser, paymentId=new_id())
        with pytest.raises(NobodyThere):
            await counter.subscribe(browser, orderId=new_order_id())
        assert await counter.store.read(CONTACTS.stream(payment_id)) == []

    @pytest.mark.parametrize(
        ("endpoint", "code"),
        [
            ("push.test/send", "invalid_url"),
            ("ftp://push.test/send", "invalid_url"),
            ("https://user:secret@push.test/1", "invalid_url"),
            ("https://127.0.0.1/send", "address_not_public"),
            ("https://[::ffff:10.0.0.1]/send", "address_not_public"),
            ("https://169.254.169.254/latest", "address_not_public"),
            ("http://93.184.216.34/send", "https_required"),
        ],
    )
    async def test_is_refused_an_address_that_is_not_out_there(
        self, counter: Counter, payment_id: str, endpoint: str, code: str
    ) -> None:
        counter.destinations = Destinations()
        with pytest.raises(InvalidRequest) as refusal:
            await counter.subscribe(Browser(endpoint), paymentId=payment_id)
        (problem,) = refusal.value.problems
        assert (problem.field, problem.code) == ("endpoint", code)
        assert endpoint not in problem.message
        assert (await counter.contacts(payment_id)).by_push == ()

    async def test_is_refused_where_all_contacts_were_erased(
        self, counter: Counter, payment_id: str, browser: Browser
    ) -> None:
        await counter.subscribe(browser, paymentId=payment_id)
        await counter.store.erase(CONTACTS.stream(payment_id))
        with pytest.raises(InvalidRequest) as refusal:
            await counter.subscribe(browser, paymentId=payment_id)
        (problem,) = refusal.value.problems
        assert (problem.field, problem.code) == ("paymentId", "contacts_erased")
        await counter.unsubscribe(browser, paymentId=payment_id)

    async def test_is_refused_when_too_many_are_told_already(self, counter: Counter, payment_id: str) -> None:
        for number in range(MOST_CONTACTS):
            await counter.subscribe(Browser(f"http://127.0.0.1:1/send/{number}"), paymentId=payment_id)
        with pytest.raises(InvalidRequest) as refusal:
            await counter.subscribe(Browser("http://127.0.0.1:1/send/more"), paymentId=payment_id)
        (problem,) = refusal.value.problems
        assert (problem.field, problem.code) == ("endpoint", "too_many")
