"""`paygate reconcile --report` finds each kind of difference, and what it says mends it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.domain.order.events import OrderItem, OrderPlaced
from app.domain.payment.events import (
    CaptureMode,
    CardMethod,
    Operation,
    PaymentCaptured,
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentRefunded,
    ProviderCallStarted,
    RefundRequested,
)
from app.domain.payment.model import AwaitingCustomer, Captured, Confirming, RecordReport, RefundMoney, StartCall
from app.domain.reports import Approved
from app.eventstore.codec import encode, new_cause
from app.eventstore.port import NO_STREAM, NewEvent
from app.eventstore.transact import ORDERS, PAYMENTS, transact
from app.reconciling.model import Difference, Kind
from app.webhooks.unmatched import keep
from projections.names import Topic, merchant_payments_key
from tests.integration.night import PERFORMER, Night, Town, falling
from tests.integration.payments import new_id, write
from tests.integration.ways import WAYS, movements, pay

LISTING = {"sandbox", "stripe", "paypal", "vietqr"}
PRICE = 4200


@pytest.fixture
async def night(town: Town) -> AsyncIterator[Night]:
    async with falling(town, "sandbox") as fallen:
        yield fallen


def kinds(differences: Sequence[Difference]) -> list[Kind]:
    return [each.kind for each in differences]


def begun(payment_id: str, provider: str = "sandbox") -> list[PaymentEvent]:
    """A payment of now, by card, whose provider is being called."""
    at = datetime.now(UTC)
    return [
        PaymentInitiated(
            payment_id=payment_id,
            merchant_id="acme",
            idempotency_key=payment_id,
            fingerprint="f",
            amount=PRICE,
            currency="EUR",
            method=CardMethod(provider=provider),
            at=at,
        ),
        ProviderCallStarted(operation=Operation.AUTHORIZE, provider_key=f"{payment_id}.authorize.1", attempt=1, at=at),
    ]


def captured(payment_id: str, reference: str) -> list[PaymentEvent]:
    at = datetime.now(UTC)
    return [*begun(payment_id), PaymentCaptured(reference=reference, amount=PRICE, at=at)]


def failed(payment_id: str, code: str = "provider_timeout") -> list[PaymentEvent]:
    return [*begun(payment_id), PaymentFailed(code=code, message="no answer", at=datetime.now(UTC))]


def refunded(reference: str, amount: int) -> list[PaymentEvent]:
    at, refund_id = datetime.now(UTC), f"ref_{uuid4().hex}"
    return [
        RefundRequested(refund_id=refund_id, amount=amount, at=at),
        PaymentRefunded(refund_id=refund_id, reference=reference, amount=amount, at=at),
    ]


async def _went_well(night: Night, *providers: str, later: timedelta = timedelta()) -> list[str]:
    """A payment by each provider, perhaps at a time that is later than theirs; two parts of each are given back."""
    ids = []
    for provider in providers:
        way, story = WAYS[provider], night.story(provider)
        story.now += later
        await story.begin(CaptureMode.AUTOMATIC)
        assert isinstance(await story.rest(), Captured), provider
        ids.append(story.payment_id)
        for number, part in enumerate((1, 2) if provider != "vietqr" else ()):
            refund_id = f"ref_{number}{story.payment_id[5:]}"
            await story.command(RefundMoney(refund_id, story.now, way.price.amount * part // 10))
    await night.projected()
    return ids


async def test_what_went_well_at_every_provider_is_no_difference(town: Town) -> None:
    async with falling(town, *WAYS) as night:
        ids = await _went_well(night, *WAYS)
        (report, *_) = await night.reports()
        assert {each.provider for each in report.coverages if each.listed} == LISTING
        assert all(each.movements if each.listed else each.asked for each in report.coverages)
        assert all("cannot be seen" in each.note for each in report.coverages if not each.listed)
        assert await night.about(*ids) == []


async def test_what_stands_in_the_list_of_another_day_is_asked_about_before_it_is_called_missing(town: Town) -> None:
    async with falling(town, *LISTING) as night:
        night.begun_at += timedelta(days=2)
        ids = await _went_well(night, *LISTING, later=timedelta(days=2))
        (*_, report) = await night.reports()
        assert {each.provider: each.asked for each in report.coverages} == dict.fromkeys(LISTING, 1)
        assert await night.about(*ids) == []


async def test_money_under_a_name_that_is_no_payment_is_for_people(night: Night) -> None:
    payment_id = new_id()
    charge = await night.charge(payment_id)
    held = await night.charge(payment_id, capture=False)
    refund = await night.refund(charge, 200)
    found = await night.about(charge, held, refund)
    assert kinds(found) == [Kind.CHARGE_WITHOUT_PAYMENT, Kind.REFUND_WITHOUT_PAYMENT, Kind.HOLD_WITHOUT_PAYMENT]
    assert all(payment_id in each.sentence for each in found)


async def test_money_of_a_payment_that_failed_is_taken_in_by_asking_about_it(night: Night) -> None:
    payment_id = new_id()
    charge = await night.charge(payment_id)
    await night.wrote(payment_id, failed(payment_id))
    (found,) = await night.about(payment_id)
    assert (found.kind, found.reference) == (Kind.CHARGE_NOT_RECORDED, charge)
    assert f"paygate reconcile --payment {payment_id}" in found.remedy

    (asked,) = await night.reconciliation.ask([payment_id])
    assert (asked.before, asked.after, asked.fault) == ("FAILED", "SUCCEEDED", None)
    await night.projected()
    assert await night.about(payment_id) == []


async def test_what_a_declined_payment_has_all_the_same_goes_back_once_it_is_asked_about(night: Night) -> None:
    payment_id = new_id()
    await night.charge(payment_id)
    await night.wrote(payment_id, failed(payment_id, "card_declined"))
    assert kinds(await night.about(payment_id)) == [Kind.CHARGE_NOT_RECORDED]
    await night.reconciliation.ask([payment_id])
    await night.projected()
    assert await night.about(payment_id) == []
    moved = movements(night.town.sandbox.url, payment_id)
    assert [each["operation"] for each in moved] == ["authorize", "capture", "refund"]


async def test_a_payment_that_has_ended_is_asked_about_by_the_name_its_provider_gave_it(town: Town) -> None:
    """PayPal cannot be asked by our name: its order's number stands in the events."""
    async with falling(town, "paypal") as night:
        story = night.story("paypal")
        await story.begin(CaptureMode.AUTOMATIC)
        await night.reconciliation.ask([story.payment_id])
        waiting = await story.state()
        assert isinstance(waiting, AwaitingCustomer)
        await pay(waiting, night.town.sandbox.url)
        cause, at = new_cause(story.payment_id), datetime.now(UTC)
        for command in (
            RecordReport(Operation.AUTHORIZE, Approved(waiting.reference), at),
            StartCall(Operation.CONFIRM, at),
        ):
            confirming = (await transact(night.store, PAYMENTS, story.payment_id, command, cause)).history
        assert isinstance(confirming.state, Confirming)
        provider = night.providers.get("paypal")
        assert provider is not None
        # The answer is lost, and everybody takes the payment for failed.
        await PERFORMER.call(provider, confirming.state, Operation.CONFIRM, None, None)
        lost = PaymentFailed(code="provider_timeout", message="no answer", at=at)
        await write(night.store, story.payment_id, [lost], after=confirming.revision)
        await night.projected()

        assert kinds(await night.about(story.payment_id)) == [Kind.CHARGE_NOT_RECORDED]
        (asked,) = await night.reconciliation.ask([story.payment_id])
        assert asked.after == "SUCCEEDED"
        await night.projected()
        assert await night.about(story.payment_id) == []


