"""The sandbox's adapter against the real sandbox process."""

from app.domain.ids import PaymentId
from app.domain.reports import Authorized, Captured, Refunded
from app.providers.port import PaymentProvider
from tests.providers.builders import PRICE, authorization, capture, new_payment, refund
from tests.support.sandbox_process import SandboxProcess


async def authorized(provider: PaymentProvider, payment_id: PaymentId) -> str:
    report = await provider.authorize(authorization(payment_id))
    assert isinstance(report, Authorized)
    return report.reference


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
    assert [line["operation"] for line in sandbox.ledger(payment_id)] == ["authorize", "capture", "refund"]
