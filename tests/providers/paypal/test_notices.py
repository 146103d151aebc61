"""PayPal's webhooks: a real RSA certificate, served over HTTP, and everything that must not be believed."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.ids import PaymentId
from app.domain.money import Money
from app.domain.payment.events import Operation
from app.domain.reports import Approved, Authorized, Captured, Declined, Pending, ProviderReport, Refunded, Voided
from app.laptop.sandbox.paypal.certificate import SIGNER, SigningCertificate, authority_pem, issued, signed_headers
from app.providers.notices import Notice, NoticeRefused, PaymentNamed, RawNotice, Reception
from app.providers.paypal.certificates import authorities, is_allowed, open_certificates
from app.providers.paypal.notices import PayPalNotices
from tests.providers.rogue_server import Behaviour, RogueServer, answers, http, rogue_server

NOW = datetime.now(UTC).replace(microsecond=0)
WEBHOOK_ID = "WH-TEST"
PAYMENT = PaymentId(f"pay_{'a' * 32}")
TENNER = {"currency_code": "USD", "value": "10.00"}
CERTIFICATE = issued(NOW)


def event(kind: str, resource: dict[str, Any]) -> bytes:
    return json.dumps({"id": "WH-1", "event_type": kind, "resource": resource}).encode()


CAPTURED = event(
    "PAYMENT.CAPTURE.COMPLETED", {"id": "CAP1", "status": "COMPLETED", "amount": TENNER, "custom_id": PAYMENT}
)


class Scene:
    """A reader, and PayPal's certificate where it is fetched from."""

    def __init__(self, reader: PayPalNotices, server: RogueServer) -> None:
        self.reader = reader
        self.server = server

    def raw(
        self,
        body: bytes,
        *,
        at: datetime = NOW,
        webhook_id: str = WEBHOOK_ID,
        certificate: SigningCertificate = CERTIFICATE,
        path: str = "/certs/CERT-1",
    ) -> RawNotice:
        """A webhook as PayPal sends it."""
        url = f"{self.server.url}{path}"
        headers = signed_headers(certificate, url, webhook_id, "transmission-1", at, body)
        return RawNotice("POST", b"", {name.lower(): value for name, value in headers.items()}, body, NOW)

    async def read(self, body: bytes, **changes: Any) -> Sequence[Notice]:
        return await self.reader.read(self.raw(body, **changes))

    async def refusal(self, raw: RawNotice) -> str:
        with pytest.raises(NoticeRefused) as refused:
            await self.reader.read(raw)
        return refused.value.fault


@asynccontextmanager
async def scene(behave: Behaviour, pem: str = "") -> AsyncIterator[Scene]:
    async with rogue_server(behave) as server:
        store = authorities((pem or authority_pem()).encode())
        async with open_certificates([server.url], store) as certificates:
            yield Scene(PayPalNotices(WEBHOOK_ID, certificates), server)


def serving(certificate: SigningCertificate) -> Behaviour:
    return answers(http(200, certificate.chain.encode()))


@pytest.fixture
async def paypal() -> AsyncIterator[Scene]:
    async with scene(serving(CERTIFICATE)) as opened:
        yield opened


async def test_a_signed_event_is_believed_and_its_certificate_fetched_once(paypal: Scene) -> None:
    for _ in range(2):
        (notice,) = await paypal.read(CAPTURED)
        assert notice.event_id == "WH-1"
        assert notice.about == PaymentNamed(PAYMENT)
        assert notice.report == Captured("CAP1", Money(1000, "USD"))
    assert paypal.server.requests == 1


TEN = Money(1000, "USD")
_HELD_BEFORE = {"supplementary_data": {"related_ids": {"order_id": "O1", "authorization_id": "AUTH1"}}}


