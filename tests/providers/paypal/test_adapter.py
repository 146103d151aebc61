"""PayPal's adapter against the running simulator."""

from dataclasses import replace

import httpx
import pytest

from app.domain.ids import provider_key
from app.domain.money import Money
from app.domain.payment.events import CaptureMode, Operation
from app.domain.reports import (
    ActionNeeded,
    Approved,
    Authorized,
    Captured,
    Declined,
    Expired,
    Missing,
    Pending,
    Refunded,
    Voided,
)
from app.providers.port import CaptureCall, RefundCall, VoidCall
from tests.providers.builders import new_payment
from tests.providers.paypal.paying import (
    PRICE,
    RETURN_URL,
    Shop,
    approved,
    authorization,
    begun,
    confirmation,
    held,
    manual,
    press,
    query,
    taken,
    terms,
)
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess


def movements(sandbox: SandboxProcess, payment_id: str) -> list[tuple[str, int, str]]:
    found = sandbox.ledger(payment_id)
    return [(movement["operation"], movement["amount"], movement["currency"]) for movement in found]


async def test_an_approved_order_is_captured(shop: Shop, sandbox: SandboxProcess) -> None:
    about = terms(new_payment())
    needed = await begun(shop, about)
    assert await shop.provider.look_up(query(about, Operation.AUTHORIZE, needed.reference)) == needed
    assert movements(sandbox, about.payment_id) == []

    back = await press(needed, "approve")
    assert back == f"{RETURN_URL}?token={needed.reference}&PayerID=SANDBOXPAYER1"
    asked = query(about, Operation.AUTHORIZE, needed.reference)
    assert await shop.provider.look_up(asked) == Approved(needed.reference)
    assert movements(sandbox, about.payment_id) == []

    report = await shop.provider.confirm(confirmation(about, needed.reference))
    assert isinstance(report, Captured)
    assert report.amount == PRICE
    assert await shop.provider.look_up(query(about, Operation.CONFIRM, needed.reference)) == report
    assert await shop.provider.look_up(asked) == report
    assert movements(sandbox, about.payment_id) == [("capture", 4200, "EUR")]


async def test_a_customer_who_cancels_may_come_back(shop: Shop, sandbox: SandboxProcess) -> None:
    about = terms(new_payment())
    needed = await begun(shop, about)
    assert await press(needed, "cancel") == f"{RETURN_URL}?token={needed.reference}"
    assert await shop.provider.look_up(query(about, Operation.AUTHORIZE, needed.reference)) == needed
    void = VoidCall(about, provider_key(about.payment_id, Operation.VOID), needed.reference, held=False)
    assert await shop.provider.void(void) == Voided(needed.reference)
    assert movements(sandbox, about.payment_id) == []


async def test_an_order_whose_time_is_over_has_expired(shop: Shop) -> None:
    about = terms(new_payment())
    needed = await begun(shop, about)
    await press(needed, "expire")
    assert await shop.provider.look_up(query(about, Operation.AUTHORIZE, needed.reference)) == Expired(needed.reference)
    assert await shop.provider.confirm(confirmation(about, needed.reference)) == Expired(needed.reference)


async def test_an_order_that_is_gone_has_expired(shop: Shop) -> None:
    about = terms(new_payment())
    asked = query(about, Operation.AUTHORIZE, "NOSUCHORDER000000")
    assert await shop.provider.look_up(asked) == Missing(conclusive=False)
    asked = query(about, Operation.AUTHORIZE, "NOSUCHORDER000000", conclusive=True)
    assert await shop.provider.look_up(asked) == Expired("NOSUCHORDER000000")
    assert await shop.provider.confirm(confirmation(about, "NOSUCHORDER000000")) == Expired("NOSUCHORDER000000")


async def test_a_refused_transaction_is_a_decline(shop: Shop, sandbox: SandboxProcess) -> None:
    about = terms(new_payment())
    order = await approved(shop, about, "decline")
    report = await shop.provider.confirm(confirmation(about, order))
    assert report == Declined("transaction_refused", "The request was refused.", retryable=True, reference=order)
    assert movements(sandbox, about.payment_id) == []


@pytest.mark.parametrize("capture", CaptureMode)
async def test_a_declined_card_sends_the_customer_back_to_choose_another(
    shop: Shop, sandbox: SandboxProcess, capture: CaptureMode
) -> None:
    about = terms(new_payment(), capture)
    order = await approved(shop, about, "card")
    again = await shop.provider.confirm(confirmation(about, order))
    assert isinstance(again, ActionNeeded)
    assert again.reference == order
    assert await shop.provider.look_up(query(about, Operation.AUTHORIZE, order)) == again

    await press(again, "approve")
    report = await shop.provider.confirm(confirmation(about, order, "2"))
    assert isinstance(report, Captured if capture is CaptureMode.AUTOMATIC else Authorized)
    assert len(sandbox.ledger(about.payment_id)) == 1


async def test_an_order_that_is_not_approved_sends_the_customer_to_its_page(shop: Shop) -> None:
    about = terms(new_payment())
    needed = await begun(shop, about)
    assert await shop.provider.confirm(confirmation(about, needed.reference)) == needed


