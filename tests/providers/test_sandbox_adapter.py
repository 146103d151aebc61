"""The sandbox's adapter against the real sandbox process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

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
    Missing,
    ProviderReport,
    Refunded,
    Unknown,
    Voided,
)
from app.providers.port import MethodKind, PaymentProvider, ProviderUnreachable
from app.providers.registry import open_providers
from app.settings import Settings
from app.wiring.shared import utc_now
from tests.providers.builders import PRICE, RETURN_URL, authorization, capture, new_payment, query, refund, terms, void
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess, running_sandbox

SHORT_SECONDS = 0.5


@asynccontextmanager
async def provider_of(sandbox: SandboxProcess, seconds: float) -> AsyncIterator[PaymentProvider]:
    async with open_providers(Settings(sandbox_url=sandbox.url, provider_timeout=seconds), utc_now) as registry:
        provider = registry.get("sandbox")
        assert provider is not None
        yield provider


async def held(provider: PaymentProvider, payment_id: PaymentId) -> str:
    report = await provider.authorize(authorization(payment_id))
    assert isinstance(report, Authorized)
    return report.reference


async def taken(provider: PaymentProvider, payment_id: PaymentId) -> str:
    reference = await held(provider, payment_id)
    assert isinstance(await provider.capture(capture(payment_id, reference)), Captured)
    return reference


async def waiting_for_customer(
    provider: PaymentProvider,
    payment_id: PaymentId,
    return_url: str = RETURN_URL,
    expires_at: datetime | None = None,
) -> ActionNeeded:
    call = authorization(payment_id, "tok_authenticate")
    call = replace(call, terms=replace(call.terms, return_url=return_url, expires_at=expires_at))
    report = await provider.authorize(call)
    assert isinstance(report, ActionNeeded)
    return report


async def press(button: str, needed: ActionNeeded) -> str:
    """What the customer's browser does; returns where it is sent next."""
    assert isinstance(needed.action, CardAuthenticationAction)
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as browser:
        answer = await browser.post(needed.action.url, data={"decision": button})
    assert answer.status_code == 303
    return answer.headers["Location"]


async def found(provider: PaymentProvider, payment_id: PaymentId, operation: Operation) -> ProviderReport:
    """What a look-up says once the request has arrived."""
    while isinstance(report := await provider.look_up(query(payment_id, operation)), Missing):
        pass
    return report


def operations(sandbox: SandboxProcess, payment_id: PaymentId) -> list[str]:
    return [movement["operation"] for movement in sandbox.ledger(payment_id)]


async def test_a_payment_is_authorised_captured_and_refunded(
    provider: PaymentProvider, sandbox: SandboxProcess
) -> None:
    payment_id = new_payment()

    report = await provider.authorize(authorization(payment_id))
    assert isinstance(report, Authorized)
    assert report == Authorized(report.reference, PRICE)
    assert await provider.capture(capture(payment_id, report.reference)) == Captured(report.reference, PRICE)
    refunded = await provider.refund(refund(payment_id, report.reference))

    assert isinstance(refunded, Refunded)
    assert refunded.amount == PRICE
    assert operations(sandbox, payment_id) == ["authorize", "capture", "refund"]


async def test_what_is_not_captured_is_released(provider: PaymentProvider) -> None:
    payment_id, part = new_payment(), Money(1000, "EUR")
    reference = await held(provider, payment_id)
    assert await provider.capture(capture(payment_id, reference, part)) == Captured(reference, part)


async def test_held_money_is_released(provider: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    reference = await held(provider, payment_id)
    assert await provider.void(void(payment_id, reference)) == Voided(reference)
    assert operations(sandbox, payment_id) == ["authorize", "void"]


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("tok_decline", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_nobody_knows", "invalid_token"),
        ("", "invalid_token"),
    ],
)
async def test_a_refusal_is_a_decline_with_its_code(
    provider: PaymentProvider, sandbox: SandboxProcess, token: str, code: str
) -> None:
    payment_id = new_payment()
    report = await provider.authorize(authorization(payment_id, token))

    assert isinstance(report, Declined)
    assert report.code == code
    assert await provider.look_up(query(payment_id, Operation.AUTHORIZE)) == report
    assert sandbox.ledger(payment_id) == []


@pytest.mark.parametrize("token", ["tok_slow", "tok_flaky"])
async def test_a_provider_that_needs_patience_charges_once(
    provider: PaymentProvider, sandbox: SandboxProcess, token: str
) -> None:
    payment_id = new_payment()
    assert isinstance(await provider.authorize(authorization(payment_id, token)), Authorized)
    assert len(sandbox.charges(payment_id)) == 1


