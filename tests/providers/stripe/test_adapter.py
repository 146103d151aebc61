"""The connector against the simulator, over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.domain.ids import PaymentId, provider_key
from app.domain.money import Money
from app.domain.payment.events import CardAuthenticationAction, Operation
from app.domain.reports import (
    ActionNeeded,
    Authorized,
    Captured,
    Declined,
    Expired,
    Missing,
    ProviderReport,
    Refunded,
    Unknown,
    Voided,
)
from app.laptop.sandbox.stripe.protocol import PUBLISHABLE_KEY, SECRET_KEY
from app.providers.http import ProviderHttp, open_http
from app.providers.port import PaymentProvider, ProviderUnreachable
from app.providers.stripe.adapter import StripeProvider
from tests.providers.builders import PRICE, authorization, capture, new_payment, query, refund, terms, void
from tests.providers.stripe.building import settings, stripe_at
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess

SHORT_SECONDS = 0.3
VISA, AUTHENTICATES = "pm_card_visa", "pm_card_authenticationRequired"
PART = Money(1000, "EUR")


@pytest.fixture
async def stripe(sandbox: SandboxProcess) -> AsyncIterator[StripeProvider]:
    async with stripe_at(sandbox.url) as connector:
        yield connector


async def held(stripe: PaymentProvider, payment_id: PaymentId) -> str:
    report = await stripe.authorize(authorization(payment_id, VISA))
    assert isinstance(report, Authorized)
    return report.reference


async def taken(stripe: PaymentProvider, payment_id: PaymentId, money: Money = PRICE) -> str:
    reference = await held(stripe, payment_id)
    assert await stripe.capture(capture(payment_id, reference, money)) == Captured(reference, money)
    return reference


async def waiting(stripe: PaymentProvider, payment_id: PaymentId) -> ActionNeeded:
    report = await stripe.authorize(authorization(payment_id, AUTHENTICATES))
    assert isinstance(report, ActionNeeded)
    return report


async def press(button: str, needed: ActionNeeded) -> httpx.URL:
    """What the customer's browser does; returns where it is sent next."""
    assert isinstance(needed.action, CardAuthenticationAction)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        assert "Approve" in (await browser.get(needed.action.url)).text
        answer = await browser.post(needed.action.url, data={"decision": button})
    assert answer.status_code == 303
    return httpx.URL(answer.headers["Location"])


async def asked(
    stripe: PaymentProvider, payment_id: PaymentId, operation: Operation, reference: str | None = None
) -> ProviderReport:
    return await stripe.look_up(query(payment_id, operation, conclusive=True, reference=reference))


async def raw(sandbox: SandboxProcess, path: str, key: str = SECRET_KEY, **fields: str) -> dict[str, Any]:
    """Somebody else's call of the API; a POST when it has fields."""
    async with httpx.AsyncClient(
        base_url=f"{sandbox.url}/stripe/v1", auth=(key, ""), trust_env=False, verify=NO_CERTIFICATES
    ) as client:
        answer = await (client.post(path, data=fields) if fields else client.get(path))
    body: dict[str, Any] = answer.json()
    return body


async def confirmed(sandbox: SandboxProcess, card: str = VISA, **changes: str) -> str:
    """The id of an intent that the merchant's own server made and the customer's browser confirmed."""
    usual = {"amount": "4200", "currency": "eur", "capture_method": "manual", "allowed_payment_method_types[0]": "card"}
    made = await raw(sandbox, "/payment_intents", **usual | changes)
    by_browser = {"client_secret": made["client_secret"], "payment_method": card, "return_url": "https://shop.test"}
    await raw(sandbox, f"/payment_intents/{made['id']}/confirm", PUBLISHABLE_KEY, **by_browser)
    intent_id: str = made["id"]
    return intent_id


async def status(sandbox: SandboxProcess, intent_id: str) -> tuple[str, str | None]:
    shown = await raw(sandbox, f"/payment_intents/{intent_id}")
    return shown["status"], shown["cancellation_reason"]


def moved(sandbox: SandboxProcess, reference: str) -> list[tuple[str, int]]:
    return [(movement["operation"], movement["amount"]) for movement in sandbox.ledger(reference)]