@pytest.mark.parametrize(("decision", "outcome"), [("approve", Captured), ("decline", Declined)])
async def test_a_bank_cheque_is_pending_until_it_is_decided(
    shop: Shop, sandbox: SandboxProcess, decision: str, outcome: type
) -> None:
    about = terms(new_payment())
    order = await approved(shop, about, "cheque")
    assert await shop.provider.confirm(confirmation(about, order)) == Pending()
    assert await shop.provider.look_up(query(about, Operation.CONFIRM, order)) == Pending()
    assert movements(sandbox, about.payment_id) == []

    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as bank:
        await bank.post(f"{sandbox.url}/paypal/review/{order}", data={"decision": decision})
    assert isinstance(await shop.provider.look_up(query(about, Operation.CONFIRM, order)), outcome)
    assert len(sandbox.ledger(about.payment_id)) == (decision == "approve")


@pytest.mark.parametrize("part", [4200, 1000])
async def test_held_money_is_captured_whole_or_in_part(shop: Shop, sandbox: SandboxProcess, part: int) -> None:
    about, money = manual(new_payment()), Money(part, "EUR")
    hold = await held(shop, about)
    asked = query(about, Operation.CAPTURE, hold, conclusive=True)
    assert await shop.provider.look_up(asked) == Missing(conclusive=True)
    call = CaptureCall(about, provider_key(about.payment_id, Operation.CAPTURE), hold, money)
    report = await shop.provider.capture(call)
    assert isinstance(report, Captured)
    assert report.amount == money
    assert await shop.provider.look_up(asked) == report
    assert await shop.provider.capture(call) == report
    assert movements(sandbox, about.payment_id) == [("authorize", 4200, "EUR"), ("capture", part, "EUR")]


async def test_what_was_done_before_is_no_failure(shop: Shop, sandbox: SandboxProcess) -> None:
    """A call with a key that PayPal has forgotten finds the deed done, and says what was done."""
    about = terms(new_payment())
    order, capture = await taken(shop, about)
    assert await shop.provider.confirm(confirmation(about, order, "forgotten")) == Captured(capture, PRICE)

    about = manual(new_payment())
    hold = await held(shop, about)
    first = await shop.provider.capture(CaptureCall(about, f"{about.payment_id}.capture.1", hold, PRICE))
    again = await shop.provider.capture(CaptureCall(about, f"{about.payment_id}.capture.other", hold, PRICE))
    assert again == first
    assert isinstance(again, Captured)
    late = await shop.provider.void(VoidCall(about, f"{about.payment_id}.void.1", hold, held=True))
    assert late == first
    assert len([each for each in sandbox.ledger(about.payment_id) if each["operation"] == "capture"]) == 1


async def test_held_money_is_released(shop: Shop, sandbox: SandboxProcess) -> None:
    about = manual(new_payment())
    hold = await held(shop, about)
    asked = query(about, Operation.VOID, hold)
    assert await shop.provider.look_up(asked) == Missing(conclusive=False)
    assert await shop.provider.void(VoidCall(about, asked.key, hold, held=True)) == Voided(hold)
    assert await shop.provider.void(VoidCall(about, f"{asked.key}.other", hold, held=True)) == Voided(hold)
    assert await shop.provider.look_up(asked) == Voided(hold)
    assert movements(sandbox, about.payment_id) == [("authorize", 4200, "EUR"), ("void", 4200, "EUR")]


async def test_money_is_given_back_in_parts_and_then_no_more(shop: Shop, sandbox: SandboxProcess) -> None:
    about = terms(new_payment())
    _, capture = await taken(shop, about)
    for number, amount in (("1", 1000), ("2", 3200)):
        key = provider_key(about.payment_id, Operation.REFUND, f"ref_{number}")
        asked = replace(query(about, Operation.REFUND, capture, conclusive=True), key=key)
        assert await shop.provider.look_up(asked) == Missing(conclusive=True)
        report = await shop.provider.refund(RefundCall(about, key, capture, Money(amount, "EUR"), PRICE))
        assert isinstance(report, Refunded)
        assert report.amount == Money(amount, "EUR")
        assert await shop.provider.look_up(asked) == report
    key = provider_key(about.payment_id, Operation.REFUND, "ref_3")
    report = await shop.provider.refund(RefundCall(about, key, capture, Money(1, "EUR"), PRICE))
    assert report == Declined("capture_fully_refunded", "Nothing is left.")
    assert [amount for operation, amount, _ in movements(sandbox, about.payment_id)] == [4200, 1000, 3200]


@pytest.mark.parametrize("money", [Money(4200, "JPY"), Money(420000, "HUF"), Money(1, "USD")])
async def test_every_currency_is_paid_in_its_own_units(shop: Shop, sandbox: SandboxProcess, money: Money) -> None:
    about = terms(new_payment(), money=money)
    order = await approved(shop, about)
    report = await shop.provider.confirm(confirmation(about, order))
    assert isinstance(report, Captured)
    assert report.amount == money
    assert movements(sandbox, about.payment_id) == [("capture", money.amount, money.currency)]


@pytest.mark.parametrize("money", [Money(200000, "VND"), Money(4250, "HUF"), Money(4250, "TWD")])
async def test_what_paypal_does_not_take_is_refused_without_a_call(shop: Shop, money: Money) -> None:
    report = await shop.provider.authorize(authorization(terms(new_payment(), money=money)))
    assert isinstance(report, Declined)
    assert report.code == "amount_not_offered"


async def test_an_expired_token_is_renewed(shop: Shop, sandbox: SandboxProcess) -> None:
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as clock:
        await clock.delete(f"{sandbox.url}/paypal/tokens")
    assert isinstance(await shop.provider.authorize(authorization(terms(new_payment()))), ActionNeeded)