async def test_a_hold_that_its_payment_does_not_know_of_is_released_by_asking_about_it(night: Night) -> None:
    payment_id = new_id()
    await night.charge(payment_id, capture=False)
    await night.wrote(payment_id, failed(payment_id, "card_declined"))
    assert kinds(await night.about(payment_id)) == [Kind.HOLD_NOT_RECORDED]
    await night.reconciliation.ask([payment_id])
    await night.projected()
    assert await night.about(payment_id) == []


async def test_money_that_the_provider_does_not_have_is_for_people(night: Night) -> None:
    payment_id = new_id()
    await night.wrote(payment_id, [*captured(payment_id, "ch_none"), *refunded("re_none", 100)])
    assert kinds(await night.about(payment_id)) == [Kind.CHARGE_NOT_THERE, Kind.REFUND_NOT_THERE]


async def test_other_amounts_a_second_charge_and_a_refund_by_hand_are_for_people(night: Night) -> None:
    payment_id, twice = new_id(), new_id()
    charge = await night.charge(payment_id, PRICE - 200)
    refunds = [await night.refund(charge, amount) for amount in (300, 400)]
    await night.wrote(payment_id, [*captured(payment_id, charge), *refunded(refunds[0], 299)])
    found = await night.about(payment_id)
    assert kinds(found) == [Kind.CHARGE_DIFFERS, Kind.REFUND_NOT_RECORDED, Kind.REFUND_DIFFERS]
    assert "42.00 EUR stand here, 40.00 EUR at sandbox" in found[0].sentence

    first, second = await night.charge(twice), await night.charge(twice)
    await night.wrote(twice, captured(twice, first))
    (found_twice,) = await night.about(twice)
    assert found_twice.kind is Kind.CHARGED_TWICE
    assert first in found_twice.sentence
    assert second in found_twice.sentence


