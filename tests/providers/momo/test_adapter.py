"""MoMo's adapter against its simulator, and what it sends byte for byte."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import CaptureMode, Operation
from app.domain.reports import (
    ActionNeeded,
    Authorized,
    Captured,
    Declined,
    Expired,
    Missing,
    Pending,
    ProviderReport,
    Refunded,
    Unknown,
    Voided,
)
from app.providers.momo.requests import request_id
from app.providers.momo.translate import SESSION_LOST
from app.providers.port import PaymentProvider
from app.settings import SettingsError
from tests.providers.builders import RETURN_URL
from tests.providers.momo.test_notices import READER, signed
from tests.providers.rogue_server import answers_json, in_turn, rogue_server
from tests.providers.wallet import (
    PART,
    PRICE,
    Sent,
    ask,
    begin,
    dong,
    give_back,
    movements,
    new_wallet_payment,
    press,
    raw_notice,
    recorder,
    refund_key,
    release,
    take,
    wallet,
    will_fail,
)
from tests.support.sandbox_process import SandboxProcess

MANUAL: dict[str, Any] = {"capture": CaptureMode.MANUAL}
SHORT_SECONDS = 0.4
PAYMENT = PaymentId("pay_" + "a" * 32)


@pytest.fixture
async def momo(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PaymentProvider]:
    async with wallet("momo", sandbox.url, monkeypatch) as provider:
        yield provider


async def paid(momo: PaymentProvider, payment_id: PaymentId) -> str:
    needed = await momo.authorize(begin(payment_id))
    await press("approve", needed)
    report = await momo.look_up(ask(payment_id, reference=payment_id))
    assert isinstance(report, Captured)
    return report.reference


async def held(momo: PaymentProvider, payment_id: PaymentId) -> str:
    needed = await momo.authorize(begin(payment_id, **MANUAL))
    await press("approve", needed)
    report = await momo.look_up(ask(payment_id, reference=payment_id, **MANUAL))
    assert isinstance(report, Authorized)
    return report.reference


async def test_the_customer_pays_and_gets_it_back_in_parts(momo: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_wallet_payment()
    needed = await momo.authorize(begin(payment_id))
    assert isinstance(needed, ActionNeeded)
    assert await momo.look_up(ask(payment_id, reference=payment_id)) == ActionNeeded(payment_id, None)

    location = await press("approve", needed)
    report = await momo.look_up(ask(payment_id, reference=payment_id))
    assert isinstance(report, Captured)
    assert report.amount == PRICE
    assert location.startswith(f"{RETURN_URL}?partnerCode=")
    part = await momo.refund(give_back(payment_id, report.reference, PART))
    assert isinstance(part, Refunded)
    rest = await momo.refund(give_back(payment_id, report.reference, dong(150_000), "2"))
    assert isinstance(rest, Refunded)
    more = await momo.refund(give_back(payment_id, report.reference, dong(1_000), "3"))

    assert (part.amount, rest.amount) == (PART, dong(150_000))
    assert part.reference != rest.reference
    assert isinstance(more, Declined)
    assert more.code == "refund_not_eligible"
    assert await momo.look_up(ask(payment_id, Operation.REFUND)) == part
    assert movements(sandbox, payment_id) == [("capture", 200_000), ("refund", 50_000), ("refund", 150_000)]


@pytest.mark.parametrize(
    ("button", "expected"), [("decline", "issuer_declined"), ("cancel", Voided), ("expire", Expired)]
)
async def test_the_customer_does_not_pay(
    momo: PaymentProvider, sandbox: SandboxProcess, button: str, expected: object
) -> None:
    payment_id = new_wallet_payment()
    await press(button, await momo.authorize(begin(payment_id)))
    report = await momo.look_up(ask(payment_id, reference=payment_id))
    assert (report.code if isinstance(report, Declined) else type(report)) == expected
    assert movements(sandbox, payment_id) == []


async def test_what_is_held_is_taken(momo: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_wallet_payment()
    reference = await held(momo, payment_id)
    partly = await momo.capture(take(payment_id, reference, PART, **MANUAL))
    assert isinstance(partly, Declined)
    assert partly.code == "partial_capture_not_supported"

    captured = await momo.capture(take(payment_id, reference, **MANUAL))

    assert captured == Captured(reference, PRICE)
    assert await momo.void(release(payment_id, reference, held=True, **MANUAL)) == captured
    assert movements(sandbox, payment_id) == [("authorize", 200_000), ("capture", 200_000)]


async def test_what_is_held_is_released(momo: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_wallet_payment()
    reference = await held(momo, payment_id)
    assert await momo.void(release(payment_id, reference, held=True, **MANUAL)) == Voided(payment_id)
    assert await momo.capture(take(payment_id, reference, **MANUAL)) == Voided(payment_id)
    assert movements(sandbox, payment_id) == [("authorize", 200_000), ("void", 200_000)]


async def test_a_session_is_given_up_without_a_call(momo: PaymentProvider) -> None:
    nobody_knows = new_wallet_payment()
    assert await momo.void(release(nobody_knows, nobody_knows, held=False)) == Voided(nobody_knows)


@pytest.mark.parametrize("operation", [each for each in Operation if each is not Operation.CONFIRM])
@pytest.mark.parametrize("conclusive", [True, False])
async def test_what_was_never_asked_for_is_missing(
    momo: PaymentProvider, operation: Operation, conclusive: bool
) -> None:
    assert await momo.look_up(ask(new_wallet_payment(), operation, conclusive=conclusive)) == Missing(conclusive)


@pytest.mark.parametrize("money", [dong(999), dong(50_000_001), Money(4200, "EUR")])
async def test_an_amount_momo_does_not_take_is_declined(momo: PaymentProvider, money: Money) -> None:
    report = await momo.authorize(begin(new_wallet_payment(), money=money))
    assert isinstance(report, Declined)
    assert report.code in {"amount_out_of_range", "method_not_supported"}


FAULTS = ("timeout_before", "timeout_after", "error_after", "reset", "truncated")


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_session_whose_answer_was_lost_is_found_with_its_page(
    momo: PaymentProvider, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    payment_id = new_wallet_payment()
    await will_fail(sandbox, "momo", "create", fault)
    async with wallet("momo", sandbox.url, monkeypatch, SHORT_SECONDS) as hasty:
        assert isinstance(await hasty.authorize(begin(payment_id)), Unknown)

    found = await momo.look_up(ask(payment_id))

    repeated = await momo.authorize(begin(payment_id))
    if fault == "timeout_before":
        assert found == Missing(conclusive=False)
    else:
        assert found == repeated
    await press("approve", repeated)
    assert movements(sandbox, payment_id) == [("capture", 200_000)]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", ["capture", "void", "refund"])
async def test_a_call_whose_answer_was_lost_is_looked_up_and_moves_money_once(
    momo: PaymentProvider, sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, call: str, fault: str
) -> None:
    payment_id, operation = new_wallet_payment(), Operation[call.upper()]
    reference = await (paid if call == "refund" else held)(momo, payment_id)

    async def make(provider: PaymentProvider) -> ProviderReport:
        if call == "refund":
            return await provider.refund(give_back(payment_id, reference))
        if call == "capture":
            return await provider.capture(take(payment_id, reference, **MANUAL))
        return await provider.void(release(payment_id, reference, held=True, **MANUAL))

    await will_fail(sandbox, "momo", "refund" if call == "refund" else "confirm", fault)
    async with wallet("momo", sandbox.url, monkeypatch, SHORT_SECONDS) as hasty:
        assert isinstance(await make(hasty), Unknown)

    found = await momo.look_up(ask(payment_id, operation, reference=reference, **MANUAL))
    repeated = await make(momo)
    assert isinstance(repeated, Captured | Voided | Refunded)
    assert found == (Missing(conclusive=False) if fault == "timeout_before" else repeated)
    assert [moved for moved, _ in movements(sandbox, payment_id)].count(call) == 1
    assert await make(momo) == repeated
    assert [moved for moved, _ in movements(sandbox, payment_id)].count(call) == 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("call", "operation"), [("query", Operation.AUTHORIZE), ("refund_query", Operation.REFUND)])
async def test_a_question_without_an_answer_is_unknown(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, call: str, operation: Operation, fault: str
) -> None:
    await will_fail(sandbox, "momo", call, fault)
    async with wallet("momo", sandbox.url, monkeypatch, SHORT_SECONDS) as hasty:
        assert isinstance(await hasty.look_up(ask(new_wallet_payment(), operation)), Unknown)


def says(code: int, **more: Any) -> dict[str, Any]:
    return {"orderId": PAYMENT, "resultCode": code, "message": "", "amount": 200_000, "transId": 7} | more


async def test_a_page_whose_address_is_lost_for_good_ends_the_payment(monkeypatch: pytest.MonkeyPatch) -> None:
    behaviour = in_turn(
        answers_json(200, says(1000)), answers_json(422, says(7000)), answers_json(200, says(1000)),
        answers_json(200, says(40)),
    )  # fmt: skip
    async with rogue_server(behaviour) as server, wallet("momo", server.url, monkeypatch) as provider:
        assert await provider.look_up(ask(PAYMENT)) == Pending()
        assert await provider.look_up(ask(PAYMENT, conclusive=True)) == SESSION_LOST


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (says(0, orderId=refund_key(PAYMENT)), Refunded("7", PRICE)),
        (says(7002, orderId=refund_key(PAYMENT)), Pending()),
        (says(42), Declined("refund_refused", "")),
        (says(1081, orderId=refund_key(PAYMENT)), Declined("refund_refused", "")),
        (says(13), Unknown("the query was answered 13")),
    ],
)
async def test_a_refund_that_may_have_been_made_before_is_asked_about(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], expected: ProviderReport
) -> None:
    behaviour = in_turn(answers_json(200, says(1081)), answers_json(200, found))
    async with rogue_server(behaviour) as server, wallet("momo", server.url, monkeypatch) as provider:
        assert await provider.refund(give_back(PAYMENT, "7")) == expected
        assert server.requests == 2


async def test_a_refund_of_what_has_no_transaction_is_declined_without_a_call(momo: PaymentProvider) -> None:
    report = await momo.refund(give_back(PAYMENT, PAYMENT))
    assert isinstance(report, Declined)
    assert report.code == "transaction_unknown"


CREDENTIALS = {"partnerCode": "MOMOSANDBOX", "lang": "vi"}
IDENTITY = {"orderId": PAYMENT, "requestId": f"{PAYMENT}.authorize.1"}
SESSION = {
    "amount": 200_000,
    "orderInfo": f"Payment {PAYMENT}",
    "redirectUrl": RETURN_URL,
    "ipnUrl": "http://127.0.0.1:1/webhooks/momo",
    "requestType": "captureWallet",
    "extraData": "",
}
CONFIRMATION = {"orderId": PAYMENT, "amount": 200_000, "description": ""}


@pytest.mark.parametrize(
    ("path", "call", "expected"),
    [
        ("create", begin(PAYMENT), IDENTITY | SESSION | {"autoCapture": True}),
        ("create", begin(PAYMENT, **MANUAL), IDENTITY | SESSION | {"autoCapture": False}),
        (
            "create",
            begin(PAYMENT, description="Đơn\n hàng " + "x" * 300),
            IDENTITY | SESSION | {"autoCapture": True, "orderInfo": "Đơn hàng " + "x" * 246},
        ),
        ("confirm", take(PAYMENT, "7"), CONFIRMATION | {"requestId": f"{PAYMENT}.capture.1", "requestType": "capture"}),
        (
            "confirm",
            release(PAYMENT, "7", held=True),
            CONFIRMATION | {"requestId": f"{PAYMENT}.void.1", "requestType": "cancel"},
        ),
        (
            "refund",
            give_back(PAYMENT, "7", PART),
            {
                "orderId": refund_key(PAYMENT),
                "requestId": request_id(refund_key(PAYMENT)),
                "amount": 50_000,
                "transId": 7,
                "description": "",
            },
        ),
    ],
)
async def test_what_is_sent_is_a_function_of_the_call(
    monkeypatch: pytest.MonkeyPatch, path: str, call: Any, expected: dict[str, Any]
) -> None:
    sent: list[Sent] = []
    async with recorder(sent, says(9000)) as url, wallet("momo", url, monkeypatch) as provider:
        methods: dict[str, Any] = {
            "Authorization": provider.authorize,
            "CaptureCall": provider.capture,
            "VoidCall": provider.void,
            "RefundCall": provider.refund,
        }
        await methods[type(call).__name__](call)
        await methods[type(call).__name__](call)
    first, second = sent[0], sent[-1]
    assert first == second
    assert first.line == f"POST /momo/v2/gateway/api/{path} HTTP/1.1"
    assert first.media_type == "application/json"
    assert len(first.body.pop("signature")) == 64
    assert first.body == CREDENTIALS | expected


async def test_every_question_has_a_request_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Sent] = []
    async with recorder(sent, says(9000)) as url, wallet("momo", url, monkeypatch) as provider:
        await provider.look_up(ask(PAYMENT, reference="7"))
        await provider.look_up(ask(PAYMENT, reference="7"))
        await provider.look_up(ask(PAYMENT, Operation.REFUND))
    assert len({request.body["requestId"] for request in sent}) == 3
    assert [request.body["orderId"] for request in sent] == [PAYMENT, PAYMENT, refund_key(PAYMENT)]
    fields = {"partnerCode", "requestId", "orderId", "lang", "signature"}
    assert all(request.body.keys() == fields for request in sent)
    paths = [request.line.split()[1].removeprefix("/momo/v2/gateway/api/") for request in sent]
    assert paths == ["query", "query", "refund/query"]


def test_long_keys_are_shortened_and_stay_apart() -> None:
    keys = [refund_key(PAYMENT, number) for number in "12"]
    assert len({request_id(key) for key in keys}) == 2
    assert all(len(request_id(key)) <= 50 for key in keys)


async def test_a_missing_credential_stops_the_start_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYGATE_MOMO_SECRET_KEY", "")
    with pytest.raises(SettingsError, match="PAYGATE_MOMO_PARTNER_CODE"):
        async with _as_set(monkeypatch):
            pass


def _as_set(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("tests.providers.wallet.environment", lambda _: {})
    return wallet("momo", "http://127.0.0.1:1", monkeypatch)


async def test_a_notice_and_a_query_say_the_same(momo: PaymentProvider) -> None:
    payment_id = new_wallet_payment()
    reference = await paid(momo, payment_id)
    body = signed(orderId=payment_id, transId=int(reference))
    (notice,) = await READER.read(raw_notice(json.dumps(body).encode()))
    assert notice.report == await momo.look_up(ask(payment_id, reference=payment_id))