async def test_an_answer_that_never_comes_is_unknown_until_the_look_up_finds_the_charge(
    sandbox: SandboxProcess,
) -> None:
    payment_id = new_payment()
    async with provider_of(sandbox, SHORT_SECONDS) as provider:
        assert isinstance(await provider.authorize(authorization(payment_id, "tok_timeout")), Unknown)
    async with provider_of(sandbox, 5.0) as provider:
        report = await found(provider, payment_id, Operation.AUTHORIZE)
        assert isinstance(report, Authorized)
        # Whoever repeats it nevertheless gets the answer that was lost.
        assert await provider.authorize(authorization(payment_id, "tok_timeout")) == report
    assert len(sandbox.charges(payment_id)) == 1


@pytest.mark.parametrize("conclusive", [True, False])
async def test_a_charge_that_was_never_made_is_missing(sandbox: SandboxProcess, conclusive: bool) -> None:
    payment_id = new_payment()
    async with provider_of(sandbox, SHORT_SECONDS) as provider:
        assert isinstance(await provider.authorize(authorization(payment_id, "tok_timeout_before")), Unknown)
    async with provider_of(sandbox, 5.0) as provider:
        question = query(payment_id, Operation.AUTHORIZE, conclusive=conclusive)
        assert await provider.look_up(question) == Missing(conclusive)
    assert sandbox.ledger(payment_id) == []


