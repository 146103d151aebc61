"""A merchant's server is told of every change it wants to know of, in order, verifiably, whatever it answers."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from redis.asyncio import Redis
from standardwebhooks import WebhookVerificationError

from app.destinations import LOOPBACK, Destinations
from app.domain.delivery.events import DeliveryFailed, DeliveryGivenUp, DeliveryMade, DeliveryOwed
from app.domain.delivery.next_action import RetryPolicy
from app.domain.endpoints.model import EndpointStatus
from app.domain.refusals import NoSuchEndpoint, NoSuchMessage
from app.eventstore.codec import new_cause
from app.eventstore.port import NO_STREAM, EventStore, NewEvent, RecordedEvent
from app.eventstore.transact import ENDPOINTS
from app.gateway.endpoint_requests import (
    EndpointRequest,
    RedeliverRequest,
    RegisterEndpointRequest,
    ReplayRequest,
    RollSecretRequest,
    UpdateEndpointRequest,
)
from app.gateway.requests import InvalidRequest, parse
from app.notifier import outside
from app.notifier.claims import Claims
from app.notifier.outside import LARGEST_ANSWER
from app.notifier.port import Message, Outcome
from app.notifier.pump import Progress
from app.notifier.webhooks.sender import open_transport
from tests.integration.certificates import certificate_for
from tests.integration.payments import VISIBLE_OF_SETTLED, begun
from tests.integration.shop import SECOND, Office, Received, Shop, open_shop, raw_answer

T = TypeVar("T")


@pytest.fixture
async def office(store: EventStore, redis: Redis) -> AsyncIterator[Office]:
    async with open_transport() as transport:
        yield Office(store, redis, transport)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    async with open_shop() as opened:
        yield opened


class TestWhatIsSent:
    async def test_every_change_comes_as_a_signed_cloud_event_in_order(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        await office.run(made.endpoint.id, payment_id)
        events = [each.verified(made.secret) for each in shop.received]
        assert [event["type"] for event in events] == [
            "paygate.payment.initiated",
            "paygate.payment.processing",
            "paygate.payment.succeeded",
        ]
        last = events[-1]
        assert {name: value for name, value in last.items() if name not in {"data", "time"}} == {
            "specversion": "1.0",
            "id": f"{payment_id}.5",
            "source": "https://pay.test",
            "type": "paygate.payment.succeeded",
            "subject": payment_id,
            "datacontenttype": "application/json",
            "sequence": "0000000005",
        }
        assert datetime.fromisoformat(last["time"]) == office.clock()
        assert (last["data"]["status"], last["data"]["version"]) == ("SUCCEEDED", 5)
        assert last["data"]["amount"] == {"amount": 1000, "currency": "EUR"}
        assert events == sorted(events, key=lambda event: str(event["sequence"]))

    async def test_the_request_is_what_the_standards_say(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        await office.run(made.endpoint.id, await office.pay())
        headers = shop.received[0].headers
        assert headers["content-type"] == "application/cloudevents+json"
        assert headers["webhook-id"].startswith("msg_")
        assert headers["webhook-timestamp"] == str(int(office.clock().timestamp()))
        assert headers["host"] == shop.url.removeprefix("http://").partition("/")[0]

    async def test_each_message_has_a_connection_of_its_own(self, office: Office, shop: Shop) -> None:
        # Connections are known by address alone, and two merchants may have the same one.
        made = await office.register(shop.url)
        await office.run(made.endpoint.id, await office.pay())
        assert shop.connections == len(shop.received) == len(VISIBLE_OF_SETTLED)

    async def test_nobody_else_can_have_signed_it(self, office: Office, shop: Shop) -> None:
        made, other = await office.register(shop.url), await office.register(shop.url)
        await office.run(made.endpoint.id, await office.pay())
        with pytest.raises(WebhookVerificationError):
            shop.received[0].verified(other.secret)

    async def test_only_chosen_types_come_and_nothing_from_before(self, office: Office, shop: Shop) -> None:
        earlier = await office.pay()
        office.clock.advance(SECOND)
        made = await office.register(shop.url, events=["paygate.payment.succeeded", "paygate.payment.failed"])
        await office.owe(earlier)
        later = await office.pay()
        for payment_id in (earlier, later):
            await office.run(made.endpoint.id, payment_id)
        assert [(each.event["subject"], each.version) for each in shop.received] == [(later, 5)]

    async def test_events_met_in_another_order_and_more_than_once_are_told_in_order_and_once(
        self, office: Office, shop: Shop
    ) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        await office.owe(payment_id)
        await office.run(made.endpoint.id, payment_id)
        await office.owe(payment_id)
        assert await office.run(made.endpoint.id, payment_id) is Progress.STILL
        assert shop.versions_of(payment_id) == VISIBLE_OF_SETTLED


class TestTrouble:
    async def test_what_fails_is_tried_again_first_and_as_the_same_message(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        shop.will_answer(204, 500, 503)
        await office.run(made.endpoint.id, payment_id)
        for pause, come in ((4, 2), (1, 3), (29, 3), (1, 5)):
            office.clock.advance(pause * SECOND)
            await office.run(made.endpoint.id, payment_id)
            assert len(shop.received) == come
        assert shop.versions_of(payment_id) == [0, 1, 1, 1, 5]
        first, *repeats = [each for each in shop.received if each.version == 1]
        for repeat in repeats:
            assert (repeat.headers["webhook-id"], repeat.body) == (first.headers["webhook-id"], first.body)
            assert repeat.headers["webhook-signature"] != first.headers["webhook-signature"]

    async def test_one_that_does_not_answer_in_time_is_tried_again(self, office: Office, shop: Shop) -> None:
        office.seconds = 0.2
        made = await office.register(shop.url)
        payment_id = await office.pay()
        shop.open.clear()
        await office.run(made.endpoint.id, payment_id)
        assert await self._failures(office, made.endpoint.id, payment_id) == ["no answer within 0.2 s"]
        shop.open.set()
        office.seconds = 20.0
        office.clock.advance(5 * SECOND)
        await office.run(made.endpoint.id, payment_id)
        # It had the first all the while, and nobody could know.
        assert shop.versions_of(payment_id) == [0, *VISIBLE_OF_SETTLED]

    async def test_a_redirect_leads_nowhere(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        async with open_shop() as inside:
            shop.will_answer(307, headers=[f"Location: {inside.url}"])
            await office.run(made.endpoint.id, payment_id)
            assert (len(shop.received), inside.connections) == (1, 0)
        failures = await self._failures(office, made.endpoint.id, payment_id)
        assert failures == ["answered 307: redirects are not followed"]

    @pytest.mark.parametrize("asked", ["90", "a date", "nonsense", "999999999999999999999"])
    async def test_one_that_asks_for_time_gets_it_within_bounds(self, office: Office, shop: Shop, asked: str) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        date = format_datetime((office.clock() + 90 * SECOND).astimezone(UTC), usegmt=True)
        shop.will_answer(429, headers=[f"Retry-After: {date if asked == 'a date' else asked}"])
        await office.run(made.endpoint.id, payment_id)
        failed = (await office.events(f"{made.endpoint.id}.{payment_id}"))[-1]
        assert isinstance(failed, DeliveryFailed)
        assert failed.next_attempt_at is not None
        pause = failed.next_attempt_at - office.clock()
        expected = {"nonsense": 5 * SECOND, "999999999999999999999": timedelta(days=1)}.get(asked, 90 * SECOND)
        assert abs(pause - expected) <= SECOND

    async def test_an_answer_without_end_is_not_read_to_its_end(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url, events=["paygate.payment.succeeded"])
        payment_id = await office.pay()
        endless = raw_answer(200).replace(b"Content-Length: 0", b"Content-Length: 99999999")
        shop.answers.append(endless + b"x" * 2 * LARGEST_ANSWER)
        await office.run(made.endpoint.id, payment_id)
        assert isinstance((await office.events(f"{made.endpoint.id}.{payment_id}"))[-1], DeliveryMade)

    async def test_an_answer_that_breaks_off_counts_by_its_status(
        self, office: Office, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outside, "REST_SECONDS", 0.05)
        made = await office.register(shop.url, events=["paygate.payment.succeeded"])
        payment_id = await office.pay()
        shop.answers.append(raw_answer(200).replace(b"Content-Length: 0", b"Content-Length: 10") + b"half")
        await office.run(made.endpoint.id, payment_id)
        assert isinstance((await office.events(f"{made.endpoint.id}.{payment_id}"))[-1], DeliveryMade)

    async def test_after_the_last_attempt_the_next_message_has_its_turn(self, office: Office, shop: Shop) -> None:
        office.policy = RetryPolicy(pauses=(SECOND,))
        made = await office.register(shop.url)
        payment_id = await office.pay()
        shop.will_answer(500, 500)
        await office.run(made.endpoint.id, payment_id)
        office.clock.advance(2 * SECOND)
        await office.run(made.endpoint.id, payment_id)
        assert shop.versions_of(payment_id) == [0, 0, 1, 5]
        kinds = Counter(type(each) for each in await office.events(f"{made.endpoint.id}.{payment_id}"))
        assert kinds == {DeliveryOwed: 3, DeliveryFailed: 2, DeliveryGivenUp: 1, DeliveryMade: 2}

    async def _failures(self, office: Office, endpoint_id: str, payment_id: str) -> list[str]:
        events = await office.events(f"{endpoint_id}.{payment_id}")
        return [event.reason for event in events if isinstance(event, DeliveryFailed)]


class TestOff:
    async def test_what_a_disabled_endpoint_is_owed_waits_and_is_sent_when_it_is_enabled(
        self, office: Office, shop: Shop
    ) -> None:
        made = await office.register(shop.url)
        named = parse(EndpointRequest, {"endpointId": made.endpoint.id})
        before = await office.pay()
        shop.will_answer(500)
        await office.run(made.endpoint.id, before)
        await office.commands.disable(office.caller, named)
        meanwhile = await office.pay()
        office.clock.advance(SECOND)
        for payment_id in (before, meanwhile):
            assert await office.run(made.endpoint.id, payment_id) is Progress.OFF
        assert len(shop.received) == 1
        await office.commands.enable(office.caller, named)
        await office.carry_out_wishes()
        assert shop.versions_of(before) == [0, *VISIBLE_OF_SETTLED]
        assert shop.versions_of(meanwhile) == VISIBLE_OF_SETTLED

    async def test_what_failed_at_one_address_is_tried_at_once_at_another(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        shop.will_answer(404)
        await office.run(made.endpoint.id, payment_id)
        office.clock.advance(SECOND)
        async with open_shop() as moved:
            changed = parse(UpdateEndpointRequest, {"endpointId": made.endpoint.id, "url": moved.url})
            await office.commands.update(office.caller, changed)
            await office.carry_out_wishes()
            assert moved.versions_of(payment_id) == VISIBLE_OF_SETTLED
        assert len(shop.received) == 1

    async def test_one_that_says_it_is_gone_is_called_no_more(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        shop.will_answer(410)
        await office.run(made.endpoint.id, payment_id)
        office.clock.advance(timedelta(days=1))
        assert await office.run(made.endpoint.id, payment_id) is Progress.OFF
        assert len(shop.received) == 1
        off = await office.endpoint(made.endpoint.id)
        assert (off.status, off.off_reason) == (EndpointStatus.SWITCHED_OFF, "answered 410")

    async def test_one_that_fails_for_days_is_switched_off_and_has_everything_when_it_is_back(
        self, office: Office, shop: Shop
    ) -> None:
        office.policy = RetryPolicy(pauses=(timedelta(days=1),) * 9)
        made = await office.register(shop.url)
        payment_id = await office.pay()
        shop.will_answer(*[500] * 6)
        for _ in range(9):
            await office.run(made.endpoint.id, payment_id)
            office.clock.advance(timedelta(days=1))
        off = await office.endpoint(made.endpoint.id)
        assert (off.status, off.off_reason) == (EndpointStatus.SWITCHED_OFF, "has taken nothing for 5 days")
        assert len(shop.received) == 6
        await office.commands.enable(office.caller, parse(EndpointRequest, {"endpointId": off.id}))
        await office.carry_out_wishes()
        assert shop.versions_of(payment_id)[6:] == VISIBLE_OF_SETTLED

    async def test_one_that_takes_something_now_and_then_is_not_switched_off(self, office: Office, shop: Shop) -> None:
        office.policy = RetryPolicy(pauses=(timedelta(days=1),) * 9)
        made = await office.register(shop.url)
        payment_id = await office.pay()
        shop.will_answer(500, 500, 500, 500, 204, 500, 500, 500, 500)
        for _ in range(9):
            await office.run(made.endpoint.id, payment_id)
            office.clock.advance(timedelta(days=1))
        assert (await office.endpoint(made.endpoint.id)).status is EndpointStatus.ENABLED

    async def test_one_that_was_not_called_for_long_is_not_switched_off_at_its_first_failure(
        self, office: Office, shop: Shop
    ) -> None:
        office.policy = RetryPolicy(pauses=(SECOND,))
        made = await office.register(shop.url, events=["paygate.payment.succeeded"])
        shop.will_answer(*[500] * 4)
        for _ in range(2):
            payment_id = await office.pay()
            for _ in range(2):
                await office.run(made.endpoint.id, payment_id)
                office.clock.advance(2 * SECOND)
            office.clock.advance(timedelta(days=6))
        assert len(shop.received) == 4
        assert (await office.endpoint(made.endpoint.id)).status is EndpointStatus.ENABLED

    async def test_what_a_removed_endpoint_was_owed_is_given_up(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        await office.project(f"{made.endpoint.id}.{payment_id}")
        await office.commands.remove(office.caller, parse(EndpointRequest, {"endpointId": made.endpoint.id}))
        await office.carry_out_wishes()
        kinds = Counter(type(each) for each in await office.events(f"{made.endpoint.id}.{payment_id}"))
        assert (kinds[DeliveryGivenUp], shop.received) == (3, [])


class TestSecrets:
    async def test_messages_are_signed_with_both_secrets_until_the_overlap_is_over(
        self, office: Office, shop: Shop
    ) -> None:
        old = await office.register(shop.url, events=["paygate.payment.succeeded"])
        rolling = parse(RollSecretRequest, {"endpointId": old.endpoint.id, "overlapHours": 1})
        new = await office.commands.roll_secret(office.caller, rolling)
        assert new.secret != old.secret
        await office.run(old.endpoint.id, await office.pay())
        office.clock.advance(timedelta(hours=1))
        await office.run(old.endpoint.id, await office.pay())
        during, after = shop.received
        assert during.verified(old.secret) == during.verified(new.secret)
        assert [len(each.headers["webhook-signature"].split(" ")) for each in (during, after)] == [2, 1]
        assert _signed_by(new.secret.get_secret_value(), after)
        assert not _signed_by(old.secret.get_secret_value(), after)

    async def test_a_secret_is_stored_sealed(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        assert made.secret.get_secret_value().startswith("whsec_")
        stored = b"".join(event.data for event in await office.store.read(ENDPOINTS.stream(office.merchant_id)))
        assert made.secret.get_secret_value().removeprefix("whsec_").encode() not in stored


class TestAgain:
    async def test_one_message_is_sent_again(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        await office.run(made.endpoint.id, payment_id)
        wish = parse(RedeliverRequest, {"deliveryId": f"{made.endpoint.id}.{payment_id}.1"})
        logged = await office.commands.redeliver(office.caller, wish)
        assert (logged.message.status.value, logged.message.version) == ("WAITING", 1)
        await office.run(made.endpoint.id, payment_id)
        assert shop.versions_of(payment_id) == [*VISIBLE_OF_SETTLED, 1]
        once, again = (each for each in shop.received if each.version == 1)
        assert (once.headers["webhook-id"], once.body) == (again.headers["webhook-id"], again.body)

    async def test_a_span_of_time_is_sent_again_once(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payments = []
        for _ in range(3):
            payments.append(await office.pay())
            await office.run(made.endpoint.id, payments[-1])
            office.clock.advance(timedelta(hours=1))
        span = {"from": office.clock() - timedelta(hours=2, minutes=30), "to": office.clock()}
        await office.commands.replay(office.caller, parse(ReplayRequest, {"endpointId": made.endpoint.id, **span}))
        await office.carry_out_wishes()
        await office.carry_out_wishes()
        assert [len(shop.versions_of(payment_id)) for payment_id in payments] == [3, 6, 6]

    async def test_the_log_shows_each_message_newest_first_page_by_page(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payments = []
        shop.will_answer(500)
        for _ in range(2):
            payments.append(await office.pay())
            await office.run(made.endpoint.id, payments[-1])
            office.clock.advance(SECOND)
        page = await office.commands.deliveries(office.caller, made.endpoint.id, first=4, after=None)
        cursor = page.deliveries[-1].cursor
        rest = await office.commands.deliveries(office.caller, made.endpoint.id, first=4, after=cursor)
        assert (page.has_more, rest.has_more) == (True, False)
        seen = [(each.subject, each.message.version) for each in (*page.deliveries, *rest.deliveries)]
        assert seen == [(payment_id, version) for payment_id in reversed(payments) for version in (5, 1, 0)]
        first = rest.deliveries[-1].message
        assert (first.status.value, first.attempts, first.last_answer) == ("WAITING", 1, "answered 500")
        assert page.deliveries[0].message.status.value == "DELIVERED"

    async def test_the_log_is_whole_again_when_redis_had_forgotten_all_but_the_end(
        self, office: Office, shop: Shop
    ) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        delivery_id = f"{made.endpoint.id}.{payment_id}"
        await office.pump().run(delivery_id, new_cause(delivery_id))
        await office.project(delivery_id, only_last=True)
        await office.project(delivery_id)
        page = await office.commands.deliveries(office.caller, made.endpoint.id, first=10, after=None)
        assert [each.message.version for each in page.deliveries] == [5, 1, 0]


class Fuse:
    """Cancels whoever comes by as the n-th, before or after what it came for is done."""

    def __init__(self, blows_at: int | None = None, *, after: bool = False) -> None:
        self.passed = 0
        self._blows_at, self._after = blows_at, after

    async def __call__(self, work: Callable[[], Awaitable[T]]) -> T:
        number, self.passed = self.passed, self.passed + 1
        if number == self._blows_at and not self._after:
            raise asyncio.CancelledError
        answer = await work()
        if number == self._blows_at:
            raise asyncio.CancelledError
        return answer


class Fused:
    """The event store and the sender, behind a fuse."""

    def __init__(self, office: Office, fuse: Fuse) -> None:
        self._store, self._sender, self._fuse = office.store, office.sender(), fuse

    async def append(self, stream: str, events: Sequence[NewEvent], *, expected: int) -> None:
        await self._fuse(lambda: self._store.append(stream, events, expected=expected))

    async def read(self, stream: str, *, after: int = NO_STREAM) -> list[RecordedEvent]:
        return await self._fuse(lambda: self._store.read(stream, after=after))

    async def send(self, message: Message, target: Any) -> Outcome:
        return await self._fuse(lambda: self._sender.send(message, target))


async def test_wherever_a_notifier_ends_each_message_comes_and_is_recorded_once(office: Office, shop: Shop) -> None:
    made = await office.register(shop.url, events=["paygate.payment.initiated", "paygate.payment.succeeded"])

    async def play(fuse: Fuse) -> Counter[int]:
        payment_id = await office.pay()
        delivery_id = f"{made.endpoint.id}.{payment_id}"
        fused = Fused(office, fuse)
        with suppress(asyncio.CancelledError):
            await office.pump(fused, fused).run(delivery_id, new_cause(delivery_id))
        await office.run(made.endpoint.id, payment_id)
        recorded = [each.version for each in await office.events(delivery_id) if isinstance(each, DeliveryMade)]
        assert recorded == [0, 5]
        versions = shop.versions_of(payment_id)
        assert versions == sorted(versions)
        return Counter(versions)

    whole = Fuse()
    assert await play(whole) == Counter([0, 5])
    repeats = [
        await play(Fuse(boundary, after=after)) - Counter([0, 5])
        for boundary in range(whole.passed)
        for after in (False, True)
    ]
    assert max(repeat.total() for repeat in repeats) == 1


async def test_two_notifiers_at_once_record_each_message_once(office: Office, shop: Shop) -> None:
    made = await office.register(shop.url)
    payment_id = await office.pay()
    await asyncio.gather(*(office.run(made.endpoint.id, payment_id) for _ in range(2)))
    events = await office.events(f"{made.endpoint.id}.{payment_id}")
    assert [each.version for each in events if isinstance(each, DeliveryMade)] == VISIBLE_OF_SETTLED
    assert set(shop.versions_of(payment_id)) == set(VISIBLE_OF_SETTLED)


async def test_two_notifiers_leave_each_attempt_to_one_of_them(office: Office, shop: Shop) -> None:
    made = await office.register(shop.url)
    payment_id = await office.pay()
    delivery_id = f"{made.endpoint.id}.{payment_id}"
    shop.will_answer(500)
    for _ in range(2):
        pumps = [office.pump(claims=Claims(office.redis, 60.0)) for _ in range(3)]
        await asyncio.gather(*(pump.run(delivery_id, new_cause(delivery_id)) for pump in pumps))
        office.clock.advance(5 * SECOND)
    assert shop.versions_of(payment_id) == [0, *VISIBLE_OF_SETTLED]


class TestAddresses:
    async def test_a_name_that_has_become_ours_is_not_called(self, office: Office, shop: Shop) -> None:
        port = httpx.URL(shop.url).port
        answers = iter([["93.184.215.14"], ["127.0.0.1"]])

        async def resolve(_: str, __: int) -> Sequence[str]:
            return next(answers)

        office.destinations = Destinations(resolve=resolve)
        made = await office.register(f"https://rebinding.example:{port}/")
        payment_id = await office.pay()
        await office.run(made.endpoint.id, payment_id)
        failed = (await office.events(f"{made.endpoint.id}.{payment_id}"))[-1]
        assert isinstance(failed, DeliveryFailed)
        assert failed.reason == "not called: rebinding.example is not on the public internet"
        assert shop.connections == 0

    async def test_a_name_with_several_addresses_is_called_at_one_that_answers(
        self, office: Office, shop: Shop
    ) -> None:
        async def resolve(_: str, __: int) -> Sequence[str]:
            return ["127.0.0.2", "127.0.0.1"]

        office.destinations = Destinations(LOOPBACK, resolve=resolve)
        made = await office.register(f"http://shop.example:{httpx.URL(shop.url).port}/")
        payment_id = await office.pay()
        await office.run(made.endpoint.id, payment_id)
        assert shop.versions_of(payment_id) == VISIBLE_OF_SETTLED

    async def test_the_certificate_has_to_be_the_names_although_the_address_is_called(
        self, office: Office, tmp_path: Path
    ) -> None:
        async def resolve(_: str, __: int) -> Sequence[str]:
            return ["127.0.0.1"]

        served, trusted = certificate_for("shop.example", tmp_path)
        office.destinations = Destinations(LOOPBACK, resolve=resolve)
        async with AsyncExitStack() as stack:
            shop = await stack.enter_async_context(open_shop(ssl=served))
            office.transport = await stack.enter_async_context(open_transport(trusted))
            port = httpx.URL(shop.url).port
            hers = await office.register(f"https://shop.example:{port}/")
            another = await office.register(f"https://another.example:{port}/")
            payment_id = await office.pay()
            for made in (hers, another):
                await office.run(made.endpoint.id, payment_id)
        assert shop.versions_of(payment_id) == VISIBLE_OF_SETTLED
        assert {each.headers["host"] for each in shop.received} == {f"shop.example:{port}"}
        failed = (await office.events(f"{another.endpoint.id}.{payment_id}"))[-1]
        assert isinstance(failed, DeliveryFailed)
        assert failed.reason == "no answer (ConnectError)"


class TestBadInput:
    @pytest.mark.parametrize(
        ("given", "field", "code"),
        [
            ({}, "url", "missing"),
            ({"url": "https://10.0.0.8/"}, "url", "address_not_public"),
            ({"url": "https://169.254.169.254/latest/meta-data"}, "url", "address_not_public"),
            ({"url": "http://93.184.215.14/"}, "url", "https_required"),
            ({"url": "https://user:password@93.184.215.14/"}, "url", "invalid_url"),
            ({"url": "https://nobody.invalid/"}, "url", "host_not_found"),
            ({"url": "https://93.184.215.14/", "events": ["payment.paid"]}, "events.0", "unknown_event_type"),
            ({"url": "https://93.184.215.14/", "events": []}, "events", "too_short"),
            ({"url": "https://93.184.215.14/", "events": ["*", "*"]}, "events.0", "unknown_event_type"),
            ({"url": "https://93.184.215.14/", "description": ""}, "description", "string_too_short"),
        ],
        ids=str,
    )
    async def test_what_cannot_be_registered_is_refused_by_field_and_changes_nothing(
        self, office: Office, given: dict[str, Any], field: str, code: str
    ) -> None:
        async def resolve(host: str, _: int) -> Sequence[str]:
            raise OSError(f"there is no {host}")

        office.destinations = Destinations(resolve=resolve)
        with pytest.raises(InvalidRequest) as refused:
            await office.commands.register(office.caller, parse(RegisterEndpointRequest, given))
        problem = refused.value.problems[0]
        assert (problem.field, problem.code) == (field, code)
        assert problem.message.startswith(f"{field}: ")
        assert await office.store.read(ENDPOINTS.stream(office.merchant_id)) == []

    async def test_an_endpoint_of_another_merchant_is_as_one_that_is_not_there(
        self, office: Office, shop: Shop
    ) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay()
        await office.run(made.endpoint.id, payment_id)
        stranger = Office(office.store, office.redis, office.transport)
        commands, caller, named = stranger.commands, stranger.caller, {"endpointId": made.endpoint.id}
        now = office.clock()
        attempts: list[Awaitable[Any]] = [
            commands.update(caller, parse(UpdateEndpointRequest, {**named, "description": "mine"})),
            commands.roll_secret(caller, parse(RollSecretRequest, named)),
            commands.enable(caller, parse(EndpointRequest, named)),
            commands.disable(caller, parse(EndpointRequest, named)),
            commands.remove(caller, parse(EndpointRequest, named)),
            commands.replay(caller, parse(ReplayRequest, {**named, "from": now, "to": now})),
            commands.deliveries(caller, made.endpoint.id, first=10, after=None),
        ]
        for attempt in attempts:
            with pytest.raises(NoSuchEndpoint):
                await attempt
        with pytest.raises(NoSuchMessage):
            await commands.redeliver(
                caller, parse(RedeliverRequest, {"deliveryId": f"{made.endpoint.id}.{payment_id}.0"})
            )
        assert await commands.endpoints(caller) == []
        assert len(await office.store.read(ENDPOINTS.stream(office.merchant_id))) == 1

    async def test_a_message_that_was_never_owed_is_not_sent_again(self, office: Office, shop: Shop) -> None:
        made = await office.register(shop.url)
        payment_id = await office.pay(begun("-", merchant_id=office.merchant_id))
        for delivery in (f"{payment_id}.7", "pay_nobody.0"):
            with pytest.raises(NoSuchMessage):
                await office.commands.redeliver(
                    office.caller, parse(RedeliverRequest, {"deliveryId": f"{made.endpoint.id}.{delivery}"})
                )


def _signed_by(secret: str, received: Received) -> bool:
    # The library verifies only what is signed now, so the signature is made again.
    from standardwebhooks import Webhook

    at = datetime.fromtimestamp(int(received.headers["webhook-timestamp"]), UTC)
    expected = Webhook(secret).sign(received.headers["webhook-id"], at, received.body.decode())
    return expected in received.headers["webhook-signature"].split(" ")