async def test_a_payment_is_held_captured_and_given_back_in_parts(
    stripe: StripeProvider, sandbox: SandboxProcess
) -> None:
    payment_id = new_payment()
    reference = await taken(stripe, payment_id)

    first = await stripe.refund(refund(payment_id, reference, PART, "ref_1"))
    rest = await stripe.refund(refund(payment_id, reference, Money(3200, "EUR"), "ref_2"))
    more = await stripe.refund(refund(payment_id, reference, PART, "ref_3"))

    assert isinstance(first, Refunded)
    assert isinstance(rest, Refunded)
    assert first.amount == PART
    assert isinstance(more, Declined)
    assert more.code == "charge_already_refunded"
    assert moved(sandbox, payment_id) == [("authorize", 4200), ("capture", 4200), ("refund", 1000), ("refund", 3200)]
    keyed = replace(query(payment_id, Operation.REFUND, conclusive=True, reference=reference))
    for number, report in (("ref_1", first), ("ref_2", rest), ("ref_3", Missing(conclusive=True))):
        key = provider_key(payment_id, Operation.REFUND, number)
        assert await stripe.look_up(replace(keyed, key=key)) == report


async def test_what_is_not_captured_is_released(stripe: StripeProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    reference = await taken(stripe, payment_id, PART)
    assert await asked(stripe, payment_id, Operation.CAPTURE, reference) == Captured(reference, PART)
    assert moved(sandbox, payment_id) == [("authorize", 4200), ("capture", 1000)]


async def test_held_money_is_released(stripe: StripeProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    reference = await held(stripe, payment_id)
    assert await stripe.void(void(payment_id, reference)) == Voided(reference)
    assert await asked(stripe, payment_id, Operation.VOID, reference) == Voided(reference)
    assert await stripe.capture(capture(payment_id, reference)) == Voided(reference)
    assert moved(sandbox, payment_id) == [("authorize", 4200), ("void", 4200)]


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error"),
        ("tok_decline", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
    ],
)
async def test_a_declined_card_can_be_paid_with_no_more(
    stripe: StripeProvider, sandbox: SandboxProcess, token: str, code: str
) -> None:
    payment_id = new_payment()
    report = await stripe.authorize(authorization(payment_id, token))

    assert isinstance(report, Declined)
    assert report.code == code
    assert report.reference is not None
    assert await status(sandbox, report.reference) == ("canceled", "abandoned")
    assert await asked(stripe, payment_id, Operation.AUTHORIZE) == report
    assert await stripe.authorize(authorization(payment_id, token)) == report
    assert moved(sandbox, payment_id) == []


@pytest.mark.parametrize("token", ["pm_nobody_knows", "tok_", "pm_"])
async def test_a_token_that_stripe_does_not_know_is_declined(stripe: StripeProvider, token: str) -> None:
    report = await stripe.authorize(authorization(new_payment(), token))
    assert isinstance(report, Declined)
    assert report.code in {"resource_missing", "request_refused"}


async def test_after_a_crash_between_a_decline_and_its_end_asking_ends_it(
    stripe: StripeProvider, sandbox: SandboxProcess
) -> None:
    payment_id = new_payment()
    await _script(sandbox, "cancel", "error_before")
    assert isinstance(await stripe.authorize(authorization(payment_id, "tok_insufficient_funds")), Unknown)
    report = await asked(stripe, payment_id, Operation.AUTHORIZE)
    assert isinstance(report, Declined)
    assert report.code == "insufficient_funds"
    assert report.reference is not None
    assert await status(sandbox, report.reference) == ("canceled", "abandoned")


async def test_the_customer_authenticates(stripe: StripeProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    needed = await waiting(stripe, payment_id)
    assert await asked(stripe, payment_id, Operation.AUTHORIZE, needed.reference) == needed
    assert moved(sandbox, payment_id) == []

    back = await press("approve", needed)

    assert (back.host, back.params["payment_intent"]) == ("pay.test", needed.reference)
    assert await asked(stripe, payment_id, Operation.AUTHORIZE, needed.reference) == Authorized(needed.reference, PRICE)
    assert moved(sandbox, payment_id) == [("authorize", 4200)]


async def test_the_customer_does_not_authenticate(stripe: StripeProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    needed = await waiting(stripe, payment_id)
    await press("decline", needed)
    report = await asked(stripe, payment_id, Operation.AUTHORIZE, needed.reference)
    assert isinstance(report, Declined)
    assert (report.code, report.retryable) == ("payment_intent_authentication_failure", True)
    assert await status(sandbox, needed.reference) == ("canceled", "abandoned")
    assert moved(sandbox, payment_id) == []


async def test_the_wait_for_a_customer_is_called_off(stripe: StripeProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    needed = await waiting(stripe, payment_id)
    assert await stripe.void(void(payment_id, needed.reference, held=False)) == Voided(needed.reference)
    assert isinstance(needed.action, CardAuthenticationAction)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:  # too late
        await browser.post(needed.action.url, data={"decision": "approve"})
    assert await asked(stripe, payment_id, Operation.AUTHORIZE, needed.reference) == Voided(needed.reference)
    assert moved(sandbox, payment_id) == []


async def test_a_hold_that_has_run_out_is_expired(stripe: StripeProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    report = await stripe.authorize(authorization(payment_id, "pm_card_sandboxShortHold"))
    assert isinstance(report, Authorized)
    assert await stripe.capture(capture(payment_id, report.reference)) == Expired(report.reference)
    assert await asked(stripe, payment_id, Operation.AUTHORIZE) == Expired(report.reference)
    assert moved(sandbox, payment_id) == [("authorize", 4200), ("void", 4200)]


async def test_a_500_that_is_replayed_for_ever_is_found_by_asking(
    stripe: StripeProvider, sandbox: SandboxProcess
) -> None:
    payment_id = new_payment()
    for _ in range(2):
        assert isinstance(await stripe.authorize(authorization(payment_id, "pm_card_sandboxError")), Unknown)
    assert isinstance(await asked(stripe, payment_id, Operation.AUTHORIZE), Authorized)
    assert len(sandbox.charges(payment_id)) == 1


async def test_what_the_browser_has_confirmed_is_held_for_one_payment(
    stripe: StripeProvider, sandbox: SandboxProcess
) -> None:
    token, payment_id = await confirmed(sandbox), new_payment()
    report = await stripe.authorize(authorization(payment_id, token))
    assert report == Authorized(token, PRICE)
    assert await stripe.authorize(authorization(payment_id, token)) == report
    assert await asked(stripe, payment_id, Operation.AUTHORIZE) == report

    second = await stripe.authorize(authorization(new_payment(), token))
    assert isinstance(second, Declined)
    assert second.code == "token_already_used"

    assert await stripe.capture(capture(payment_id, token)) == Captured(token, PRICE)
    assert await stripe.authorize(authorization(payment_id, token)) == Captured(token, PRICE)
    assert moved(sandbox, payment_id) == [("capture", 4200)]


async def test_of_many_payments_that_want_one_token_at_once_one_gets_it(
    stripe: StripeProvider, sandbox: SandboxProcess
) -> None:
    token = await confirmed(sandbox)
    payments = [new_payment() for _ in range(8)]
    reports = await asyncio.gather(*(stripe.authorize(authorization(payment_id, token)) for payment_id in payments))
    got = [isinstance(report, Authorized) for report in reports]
    assert got.count(True) == 1
    assert {report.code for report in reports if isinstance(report, Declined)} == {"token_already_used"}
    shown = await raw(sandbox, f"/payment_intents/{token}")
    assert shown["metadata"]["payment_id"] == payments[got.index(True)]


@pytest.mark.parametrize(
    ("card", "changes", "code"),
    [
        (VISA, {"amount": "4201"}, "token_amount_mismatch"),
        (VISA, {"currency": "usd"}, "token_amount_mismatch"),
        (VISA, {"capture_method": "automatic"}, "token_not_held"),
        (AUTHENTICATES, {}, "token_not_held"),
        ("pm_card_chargeDeclined", {}, "token_not_held"),
        (VISA, {"metadata[payment_id]": "pay_another"}, "token_already_used"),
    ],
)
async def test_an_intent_that_does_not_fit_is_declined_and_left_as_it_is(
    stripe: StripeProvider, sandbox: SandboxProcess, card: str, changes: dict[str, str], code: str
) -> None:
    token = await confirmed(sandbox, card, **changes)
    before = await raw(sandbox, f"/payment_intents/{token}")
    report = await stripe.authorize(authorization(new_payment(), token))
    assert isinstance(report, Declined)
    assert report.code == code
    assert await raw(sandbox, f"/payment_intents/{token}") == before


async def test_an_intent_that_does_not_exist_is_declined(stripe: StripeProvider) -> None:
    report = await stripe.authorize(authorization(new_payment(), "pi_nobody_knows"))
    assert isinstance(report, Declined)
    assert report.code == "resource_missing"


@pytest.mark.parametrize("operation", [Operation.AUTHORIZE, Operation.CAPTURE, Operation.VOID, Operation.REFUND])
async def test_what_was_never_asked_for_is_missing(stripe: StripeProvider, operation: Operation) -> None:
    assert await asked(stripe, new_payment(), operation) == Missing(conclusive=True)


async def test_of_several_intents_of_a_payment_the_one_with_money_counts(stripe: StripeProvider) -> None:
    payment_id = new_payment()
    reference = await held(stripe, payment_id)
    other = authorization(payment_id, "pm_card_chargeDeclined")
    assert isinstance(await stripe.authorize(replace(other, key=f"{payment_id}.another")), Declined)
    assert await asked(stripe, payment_id, Operation.AUTHORIZE) == Authorized(reference, PRICE)


async def test_a_wrong_key_was_certainly_of_no_effect(sandbox: SandboxProcess) -> None:
    async with open_http(f"{sandbox.url}/stripe") as client:
        stripe = StripeProvider(ProviderHttp(client, "stripe", 10.0, repeat_seconds=0.1), settings())
        with pytest.raises(ProviderUnreachable, match="turned the request away with 401"):
            await stripe.authorize(authorization(new_payment(), VISA))


async def test_a_key_used_for_another_amount_is_unknown(stripe: StripeProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    await held(stripe, payment_id)
    other = replace(authorization(payment_id, VISA), terms=terms(payment_id, Money(1, "EUR")))
    assert isinstance(await stripe.authorize(other), Unknown)
    assert len(sandbox.charges(payment_id)) == 1


@pytest.mark.parametrize("currency", ["UGX", "ISK", "KWD"])
async def test_a_currency_with_another_minor_unit_there_is_refused_without_a_call(
    stripe: StripeProvider, currency: str
) -> None:
    call = replace(authorization(new_payment(), VISA), terms=terms(new_payment(), Money(500, currency)))
    report = await stripe.authorize(call)
    assert isinstance(report, Declined)
    assert report.code == "currency_not_supported"


FAULTS = ["timeout_before", "timeout_after", "error_after", "reset", "truncated"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", ["create", "capture", "cancel", "refund", "update"])
async def test_whatever_becomes_of_an_answer_asking_tells_the_truth_and_money_moves_once(
    sandbox: SandboxProcess, call: str, fault: str
) -> None:
    payment_id = new_payment()
    async with stripe_at(sandbox.url) as patient, stripe_at(sandbox.url, SHORT_SECONDS) as hasty:
        before = await _before(patient, sandbox, payment_id, call)
        await _script(sandbox, call, fault)
        assert isinstance(await _make(hasty, payment_id, call, before), Unknown)

        operation = _OPERATIONS[call]
        question = query(payment_id, operation, conclusive=True, reference=None if call in _BEGINNINGS else before)
        found = await patient.look_up(question)
        repeated = await _make(patient, payment_id, call, before)

        assert not isinstance(repeated, Unknown | Missing | Declined)
        assert found == (Missing(conclusive=True) if fault == "timeout_before" else repeated)
        assert await patient.look_up(question) == repeated
    movements = [operation for operation, _ in moved(sandbox, payment_id)]
    assert movements == _MOVEMENTS[call]


_BEGINNINGS = {"create", "update"}
_OPERATIONS = {
    "create": Operation.AUTHORIZE,
    "update": Operation.AUTHORIZE,
    "capture": Operation.CAPTURE,
    "cancel": Operation.VOID,
    "refund": Operation.REFUND,
}
_MOVEMENTS: dict[str, list[str]] = {
    "create": ["authorize"],
    "update": [],  # was held before it was known whose it is
    "capture": ["authorize", "capture"],
    "cancel": ["authorize", "void"],
    "refund": ["authorize", "capture", "refund"],
}


async def _before(stripe: PaymentProvider, sandbox: SandboxProcess, payment_id: PaymentId, call: str) -> str:
    """What there has to be before the call: a token or a reference."""
    match call:
        case "create":
            return VISA
        case "update":
            return await confirmed(sandbox)
        case "refund":
            return await taken(stripe, payment_id)
    return await held(stripe, payment_id)


async def _make(stripe: PaymentProvider, payment_id: PaymentId, call: str, before: str) -> ProviderReport:
    match call:
        case "create" | "update":
            return await stripe.authorize(authorization(payment_id, before))
        case "capture":
            return await stripe.capture(capture(payment_id, before))
        case "cancel":
            return await stripe.void(void(payment_id, before))
    return await stripe.refund(refund(payment_id, before))


async def _script(sandbox: SandboxProcess, call: str, fault: str) -> None:
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False, verify=NO_CERTIFICATES) as client:
        answer = await client.post("/faults", content=json.dumps({"provider": "stripe", "call": call, "fault": fault}))
    assert answer.status_code == 204


async def test_a_stripe_that_is_not_there_is_unreachable() -> None:
    async with stripe_at("http://127.0.0.1:1", SHORT_SECONDS) as stripe:
        with pytest.raises(ProviderUnreachable):
            await stripe.authorize(authorization(new_payment(), VISA))


async def test_no_token_is_logged_or_told(stripe: StripeProvider, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    call = replace(authorization(new_payment()), token=SecretStr("pm_secret_of_somebody"))
    with capture_logs() as lines:
        report = await stripe.authorize(call)
    assert isinstance(report, Declined)
    seen = repr(report) + repr(lines) + caplog.text + repr(call)
    assert "pm_secret_of_somebody" not in seen
    assert SECRET_KEY not in seen