@pytest.mark.parametrize(
    ("kind", "resource", "operation", "report"),
    [
        ("PAYMENT.CAPTURE.PENDING", {"status": "PENDING"}, Operation.AUTHORIZE, Pending()),
        ("PAYMENT.CAPTURE.COMPLETED", {"status": "COMPLETED", **_HELD_BEFORE}, Operation.CAPTURE, Captured("D1", TEN)),
        (
            "PAYMENT.CAPTURE.DENIED",
            {"status": "DECLINED"},
            Operation.AUTHORIZE,
            Declined("capture_declined", "PayPal did not take the money.", reference="D1"),
        ),
        ("PAYMENT.AUTHORIZATION.CREATED", {"status": "CREATED"}, Operation.AUTHORIZE, Authorized("D1", TEN)),
        ("PAYMENT.AUTHORIZATION.CREATED", {"status": "PENDING"}, Operation.AUTHORIZE, Pending()),
        ("PAYMENT.AUTHORIZATION.VOIDED", {"status": "VOIDED"}, Operation.AUTHORIZE, Voided("D1")),
        ("PAYMENT.CAPTURE.REVERSED", {"status": "COMPLETED"}, Operation.AUTHORIZE, None),
        ("PAYMENT.CAPTURE.REFUNDED", {"status": "COMPLETED"}, Operation.AUTHORIZE, None),
        ("SOMETHING.NEW", {}, Operation.AUTHORIZE, None),
    ],
)
async def test_every_event_says_what_its_document_says(
    paypal: Scene, kind: str, resource: dict[str, Any], operation: Operation, report: ProviderReport | None
) -> None:
    body = event(kind, {"id": "D1", "amount": TENNER, "custom_id": PAYMENT, **resource})
    (notice,) = await paypal.read(body)
    assert (notice.about, notice.operation, notice.report) == (PaymentNamed(PAYMENT), operation, report)
    assert notice.refund_id is None


@pytest.mark.parametrize(
    ("kind", "status", "report"),
    [
        ("CHECKOUT.ORDER.APPROVED", "APPROVED", Approved("O1")),
        ("CHECKOUT.ORDER.COMPLETED", "COMPLETED", None),
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", "VOIDED", None),
    ],
)
async def test_an_approved_order_is_to_be_confirmed_and_others_are_asked_about(
    paypal: Scene, kind: str, status: str, report: ProviderReport | None
) -> None:
    order = {"id": "O1", "status": status, "purchase_units": [{"custom_id": PAYMENT, "amount": TENNER}]}
    (notice,) = await paypal.read(event(kind, order))
    assert (notice.about, notice.report) == (PaymentNamed(PAYMENT), report)


async def test_a_refund_is_known_by_the_key_it_was_asked_for_with(paypal: Scene) -> None:
    resource = {"id": "R1", "status": "COMPLETED", "amount": TENNER, "custom_id": f"{PAYMENT}.refund.ref_x"}
    (notice,) = await paypal.read(event("PAYMENT.CAPTURE.REFUNDED", resource))
    assert (notice.about, notice.operation, notice.refund_id) == (PaymentNamed(PAYMENT), Operation.REFUND, "ref_x")
    assert notice.report == Refunded("R1", TEN)


async def test_an_event_about_none_of_our_payments_is_of_no_interest(paypal: Scene) -> None:
    assert await paypal.read(event("CUSTOMER.DISPUTE.CREATED", {"id": "PP-D-1"})) == ()


async def test_a_changed_body_is_refused(paypal: Scene) -> None:
    raw = paypal.raw(CAPTURED)
    assert await paypal.refusal(replace(raw, body=CAPTURED.replace(b"10.00", b"99.00"))) == "signature"


async def test_a_body_with_another_order_of_fields_is_refused(paypal: Scene) -> None:
    document = json.loads(CAPTURED)
    turned = json.dumps(dict(reversed(document.items()))).encode()
    assert await paypal.refusal(replace(paypal.raw(CAPTURED), body=turned)) == "signature"


async def test_an_event_for_another_merchants_webhook_is_refused(paypal: Scene) -> None:
    assert await paypal.refusal(paypal.raw(CAPTURED, webhook_id="WH-OTHER")) == "signature"


async def test_an_event_signed_by_another_key_is_refused(paypal: Scene) -> None:
    assert await paypal.refusal(paypal.raw(CAPTURED, certificate=issued(NOW))) == "signature"


@pytest.mark.parametrize("header", ["id", "time", "sig"])
async def test_a_missing_or_doubled_header_is_refused(paypal: Scene, header: str) -> None:
    raw, name = paypal.raw(CAPTURED), f"paypal-transmission-{header}"
    for value in ("", f"{raw.headers[name]}, {raw.headers[name]}"):
        assert await paypal.refusal(replace(raw, headers={**raw.headers, name: value})) == "signature"
    assert await paypal.refusal(replace(raw, method="GET")) == "signature"


@pytest.mark.parametrize(
    ("age", "believed"),
    [
        (timedelta(days=4), True),
        (timedelta(days=4, seconds=1), False),
        (timedelta(minutes=-5), True),
        (timedelta(minutes=-5, seconds=-1), False),
    ],
)
async def test_an_event_is_believed_for_four_days_and_not_ahead_of_time(
    paypal: Scene, age: timedelta, *, believed: bool
) -> None:
    raw = paypal.raw(CAPTURED, at=NOW - age)
    if believed:
        assert await paypal.reader.read(raw)
    else:
        assert await paypal.refusal(raw) == "stale"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff\xfe{}",
        CAPTURED[:-1],
        CAPTURED.replace(b'"id": "WH-1"', b'"id": "WH-0", "id": "WH-1"'),
        CAPTURED.replace(b'"id": "WH-1"', b'"id": 1'),
        b'{"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": NaN}',
        b'{"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED"}',
    ],
)
async def test_a_signed_body_that_is_no_event_is_malformed(paypal: Scene, body: bytes) -> None:
    assert await paypal.refusal(paypal.raw(body)) == "malformed"


