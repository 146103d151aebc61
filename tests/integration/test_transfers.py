"""Bank transfers that name no payment: kept, found in the bank's list, given to a payment by people, counted once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.domain.money import Money
from app.domain.payment.events import CaptureMode, MoneyToReturn, PaymentInitiated, QrMethod, TransferReceived
from app.domain.payment.model import AwaitingCustomer, Captured, NotInitiated, PaymentStatus, status_of
from app.eventstore.port import EventStore
from app.eventstore.transact import PAYMENTS, load
from app.providers.vietqr.movements import Movement, evidence_of, vietnam_time
from app.reconciling.model import Kind
from app.reconciling.reporting import day_of
from app.webhooks.assigning import Assigning, NotAssigned, Progress
from app.webhooks.unmatched import TransferAssigned, assign, keep
from tests.integration.night import Night, Town, falling
from tests.integration.payments import new_id, write
from tests.integration.test_every_call import Story
from tests.integration.test_processor import Fuse, FusedStore

PRICE = Money(200_000, "VND")
CLERK = "Lan"


@pytest.fixture
async def night(town: Town) -> AsyncIterator[Night]:
    async with falling(town, "vietqr") as fallen:
        yield fallen


async def waiting(night: Night, **changes: Any) -> Story:
    """A payment whose QR code is shown."""
    story = night.story("vietqr")
    at = night.begun_at - timedelta(minutes=1)
    terms = PaymentInitiated(
        **{
            "payment_id": story.payment_id,
            "merchant_id": "acme",
            "idempotency_key": story.payment_id,
            "fingerprint": "f",
            "amount": PRICE.amount,
            "currency": PRICE.currency,
            "method": QrMethod(provider="vietqr"),
            "at": at,
            **changes,
        }
    )
    await write(night.store, story.payment_id, [terms])
    await night.reconciliation.ask([story.payment_id])
    return story


async def told(night: Night, amount: int = PRICE.amount, reader: str = "sepay", bank_reference: str = "") -> str:
    """A transfer without a code that a feed has told of; its reference."""
    name = bank_reference or f"FT{uuid4().hex[:12].upper()}"
    arrived = Movement("0011", name, amount, vietnam_time(night.begun_at.isoformat()), "tien hang thang 11")
    await keep(night.store, reader, arrived.reference, evidence_of(arrived), night.begun_at, arrived.report.amount)
    return arrived.reference


async def taken(night: Night, payment_id: str) -> list[int]:
    events = (await load(night.store, PAYMENTS, payment_id)).events
    return [event.amount for event in events if isinstance(event, TransferReceived)]


async def status(night: Night, payment_id: str) -> PaymentStatus:
    state = (await load(night.store, PAYMENTS, payment_id)).state
    assert not isinstance(state, NotInitiated)
    return status_of(state)


async def test_a_transfer_without_a_code_is_listed_reported_assigned_and_counted_once(night: Night) -> None:
    story, reference = await waiting(night), await told(night)
    await night.projected()
    (found,) = await night.about(reference)
    assert found.kind is Kind.TRANSFER_UNASSIGNED
    assert f"paygate transfers assign {reference}" in found.remedy

    for _ in range(2):
        assigned = await night.assigning.assign(reference, story.payment_id, CLERK)
        assert (assigned.progress, assigned.payment_id) == (Progress.ASSIGNED, story.payment_id)
    assert await taken(night, story.payment_id) == [PRICE.amount]
    assert await status(night, story.payment_id) is PaymentStatus.SUCCEEDED
    assert assigned.unmatched.assigned is not None
    assert assigned.unmatched.assigned.by == CLERK
    await night.projected()
    assert await night.about(reference, story.payment_id) == []


async def test_the_rules_for_too_little_too_much_and_too_late_are_those_of_any_transfer(night: Night) -> None:
    story = await waiting(night)
    await night.assigning.assign(await told(night, 150_000), story.payment_id, CLERK)
    assert await status(night, story.payment_id) is PaymentStatus.REQUIRES_ACTION
    await night.assigning.assign(await told(night, 60_000), story.payment_id, CLERK)
    await night.assigning.assign(await told(night, 5_000), story.payment_id, CLERK)
    late = await waiting(night, expires_at=night.begun_at - timedelta(seconds=30))
    assert await status(night, late.payment_id) is PaymentStatus.EXPIRED
    await night.assigning.assign(await told(night), late.payment_id, CLERK)
    assert await status(night, late.payment_id) is PaymentStatus.SUCCEEDED
    events = (await load(night.store, PAYMENTS, story.payment_id)).events
    back = [(event.reason, event.amount) for event in events if isinstance(event, MoneyToReturn)]
    assert back == [("SURPLUS", 10_000), ("DUPLICATE", 5_000)]


async def test_what_cannot_be_is_refused_and_changes_nothing(night: Night) -> None:
    story, reference = await waiting(night), await told(night)
    card, dollars, early = new_id(), new_id(), new_id()
    begun = (await load(night.store, PAYMENTS, story.payment_id)).events[0]
    assert isinstance(begun, PaymentInitiated)
    await write(night.store, dollars, [begun.model_copy(update={"payment_id": dollars, "currency": "USD"})])
    await write(night.store, early, [begun.model_copy(update={"payment_id": early})])
    by_card = night.story("sandbox")
    by_card.payment_id = card
    await by_card.begin(CaptureMode.AUTOMATIC)
    refusals = {
        ("FT0", story.payment_id): "no transfer 'FT0'",
        (reference, "pay_nobody"): "no payment 'pay_nobody'",
        (reference, "$ce-payment"): "no payment",
        (reference, card): "not by QR code or bank transfer",
        (reference, dollars): "the transfer is in VND",
        (reference, early): "takes no transfer",
    }
    for (transfer, payment_id), words in refusals.items():
        with pytest.raises(NotAssigned, match=words.replace("$", r"\$")):
            await night.assigning.assign(transfer, payment_id, CLERK)
    with pytest.raises(NotAssigned, match="--by"):
        await night.assigning.assign(reference, story.payment_id, " ")
    assert await taken(night, story.payment_id) == []

    await night.assigning.assign(reference, story.payment_id, CLERK)
    other = await waiting(night)
    with pytest.raises(NotAssigned, match=f"is assigned to {story.payment_id}"):
        await night.assigning.assign(reference, other.payment_id, CLERK)
    assert await taken(night, other.payment_id) == []


async def test_of_two_who_assign_it_at_once_to_two_payments_one_is_refused(night: Night) -> None:
    stories, reference = [await waiting(night), await waiting(night)], await told(night)
    outcomes = await asyncio.gather(
        *(night.assigning.assign(reference, story.payment_id, CLERK) for story in stories), return_exceptions=True
    )
    assert sorted(isinstance(outcome, NotAssigned) for outcome in outcomes) == [False, True]
    assert [await taken(night, story.payment_id) for story in stories].count([PRICE.amount]) == 1


async def test_a_transfer_that_two_feeds_told_of_is_one_and_counts_for_one_payment(night: Night) -> None:
    bank_reference = f"FT{uuid4().hex[:12].upper()}"
    references = {await told(night, reader=reader, bank_reference=bank_reference) for reader in ("sepay", "casso")}
    assert len(references) == 1
    listed = [each for each in await night.assigning.transfers() if each.reference in references]
    assert [each.unmatched.notice.reader for each in listed] == ["sepay"]
    # By the bank's own reference too.
    story = await waiting(night)
    await night.assigning.assign(bank_reference, story.payment_id, CLERK)
    assert await taken(night, story.payment_id) == [PRICE.amount]


async def test_a_transfer_that_counts_for_a_payment_by_another_feed_is_given_to_no_other(night: Night) -> None:
    paid, other, reference = await waiting(night), await waiting(night), await told(night)
    await write(
        night.store,
        paid.payment_id,
        [TransferReceived(reference=reference, amount=PRICE.amount, at=night.begun_at)],
        after=(await load(night.store, PAYMENTS, paid.payment_id)).revision,
    )
    with pytest.raises(NotAssigned, match=f"counts for {paid.payment_id} already"):
        await night.assigning.assign(reference, other.payment_id, CLERK)


async def test_wherever_the_assignment_stops_the_next_one_finishes_it(night: Night) -> None:
    for blows_at in range(20):
        story, reference = await waiting(night), await told(night)
        fuse = Fuse(blows_at, "after")
        store: EventStore = _Fused(night.store, fuse)
        assigning = Assigning(store, lambda: datetime.now(UTC))
        try:
            await assigning.assign(reference, story.payment_id, CLERK)
        except asyncio.CancelledError:
            await night.assigning.assign(reference, story.payment_id, "Minh")
        assert await taken(night, story.payment_id) == [PRICE.amount]
        if fuse.passed <= blows_at:
            return
    pytest.fail("the assignment has no end")


async def test_a_transfer_that_was_assigned_and_never_arrived_is_reported_and_finished(night: Night) -> None:
    story, reference = await waiting(night), await told(night)
    (kept,) = [each.unmatched for each in await night.assigning.transfers() if each.reference == reference]
    await assign(night.store, kept, TransferAssigned(payment_id=story.payment_id, by=CLERK, at=night.begun_at))
    (found,) = await night.about(reference)
    assert found.kind is Kind.TRANSFER_HALF_ASSIGNED
    assert f"assign {reference} {story.payment_id} --by {CLERK}" in found.remedy
    await night.assigning.assign(reference, story.payment_id, CLERK)
    assert await night.about(reference) == []


async def test_a_transfer_that_only_the_bank_lists_is_found_kept_and_assigned(night: Night) -> None:
    story = await waiting(night)
    state = (await load(night.store, PAYMENTS, story.payment_id)).state
    assert isinstance(state, AwaitingCustomer)
    payload = getattr(state.action, "payload", "")
    paid = {"payload": payload, "text": "no code at all", "feed": "none"}
    answer = await night.bank.post("/vietqr/bank", data=paid)
    bank_reference = answer.headers["location"].rpartition("/")[2]
    found = [each for report in await night.reports() for each in report.differences if bank_reference in each.subject]
    assert [each.kind for each in found] == [Kind.CHARGE_WITHOUT_PAYMENT]
    assert "paygate transfers find" in found[0].remedy

    days = {night.begun_at.date(), datetime.now(UTC).date()}
    assert sum([await night.assigning.find(night.providers, day_of(day)) for day in days]) == 1
    assert sum([await night.assigning.find(night.providers, day_of(day)) for day in days]) == 0
    assert [each.kind for each in await night.about(found[0].subject)] == [Kind.TRANSFER_UNASSIGNED]
    await night.assigning.assign(bank_reference, story.payment_id, CLERK)
    await night.projected()
    assert await night.about(found[0].subject, story.payment_id) == []


async def test_a_transfer_of_which_no_notice_came_is_taken_in_by_asking(night: Night) -> None:
    story = await waiting(night)
    state = (await load(night.store, PAYMENTS, story.payment_id)).state
    paid = {"payload": getattr(getattr(state, "action", None), "payload", ""), "feed": "none"}
    assert (await night.bank.post("/vietqr/bank", data=paid)).status_code == 303
    await night.projected()
    (found,) = await night.about(story.payment_id)
    assert found.kind is Kind.CHARGE_NOT_RECORDED
    assert f"paygate reconcile --payment {story.payment_id}" in found.remedy
    story.now = datetime.now(UTC) + timedelta(minutes=1)
    assert isinstance(await story.rest(), Captured)
    await night.projected()
    assert await night.about(story.payment_id) == []


class _Fused(FusedStore):
    """What `FusedStore` has, and what else assigning asks of a store."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)