async def test_a_provider_without_a_list_is_asked_about_each_payment(town: Town) -> None:
    async with falling(town, "momo") as night:
        payment_id = new_id()
        await night.wrote(payment_id, begun(payment_id, "momo")[:1] + captured(payment_id, "4088878653")[1:])
        assert kinds(await night.about(payment_id)) == [Kind.CHARGE_NOT_THERE]


@pytest.mark.parametrize(
    ("provider", "call"), [("sandbox", "movements"), ("stripe", "list"), ("paypal", "transactions")]
)
async def test_a_list_that_is_not_to_be_had_is_said_and_payments_are_asked_about(
    town: Town, provider: str, call: str
) -> None:
    async with falling(town, provider) as night:
        story = night.story(provider)
        await story.begin(CaptureMode.AUTOMATIC)
        await story.rest()
        await night.projected()
        await _at_both_looks(night, provider, call)
        found = await night.about(provider, story.payment_id)
        assert [each.kind for each in found] == [Kind.STATEMENT_UNAVAILABLE]


async def test_a_payment_about_which_the_provider_does_not_answer_is_not_called_missing(town: Town) -> None:
    async with falling(town, "momo") as night:
        payment_id = new_id()
        await night.wrote(payment_id, begun(payment_id, "momo")[:1] + captured(payment_id, "4088878653")[1:])
        script = {"provider": "momo", "call": "query", "fault": "error_before"}
        for _ in range(20):
            (await night.bank.post("/faults", json=script)).raise_for_status()
        found = await night.about(payment_id)
        await night.bank.delete("/faults")
        assert kinds(found) == [Kind.NOT_ASKED]


async def test_a_provider_that_is_switched_off_is_said(night: Night) -> None:
    payment_id = new_id()
    await night.wrote(payment_id, begun(payment_id, "switched_off"))
    (found,) = await night.about("switched_off")
    assert found.kind is Kind.STATEMENT_UNAVAILABLE
    assert "PAYGATE_PROVIDERS" in found.remedy


async def test_a_stream_that_nobody_can_read_and_a_notice_that_is_nobodys_are_for_people(night: Night) -> None:
    payment_id, event_id = new_id(), f"evt_{uuid4().hex}"
    data = json.dumps({"at": night.begun_at.isoformat()}).encode()
    foreign = NewEvent(uuid4(), "WrittenByANewerVersion", data, b"")
    await night.store.append(PAYMENTS.stream(payment_id), [foreign], expected=NO_STREAM)
    await keep(night.store, "stripe", event_id, {}, night.begun_at)
    assert kinds(await night.about(payment_id, event_id)) == [Kind.NOTICE_UNMATCHED, Kind.STREAM_UNREADABLE]


async def _at_both_looks(night: Night, provider: str, call: str) -> None:
    for _ in range(2):
        script = {"provider": provider, "call": call, "fault": "error_before"}
        (await night.bank.post("/faults", json=script)).raise_for_status()


async def _view_deleted(night: Night, topic: Topic) -> None:
    await night.redis.delete(topic.view_key)


async def _view_older(night: Night, topic: Topic) -> None:
    await night.redis.hset(topic.view_key, "revision", 1)