@pytest.mark.parametrize(
    "amount",
    [
        {"currency_code": "USD", "value": 10.0},
        {"currency_code": "USD", "value": "1e1"},
        {"currency_code": "USD", "value": "10.001"},
        {"currency_code": "JPY", "value": "10.50"},
        {"currency_code": "usd", "value": "10.00"},
        {"currency_code": "USD", "value": "-10.00"},
    ],
)
async def test_an_amount_that_is_none_moves_nothing_and_is_asked_about(paypal: Scene, amount: dict[str, Any]) -> None:
    resource = {"id": "C", "status": "COMPLETED", "custom_id": PAYMENT, "amount": amount}
    (notice,) = await paypal.read(event("PAYMENT.CAPTURE.COMPLETED", resource))
    assert notice.report is None


async def test_a_certificate_is_fetched_from_nowhere_else(paypal: Scene) -> None:
    raw = paypal.raw(CAPTURED)
    elsewhere = paypal.server.url.replace("127.0.0.1", "localhost")
    headers = {**raw.headers, "paypal-cert-url": f"{elsewhere}/certs/CERT-1"}
    assert await paypal.refusal(replace(raw, headers=headers)) == "signature"
    assert paypal.server.requests == 0


@pytest.mark.parametrize(
    ("at", "signer"),
    [
        (NOW, "messageverificationcerts.paypal.com.example.net"),
        (NOW - timedelta(days=366), SIGNER),
        (NOW + timedelta(days=1), SIGNER),
    ],
    ids=["somebody else's", "of the past", "of the future"],
)
async def test_a_certificate_that_is_not_valid_paypals_is_refused(at: datetime, signer: str) -> None:
    certificate = issued(at, signer)
    async with scene(serving(certificate)) as paypal:
        assert await paypal.refusal(paypal.raw(CAPTURED, certificate=certificate)) == "signature"


async def test_a_certificate_of_another_authority_is_refused() -> None:
    store = authorities(None)  # the public ones
    async with rogue_server(serving(CERTIFICATE)) as server, open_certificates([server.url], store) as certificates:
        paypal = Scene(PayPalNotices(WEBHOOK_ID, certificates), server)
        assert await paypal.refusal(paypal.raw(CAPTURED)) == "signature"


@pytest.mark.parametrize(
    "behave",
    [
        answers(http(404, b"no")),
        answers(http(200, b"no certificate")),
        answers(http(302, b"", "Location: /certs/CERT-2")),
        answers(http(200, b" " * 100_000)),
        answers(b""),
    ],
    ids=["missing", "not PEM", "elsewhere", "endless", "hangs up"],
)
async def test_without_a_certificate_nothing_is_believed(behave: Behaviour) -> None:
    async with scene(behave) as paypal:
        assert await paypal.refusal(paypal.raw(CAPTURED)) == "signature"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://api.paypal.com/v1/notifications/certs/CERT-1", True),
        ("http://api.paypal.com/v1/notifications/certs/CERT-1", False),
        ("https://api.paypal.com:8443/certs", False),
        ("https://api.paypal.com@evil.example/certs", False),
        ("https://evil.example/https://api.paypal.com/certs", False),
        ("https://api.paypal.com.evil.example/certs", False),
        ("https://evil.example#@api.paypal.com/certs", False),
        ("https://api.paypal.com\\@evil.example/certs", False),
        ("https://API.paypal.com/certs", False),
        ("https://api.paypal.com", False),
        ("https://[api.paypal.com/certs", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_certificates_come_from_allowed_origins_alone(url: str, *, allowed: bool) -> None:
    assert is_allowed(url, ["https://api.paypal.com", "https://api.sandbox.paypal.com"]) is allowed


@pytest.mark.parametrize("reception", Reception)
def test_paypal_comes_again_only_when_there_is_reason_to(reception: Reception) -> None:
    again = reception in {Reception.REFUSED, Reception.UNAVAILABLE}
    reply = PayPalNotices(WEBHOOK_ID, certificates=None).reply(reception)  # type: ignore[arg-type]
    assert (reply.status >= 400) is again