async def test_the_customer_approves(provider: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    needed = await waiting_for_customer(provider, payment_id)
    assert await provider.look_up(query(payment_id, Operation.AUTHORIZE)) == needed
    assert sandbox.ledger(payment_id) == []

    await press("approve", needed)

    expected = Authorized(needed.reference, PRICE)
    assert await provider.look_up(query(payment_id, Operation.AUTHORIZE)) == expected
    assert len(sandbox.charges(payment_id)) == 1


async def test_the_customer_declines(provider: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    needed = await waiting_for_customer(provider, payment_id)
    await press("decline", needed)

    report = await provider.look_up(query(payment_id, Operation.AUTHORIZE))

    assert isinstance(report, Declined)
    assert (report.code, report.retryable) == ("authentication_failed", True)
    assert sandbox.ledger(payment_id) == []


async def test_the_customer_returns_to_where_the_merchant_said(provider: PaymentProvider) -> None:
    shop = "https://shop.example/thanks?order=1"
    assert await press("approve", await waiting_for_customer(provider, new_payment(), return_url=shop)) == shop


async def test_after_the_deadline_nothing_is_held_any_more(provider: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id, past = new_payment(), datetime(2020, 1, 1, tzinfo=UTC)
    await press("approve", await waiting_for_customer(provider, payment_id, expires_at=past))

    report = await provider.look_up(query(payment_id, Operation.AUTHORIZE))

    assert isinstance(report, Declined)
    assert (report.code, report.retryable) == ("authentication_expired", True)
    assert sandbox.ledger(payment_id) == []


async def test_the_wait_for_a_customer_is_called_off(provider: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    needed = await waiting_for_customer(provider, payment_id)
    assert await provider.void(void(payment_id, needed.reference)) == Voided(needed.reference)
    await press("approve", needed)  # too late
    assert await provider.look_up(query(payment_id, Operation.AUTHORIZE)) == Voided(needed.reference)
    assert sandbox.ledger(payment_id) == []


async def test_calling_off_what_the_customer_declined_releases_nothing(provider: PaymentProvider) -> None:
    payment_id = new_payment()
    needed = await waiting_for_customer(provider, payment_id)
    await press("decline", needed)
    assert await provider.void(void(payment_id, needed.reference)) == Voided(needed.reference)


async def test_a_void_that_comes_after_the_capture_says_that_the_money_is_taken(provider: PaymentProvider) -> None:
    payment_id = new_payment()
    reference = await taken(provider, payment_id)
    assert await provider.void(void(payment_id, reference)) == Captured(reference, PRICE)


async def test_a_capture_that_comes_after_the_void_says_that_the_money_is_released(provider: PaymentProvider) -> None:
    payment_id = new_payment()
    reference = await held(provider, payment_id)
    await provider.void(void(payment_id, reference))
    assert await provider.capture(capture(payment_id, reference)) == Voided(reference)


async def test_more_than_is_held_cannot_be_captured(provider: PaymentProvider) -> None:
    payment_id = new_payment()
    reference = await held(provider, payment_id)
    report = await provider.capture(capture(payment_id, reference, Money(PRICE.amount + 1, "EUR")))
    assert isinstance(report, Declined)
    assert report.code == "amount_too_large"


async def test_more_than_was_captured_cannot_be_refunded(provider: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    reference = await taken(provider, payment_id)
    most = Money(PRICE.amount - 1, "EUR")
    assert isinstance(await provider.refund(refund(payment_id, reference, most)), Refunded)

    report = await provider.refund(refund(payment_id, reference, Money(2, "EUR"), refund_id="2"))

    assert isinstance(report, Declined)
    assert report.code == "amount_too_large"
    assert operations(sandbox, payment_id) == ["authorize", "capture", "refund"]


async def test_a_charge_nobody_knows_cannot_be_captured(provider: PaymentProvider) -> None:
    report = await provider.capture(capture(new_payment(), "ch/../unknown"))
    assert isinstance(report, Declined)


async def test_every_call_may_be_repeated(provider: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    reference = await taken(provider, payment_id)
    calls = authorization(payment_id), capture(payment_id, reference), refund(payment_id, reference)
    first = await provider.refund(calls[2])

    assert isinstance(await provider.authorize(calls[0]), Authorized)
    assert await provider.capture(calls[1]) == Captured(reference, PRICE)
    assert await provider.refund(calls[2]) == first
    assert operations(sandbox, payment_id) == ["authorize", "capture", "refund"]


async def test_a_key_used_for_another_amount_is_unknown(provider: PaymentProvider, sandbox: SandboxProcess) -> None:
    payment_id = new_payment()
    await held(provider, payment_id)
    other = replace(authorization(payment_id), terms=terms(payment_id, Money(1, "EUR")))
    assert isinstance(await provider.authorize(other), Unknown)
    assert len(sandbox.charges(payment_id)) == 1


@pytest.mark.parametrize("operation", Operation)
async def test_an_operation_that_was_never_asked_for_is_missing(
    provider: PaymentProvider, operation: Operation
) -> None:
    assert await provider.look_up(query(new_payment(), operation, conclusive=True)) == Missing(conclusive=True)


async def test_each_operation_is_looked_up_by_itself(provider: PaymentProvider) -> None:
    payment_id = new_payment()
    reference = await held(provider, payment_id)
    assert await provider.look_up(query(payment_id, Operation.AUTHORIZE)) == Authorized(reference, PRICE)
    assert await provider.look_up(query(payment_id, Operation.CAPTURE)) == Missing(conclusive=False)

    await provider.capture(capture(payment_id, reference))
    refunded = await provider.refund(refund(payment_id, reference))

    assert await provider.look_up(query(payment_id, Operation.AUTHORIZE)) == Captured(reference, PRICE)
    assert await provider.look_up(query(payment_id, Operation.CAPTURE)) == Captured(reference, PRICE)
    refund_key = provider_key(payment_id, Operation.REFUND, "1")
    assert await provider.look_up(replace(query(payment_id, Operation.REFUND), key=refund_key)) == refunded


@pytest.mark.parametrize("method", ["redirect", "qr"])
async def test_other_ways_of_paying_are_refused_without_a_call(provider: PaymentProvider, method: MethodKind) -> None:
    payment_id = new_payment()
    call = replace(authorization(payment_id), terms=terms(payment_id, method=method), token=None)
    report = await provider.authorize(call)
    assert isinstance(report, Declined)
    assert report.code == "method_not_supported"


async def test_a_sandbox_killed_while_it_answers_remembers_the_charge(tmp_path: Path) -> None:
    payment_id = new_payment()
    with running_sandbox(tmp_path) as sandbox:
        async with provider_of(sandbox, 30.0) as provider:
            calling = asyncio.create_task(provider.authorize(authorization(payment_id, "tok_timeout")))
            assert isinstance(await found(provider, payment_id, Operation.AUTHORIZE), Authorized)
            sandbox.kill()
            assert isinstance(await calling, Unknown)

            await asyncio.to_thread(sandbox.restart)

            assert isinstance(await provider.look_up(query(payment_id, Operation.AUTHORIZE)), Authorized)
        assert len(sandbox.charges(payment_id)) == 1


async def test_a_sandbox_that_is_down_is_unreachable(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as sandbox:
        sandbox.kill()
        async with provider_of(sandbox, SHORT_SECONDS) as provider:
            with pytest.raises(ProviderUnreachable):
                await provider.authorize(authorization(new_payment()))
            with pytest.raises(ProviderUnreachable):
                await provider.look_up(query(new_payment(), Operation.AUTHORIZE))


async def test_no_token_is_logged_or_told(provider: PaymentProvider, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    call = replace(authorization(new_payment()), token=SecretStr("tok_secret_of_somebody"))
    with capture_logs() as lines:
        report = await provider.authorize(call)
    assert "tok_secret_of_somebody" not in repr(report) + repr(lines) + caplog.text + repr(call)