async def _view_newer(night: Night, topic: Topic) -> None:
    await night.redis.hset(topic.view_key, "revision", 99)


async def _view_changed(night: Night, topic: Topic) -> None:
    view = json.loads(await night.redis.hget(topic.view_key, "view") or b"")
    await night.redis.hset(topic.view_key, "view", json.dumps({**view, "amount": 1}))


async def _view_broken(night: Night, topic: Topic) -> None:
    await night.redis.hset(topic.view_key, "view", "not JSON")


async def _unlisted(night: Night, topic: Topic) -> None:
    await night.redis.zrem(merchant_payments_key("acme"), topic.id)


async def _due_for_nothing(night: Night, topic: Topic) -> None:
    await night.redis.zadd(topic.due_key, {topic.id: 1.0})


HARM = {
    _view_deleted: Kind.VIEW_MISSING,
    _view_older: Kind.VIEW_BEHIND,
    _view_newer: Kind.VIEW_AHEAD,
    _view_changed: Kind.VIEW_DIFFERS,
    _view_broken: Kind.VIEW_DIFFERS,
    _unlisted: Kind.NOT_LISTED,
    _due_for_nothing: Kind.DUE_STALE,
}


async def test_harm_to_the_read_model_is_found_and_mended_by_replay(night: Night) -> None:
    harmed = {}
    for harm, kind in HARM.items():
        story = night.story("sandbox")
        await story.begin(CaptureMode.AUTOMATIC)
        await story.rest()
        harmed[story.payment_id] = harm, kind
    await night.projected()
    for payment_id, (harm, _) in harmed.items():
        await harm(night, Topic("payment", payment_id))
    found = {each.subject: each for each in await night.about(*harmed)}
    assert {payment_id: each.kind for payment_id, each in found.items()} == {
        payment_id: kind for payment_id, (_, kind) in harmed.items()
    }
    for payment_id, each in found.items():
        assert f"paygate replay {payment_id}" in each.remedy
        assert await night.rebuilding.rebuild(Topic("payment", payment_id))
    assert await night.about(*harmed) == []


async def test_a_payment_that_nobody_is_to_look_at_is_found_and_mended_by_replay(night: Night) -> None:
    payment_id, nobody = new_id(), new_id()
    await night.wrote(payment_id, begun(payment_id))
    topic = Topic("payment", payment_id)
    await night.redis.zrem(topic.due_key, payment_id)
    await _due_for_nothing(night, Topic("payment", nobody))
    assert kinds(await night.about(payment_id, nobody)) == [Kind.DUE_MISSING, Kind.DUE_STALE]
    assert await night.rebuilding.rebuild(topic)
    assert not await night.rebuilding.rebuild(Topic("payment", nobody))
    assert await night.about(payment_id, nobody) == []


async def test_orders_are_compared_too(night: Night) -> None:
    order_id = f"ord_{uuid4().hex}"
    item = OrderItem(sku="thing", quantity=1, unit_amount=100)
    placed = OrderPlaced(
        order_id=order_id,
        merchant_id="acme",
        idempotency_key=order_id,
        fingerprint="f",
        items=(item,),
        total=100,
        currency="EUR",
        at=datetime.now(UTC),
    )
    stream, topic = ORDERS.stream(order_id), Topic("order", order_id)
    await night.store.append(stream, encode(stream, NO_STREAM, [placed], new_cause(order_id)), expected=NO_STREAM)
    await night.projected()
    assert await night.about(order_id) == []
    await _view_deleted(night, topic)
    assert kinds(await night.about(order_id)) == [Kind.VIEW_MISSING]
    await night.rebuilding.rebuild(topic)
    assert await night.about(order_id) == []


async def test_lists_are_read_to_their_last_page(town: Town) -> None:
    form = {"amount": "100", "currency": "eur", "confirm": "true", "payment_method": "pm_card_visa"}
    headers = {"Authorization": "Bearer sk_test_paygate_sandbox_only"}
    async with falling(town, "stripe") as night:
        asked = (night.bank.post("/stripe/v1/payment_intents", data=form, headers=headers) for _ in range(101))
        made = await asyncio.gather(*asked)
        found = await night.about(*(each.raise_for_status().json()["id"] for each in made))
        assert kinds(found) == [Kind.CHARGE_WITHOUT_PAYMENT] * 101
