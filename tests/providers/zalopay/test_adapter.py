"""ZaloPay's adapter against its simulator, and what it sends byte for byte."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import Operation
from app.domain.reports import (
    ActionNeeded,
    Captured,
    Declined,
    Expired,
    Missing,
    Pending,
    Refunded,
    Unknown,
    Voided,
)
from app.laptop.sandbox.zalopay.wire import KEY1
from app.providers.port import PaymentProvider
from app.providers.zalopay.names import payment_named, refund_name, transaction_name
from app.providers.zalopay.signature import joined, sign
from app.providers.zalopay.translate import SESSION_LOST
from app.settings import SettingsError
from tests.providers.builders import RETURN_URL
from tests.providers.wallet import (
    PART,
    PRICE,
    Sent,
    ask,
    begin,
    begun,
    dong,
    give_back,
    movements,
    new_wallet_payment,
    press,
    recorder,
    refund_key,
    release,
    take,
    wallet,
    will_fail,
)
from tests.support.sandbox_process import SandboxProcess

SHORT_SECONDS = 0.4
PAYMENT = PaymentId("pay_" + "a" * 32)
EVENING = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
"""In Vietnam, the next day has begun."""
FAULTS = ("timeout_before", "timeout_after", "error_after", "reset", "truncated")


@pytest.fixture
async def zalopay(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PaymentProvider]:
    async with wallet("zalopay", sandbox.url, monkeypatch) as provider:
        yield provider


async def paid(zalopay: PaymentProvider, payment_id: PaymentId) -> str:
    await press("approve", await zalopay.authorize(begin(payment_id)))
    report = await zalopay.look_up(ask(payment_id))
    assert isinstance(report, Captured)
    return report.reference


async def test_the_customer_pays_and_gets_it_back_in_parts(zalopay: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_wallet_payment()
    needed = await zalopay.authorize(begin(payment_id))
    assert isinstance(needed, ActionNeeded)
    still = await zalopay.look_up(ask(payment_id, reference=needed.reference))
    assert still == ActionNeeded(needed.reference, None)

    location = await press("approve", needed)
    report = await zalopay.look_up(ask(payment_id, reference=needed.reference))
    assert isinstance(report, Captured)
    assert report.amount == PRICE
    assert location.startswith(f"{RETURN_URL}?appid=2000&apptransid=")
    part = await zalopay.refund(give_back(payment_id, report.reference, PART))
    assert isinstance(part, Refunded)
    rest = await zalopay.refund(give_back(payment_id, report.reference, dong(150_000), "2"))
    assert isinstance(rest, Refunded)
    more = await zalopay.refund(give_back(payment_id, report.reference, dong(1), "3"))

    assert (part.amount, rest.amount) == (PART, dong(150_000))
    assert part.reference != rest.reference
    assert isinstance(more, Declined)
    assert await zalopay.look_up(ask(payment_id, Operation.REFUND, refund=PART)) == part
    assert movements(sandbox, payment_id) == [("capture", 200_000), ("refund", 50_000), ("refund", 150_000)]


@pytest.mark.parametrize(("button", "expected"), [("decline", Declined), ("cancel", Declined), ("expire", Expired)])
async def test_the_customer_does_not_pay(
    zalopay: PaymentProvider, sandbox: SandboxProcess, button: str, expected: type
) -> None:
    payment_id = new_wallet_payment()
    needed = await zalopay.authorize(begin(payment_id))
    await press(button, needed)
    await press("approve", needed)  # too late
    assert isinstance(await zalopay.look_up(ask(payment_id, reference="known")), expected)
    assert movements(sandbox, payment_id) == []


async def test_an_order_is_given_up_without_a_call_and_paid_all_the_same(zalopay: PaymentProvider) -> None:
    payment_id = new_wallet_payment()
    needed = await zalopay.authorize(begin(payment_id))
    assert isinstance(needed, ActionNeeded)
    given_up = Voided(needed.reference)
    assert await zalopay.void(release(payment_id, needed.reference, held=False)) == given_up
    question = ask(payment_id, Operation.VOID, reference=needed.reference)
    assert await zalopay.look_up(question) == given_up
    await press("approve", needed)
    assert isinstance(await zalopay.look_up(question), Captured)


async def test_nothing_is_ever_held(zalopay: PaymentProvider) -> None:
    assert not zalopay.capabilities.manual_capture
    assert isinstance(await zalopay.capture(take(PAYMENT, "7")), Unknown)


@pytest.mark.parametrize("operation", [Operation.AUTHORIZE, Operation.REFUND])
@pytest.mark.parametrize("conclusive", [True, False])
async def test_what_was_never_asked_for_is_missing(
    zalopay: PaymentProvider, operation: Operation, conclusive: bool
) -> None:
    assert await zalopay.look_up(ask(new_wallet_payment(), operation, conclusive=conclusive)) == Missing(conclusive)


async def test_another_currency_is_declined_without_a_call(zalopay: PaymentProvider) -> None:
    report = await zalopay.authorize(begin(PAYMENT, money=Money(4200, "EUR")))
    assert isinstance(report, Declined)
    assert report.code == "method_not_supported"


async def test_an_order_begun_on_another_day_is_declined(zalopay: PaymentProvider) -> None:
    report = await zalopay.authorize(begin(new_wallet_payment(), initiated_at=EVENING))
    assert isinstance(report, Declined)
    assert report.code == "request_malformed"


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_order_whose_answer_was_lost_cannot_be_paid_and_says_so(
    zalopay: PaymentProvider, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    payment_id = new_wallet_payment()
    await will_fail(sandbox, "zalopay", "create", fault)
    async with wallet("zalopay", sandbox.url, monkeypatch, SHORT_SECONDS) as hasty:
        assert isinstance(await hasty.authorize(begin(payment_id)), Unknown)

    early = await zalopay.look_up(ask(payment_id))
    late = await zalopay.look_up(ask(payment_id, conclusive=True))
    repeated = await zalopay.authorize(begin(payment_id))

    if fault == "timeout_before":
        assert (early, late) == (Missing(conclusive=False), Missing(conclusive=True))
        await press("approve", repeated)
        assert movements(sandbox, payment_id) == [("capture", 200_000)]
    else:
        assert (early, late, repeated) == (Pending(), SESSION_LOST, Pending())
        assert movements(sandbox, payment_id) == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_refund_whose_answer_was_lost_is_looked_up_and_made_once(
    zalopay: PaymentProvider, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    payment_id = new_wallet_payment()
    call = give_back(payment_id, await paid(zalopay, payment_id), PART)
    await will_fail(sandbox, "zalopay", "refund", fault)
    async with wallet("zalopay", sandbox.url, monkeypatch, SHORT_SECONDS) as hasty:
        assert isinstance(await hasty.refund(call), Unknown)

    question = ask(payment_id, Operation.REFUND, refund=PART)
    found = await zalopay.look_up(question)
    repeated = await zalopay.refund(call)

    done = await zalopay.look_up(question)
    assert isinstance(done, Refunded)
    assert done.amount == PART
    if fault == "timeout_before":
        assert (found, repeated) == (Missing(conclusive=False), done)
    else:
        assert (found, repeated) == (done, Pending())
    assert movements(sandbox, payment_id) == [("capture", 200_000), ("refund", 50_000)]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("call", "operation"), [("query", Operation.AUTHORIZE), ("query_refund", Operation.REFUND)])
async def test_a_question_without_an_answer_is_unknown(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, call: str, operation: Operation, fault: str
) -> None:
    await will_fail(sandbox, "zalopay", call, fault)
    async with wallet("zalopay", sandbox.url, monkeypatch, SHORT_SECONDS) as hasty:
        assert isinstance(await hasty.look_up(ask(new_wallet_payment(), operation)), Unknown)


async def test_a_refund_of_what_has_no_transaction_is_declined_without_a_call(zalopay: PaymentProvider) -> None:
    report = await zalopay.refund(give_back(PAYMENT, "not a number"))
    assert isinstance(report, Declined)
    assert report.code == "transaction_unknown"


def mac(*fields: object) -> str:
    return sign(KEY1, joined(*fields))


async def test_an_order_is_a_function_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Sent] = []
    call = begin(PAYMENT, initiated_at=EVENING, description="Đơn\n hàng")
    async with recorder(sent, {"return_code": 3}) as url, wallet("zalopay", url, monkeypatch) as provider:
        await provider.authorize(call)
        await provider.authorize(call)
    first, second = sent
    assert first == second
    assert (first.line, first.media_type) == ("POST /zalopay/v2/create HTTP/1.1", "application/json")
    embedded = json.dumps({"redirecturl": RETURN_URL}, separators=(",", ":"))
    begun, transaction = int(EVENING.timestamp()) * 1000, "261121_" + "a" * 32
    assert first.body == {
        "app_id": 2000,
        "app_user": "paygate",
        "app_trans_id": transaction,
        "app_time": begun,
        "expire_duration_seconds": 900,
        "amount": 200_000,
        "item": "[]",
        "embed_data": embedded,
        "description": "Đơn hàng",
        "bank_code": "",
        "callback_url": "http://127.0.0.1:1/webhooks/zalopay",
        "mac": mac(2000, transaction, "paygate", 200_000, begun, embedded, "[]"),
    }


@pytest.mark.parametrize(("open_for", "seconds"), [(60, 300), (300, 300), (3600, 3600), (31 * 86_400, 2_592_000)])
async def test_an_order_is_open_as_long_as_the_payment_within_what_zalopay_takes(
    monkeypatch: pytest.MonkeyPatch, open_for: int, seconds: int
) -> None:
    sent: list[Sent] = []
    async with recorder(sent, {"return_code": 3}) as url, wallet("zalopay", url, monkeypatch) as provider:
        await provider.authorize(begin(PAYMENT, expires_at=begun(PAYMENT) + timedelta(seconds=open_for)))
    assert sent[0].body["expire_duration_seconds"] == seconds


async def test_questions_and_refunds_name_what_they_are_about(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Sent] = []
    changes: dict[str, Any] = {"initiated_at": EVENING}
    transaction, name = "261121_" + "a" * 32, refund_name(2000, refund_key(PAYMENT), EVENING)
    async with recorder(sent, {"return_code": 3}) as url, wallet("zalopay", url, monkeypatch) as provider:
        await provider.look_up(ask(PAYMENT, reference=transaction, **changes))
        assert await provider.refund(give_back(PAYMENT, "7", PART, **changes)) == Pending()
        assert await provider.look_up(ask(PAYMENT, Operation.REFUND, refund=PART, **changes)) == Pending()
        unnamed = replace(ask(PAYMENT, Operation.REFUND, **changes), refund=None)
        assert isinstance(await provider.look_up(unnamed), Unknown)
    query, refund, query_refund = sent
    paths = [request.line.split()[1] for request in sent]
    assert paths == ["/zalopay/v2/query", "/zalopay/v2/refund", "/zalopay/v2/query_refund"]
    assert query.body == {"app_id": 2000, "app_trans_id": transaction, "mac": mac(2000, transaction, KEY1)}
    at, again = refund.body["timestamp"], query_refund.body["timestamp"]
    assert all(abs(time / 1000 - datetime.now(UTC).timestamp()) < 300 for time in (at, again))
    description = f"Refund {PAYMENT}"
    assert refund.body == {
        "app_id": 2000,
        "m_refund_id": name,
        "zp_trans_id": 7,
        "amount": 50_000,
        "timestamp": at,
        "description": description,
        "mac": mac(2000, 7, 50_000, description, at),
    }
    expected = {"app_id": 2000, "m_refund_id": name, "timestamp": again, "mac": mac(2000, name, again)}
    assert query_refund.body == expected


def test_names_fit_and_lead_back_to_the_payment() -> None:
    transaction = transaction_name(PAYMENT, EVENING)
    assert len(transaction) <= 40
    assert payment_named(transaction) == PAYMENT
    names = {refund_name(999_999_999, refund_key(PAYMENT, number), EVENING) for number in "12"}
    assert len(names) == 2
    assert all(len(name) <= 45 and name.startswith("261121_999999999_") for name in names)


async def test_a_missing_credential_stops_the_start_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.providers.wallet.environment", lambda _: {})
    with pytest.raises(SettingsError, match="PAYGATE_ZALOPAY_KEY2"):
        async with wallet("zalopay", "http://127.0.0.1:1", monkeypatch):
            pass
