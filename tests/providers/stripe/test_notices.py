"""Events: believed only when signed, of now and for this account; then read."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.payment.events import CardAuthenticationAction, Operation
from app.domain.reports import (
    ActionNeeded,
    Authorized,
    Captured,
    Declined,
    Expired,
    Pending,
    ProviderReport,
    Refunded,
    Voided,
)
from app.providers.notices import Fault, Notice, NoticeRefused, PaymentNamed, RawNotice, Reception
from app.providers.stripe.notices import StripeNotices
from app.providers.stripe.settings import StripeSettings
from app.providers.stripe.signature import SignatureHeader, digest
from app.settings import SettingsError, load
from tests.providers.builders import PRICE
from tests.providers.stripe.building import (
    NOW,
    OLD_SECRET,
    PAYMENT,
    REFUND,
    SECRET,
    error,
    event,
    intent,
    raw,
    refund,
    settings,
)

SECONDS = str(int(NOW.timestamp()))
BODY = event("payment_intent.succeeded", intent("succeeded", amount_received=4200))
RIGHT = digest(SECRET, SECONDS, BODY)
PAGE = "https://bank.test/3ds"
REDIRECT = {"redirect_to_url": {"url": PAGE}}


async def read(request: RawNotice, **changes: Any) -> list[Notice]:
    return list(await StripeNotices(settings(**changes)).read(request))


async def refused(request: RawNotice, **changes: Any) -> Fault:
    with pytest.raises(NoticeRefused) as caught:
        await read(request, **changes)
    return caught.value.fault


def test_the_vector_of_the_documentation() -> None:
    body = (
        b'{"id":"evt_1","object":"event","type":"payment_intent.succeeded","created":1763640000,"data":{"object":'
        b'{"id":"pi_1","object":"payment_intent","amount":200000,"currency":"vnd","status":"succeeded"}}}'
    )
    header = "t=1763640000,v1=7ec970d12191a1bfc7f170f3429a6d8e81aac570c8e3c0ae6c32ec9df6ee4ce1"
    read_header = SignatureHeader.read(header)
    assert read_header is not None
    assert read_header.is_by(["whsec_example_secret"], body)
    assert not read_header.is_by(["example_secret"], body)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(f"t={SECONDS},v1={RIGHT}", id="as it is sent"),
        pytest.param(f"t={SECONDS},v1={'0' * 64},v1={RIGHT}", id="two while a secret is rolled"),
        pytest.param(f"t={SECONDS},v1={digest(OLD_SECRET, SECONDS, BODY)}", id="by the secret before"),
        pytest.param(f"t={SECONDS},v1={RIGHT.upper()}", id="upper case"),
        pytest.param(f"v0=abc,v1={RIGHT},t={SECONDS},x=y", id="other schemes, another order"),
    ],
)
async def test_a_right_signature_is_believed(header: str) -> None:
    assert len(await read(raw(BODY, header))) == 1


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="missing"),
        pytest.param(f"t={SECONDS},v1=", id="empty"),
        pytest.param(f"t={SECONDS},v1={'x' * 64}", id="not hex"),
        pytest.param(f"t={SECONDS},v1={'0' * 64}", id="wrong"),
        pytest.param(f"t={SECONDS},v1={digest('whsec_of_another', SECONDS, BODY)}", id="of another merchant"),
        pytest.param(f"t={SECONDS},v0={RIGHT}", id="of another scheme"),
        pytest.param(f"v1={RIGHT}", id="without a time"),
        pytest.param(f"t={int(SECONDS) + 1},v1={RIGHT}", id="of another time"),
        pytest.param(f"t=+{SECONDS},v1={RIGHT}", id="a time nobody writes so"),
        pytest.param(f"t={SECONDS},v1={RIGHT}, t={SECONDS},v1={RIGHT}", id="the header twice"),
        pytest.param(f"t={SECONDS},t={SECONDS},v1={RIGHT}", id="two times"),
    ],
)
async def test_a_wrong_signature_is_refused(header: str) -> None:
    assert await refused(raw(BODY, header)) == "signature"


async def test_a_changed_body_is_refused_before_it_is_read() -> None:
    for changed in (BODY.replace(b"4200", b"4201", 1), BODY + b" ", b"", b"not JSON", b"\xff"):
        assert await refused(raw(changed, f"t={SECONDS},v1={RIGHT}")) == "signature"


async def test_nothing_is_taken_in_by_another_method() -> None:
    request = raw(BODY)
    assert await refused(RawNotice("GET", b"", request.headers, request.body, NOW)) == "signature"


@pytest.mark.parametrize(("apart", "believed"), [(300, True), (301, False), (-300, True), (-301, False)])
async def test_the_time_of_a_signature_counts_on_both_sides(apart: int, believed: bool) -> None:
    request = raw(BODY, signed_at=int((NOW + timedelta(seconds=apart)).timestamp()))
    if believed:
        assert await read(request)
    else:
        assert await refused(request) == "stale"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"id": "evt_\xff"}', id="no UTF-8"),
        pytest.param(BODY.replace(b'"id": "evt_1"', b'"id": "evt_1", "id": "evt_2"'), id="a key twice"),
        pytest.param(BODY.replace(b'"evt_1"', b"1"), id="an id that is a number"),
        pytest.param(BODY.replace(b'"amount": 4200', b'"amount": "4200"'), id="an amount that is text"),
        pytest.param(BODY.replace(b'"amount": 4200', b'"amount": 4200.0'), id="an amount with a point"),
        pytest.param(BODY.replace(b'"amount": 4200', b'"amount": 42e2'), id="an amount with an exponent"),
        pytest.param(BODY.replace(b'"amount_received": 4200', b'"amount_received": -1'), id="less than nothing"),
        pytest.param(event("refund.updated", {"object": "refund"}), id="a refund without an amount"),
    ],
)
async def test_what_is_signed_and_has_not_the_form_is_refused(body: bytes) -> None:
    assert await refused(raw(body)) == "malformed"


@pytest.mark.parametrize(
    ("changes", "configured", "believed"),
    [
        ({"livemode": True}, {}, False),
        ({"livemode": True}, {"secret_key": "sk_live_1"}, True),
        ({"livemode": False}, {"secret_key": "rk_live_1"}, False),
        ({"livemode": True}, {"secret_key": "of-a-form-of-its-own"}, True),
        ({"account": "acct_1"}, {}, False),
        ({"account": "acct_1"}, {"account": "acct_2"}, False),
        ({"account": "acct_1"}, {"account": "acct_1"}, True),
    ],
)
async def test_an_event_of_another_account_or_mode_is_refused(
    changes: dict[str, Any], configured: dict[str, Any], believed: bool
) -> None:
    body = event("payment_intent.succeeded", intent("succeeded", amount_received=4200), **changes)
    if believed:
        assert await read(raw(body), **configured)
    else:
        assert await refused(raw(body), **configured) == "account"


@pytest.mark.parametrize(
    ("kind", "document", "report"),
    [
        ("processing", intent("processing"), Pending()),
        (
            "requires_action",
            intent("requires_action", next_action=REDIRECT),
            ActionNeeded("pi_1", CardAuthenticationAction(url=PAGE)),
        ),
        (
            "amount_capturable_updated",
            intent("requires_capture", amount_capturable=4200),
            Authorized("pi_1", PRICE),
        ),
        ("succeeded", intent("succeeded", amount_received=4200), Captured("pi_1", PRICE)),
        ("canceled", intent("canceled", cancellation_reason="requested_by_customer"), Voided("pi_1")),
        ("canceled", intent("canceled", cancellation_reason="automatic"), Expired("pi_1")),
        ("payment_failed", intent("requires_payment_method", last_payment_error={"code": "card_declined"}), None),
    ],
)
async def test_what_events_of_a_payment_say(kind: str, document: dict[str, Any], report: ProviderReport | None) -> None:
    [notice] = await read(raw(event(f"payment_intent.{kind}", document)))
    assert (notice.event_id, notice.about) == ("evt_1", PaymentNamed(PAYMENT))
    assert (notice.report, notice.operation) == (report, Operation.AUTHORIZE)


@pytest.mark.parametrize(
    ("kind", "document", "report"),
    [
        ("created", refund("succeeded"), Refunded("re_1", PRICE)),
        ("updated", refund("succeeded"), Refunded("re_1", PRICE)),
        ("failed", refund("failed"), Declined("refund_failed", "The money could not be given back.", reference="re_1")),
    ],
)
async def test_what_events_of_a_refund_say(kind: str, document: dict[str, Any], report: ProviderReport) -> None:
    [notice] = await read(raw(event(f"refund.{kind}", document)))
    assert (notice.report, notice.operation, notice.refund_id) == (report, Operation.REFUND, REFUND)


async def test_a_refund_of_money_that_came_too_late_has_no_id() -> None:
    metadata = {"payment_id": PAYMENT, "refund_key": f"{PAYMENT}.refund.1"}
    [notice] = await read(raw(event("refund.created", refund("succeeded", metadata=metadata))))
    assert notice.refund_id is None


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        ("customer.created", {"object": "customer", "metadata": {"payment_id": PAYMENT}}),
        ("payment_intent.created", intent("requires_payment_method")),
        ("payment_intent.succeeded", intent("succeeded", amount_received=4200, metadata={})),
        ("payment_intent.payment_failed", intent("requires_payment_method", metadata={})),
        ("refund.created", refund("succeeded", metadata={"payment_id": PAYMENT})),
        ("refund.created", refund("pending")),
        ("charge.refunded", {"object": "charge", "metadata": {"payment_id": PAYMENT}}),
    ],
)
async def test_what_is_none_of_our_business_is_left_aside(kind: str, document: dict[str, Any]) -> None:
    assert await read(raw(event(kind, document))) == []


@pytest.mark.parametrize("kind", ["charge.captured", "charge.expired"])
async def test_what_a_charge_says_is_a_reason_to_ask(kind: str) -> None:
    [notice] = await read(raw(event(kind, {"object": "charge", "id": "ch_1", "metadata": {"payment_id": PAYMENT}})))
    assert (notice.about, notice.report) == (PaymentNamed(PAYMENT), None)


async def test_people_see_what_it_was_about_and_no_secret() -> None:
    document = intent("succeeded", amount_received=4200, client_secret="pi_1_secret_2", **error())
    [notice] = await read(raw(event("payment_intent.succeeded", document)))
    assert notice.evidence == {
        "type": "payment_intent.succeeded",
        "object": "payment_intent",
        "id": "pi_1",
        "status": "succeeded",
        "amount": 4200,
        "currency": "eur",
    }


@pytest.mark.parametrize(
    ("reception", "status"),
    [(one, {Reception.REFUSED: 400, Reception.UNAVAILABLE: 503}.get(one, 200)) for one in Reception],
)
def test_only_what_should_come_again_is_not_answered_with_200(reception: Reception, status: int) -> None:
    assert StripeNotices(settings()).reply(reception).status == status


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({}, "PAYGATE_STRIPE_SECRET_KEY: "),
        ({"SECRET_KEY": "sk_test_1"}, "PAYGATE_STRIPE_WEBHOOK_SECRETS: "),
        ({"SECRET_KEY": "sk_test_1", "WEBHOOK_SECRETS": "whsec_1"}, "PAYGATE_STRIPE_WEBHOOK_SECRETS: is not JSON"),
        ({"SECRET_KEY": "sk_test_1", "WEBHOOK_SECRETS": "[]"}, "PAYGATE_STRIPE_WEBHOOK_SECRETS: "),
        ({"SECRET_KEY": "sk_test_1", "WEBHOOK_SECRETS": '["whsec_1"]', "URL": "here"}, "PAYGATE_STRIPE_URL: "),
    ],
)
def test_a_missing_or_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], complaint: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"PAYGATE_STRIPE_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load(StripeSettings)
    assert complaint in str(caught.value)
    assert "whsec_1" not in str(caught.value)
