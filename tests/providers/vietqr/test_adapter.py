"""VietQR's adapter against the simulated bank and its feeds."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import JsonValue, SecretStr

from app.domain.money import Money
from app.domain.payment.events import Operation
from app.domain.reports import ActionNeeded, Declined, Missing, Pending, Transferred, Unknown, Voided
from app.domain.transfer_codes import transfer_code_for
from app.laptop.sandbox.vietqr.account import (
    ACCOUNT,
    BANK,
    PAYOS_API_KEY,
    PAYOS_CHECKSUM_KEY,
    PAYOS_CLIENT_ID,
    SEPAY_TOKEN,
)
from app.providers.http import ProviderHttp
from app.providers.port import CaptureCall, Confirmation, ProviderUnreachable, RefundCall, VoidCall
from app.providers.vietqr.adapter import VietQrProvider, connected
from app.providers.vietqr.payos import PayosLinks, order_code
from app.providers.vietqr.qr import VietQr, parse
from app.providers.vietqr.sepay import SepayStatement
from app.providers.vietqr.settings import VietQrSettings
from app.providers.vietqr.signature import payos_signature, payos_text
from app.settings import SettingsError, load
from tests.providers.builders import INITIATED, RETURN_URL, new_payment
from tests.providers.vietqr.paying import (
    BY_PAYOS,
    PRICE,
    Shop,
    authorization,
    open_shop,
    query,
    settings_for,
    shown,
    terms,
    transfer,
)
from tests.support.plain_http import NO_CERTIFICATES
from tests.support.sandbox_process import SandboxProcess

KEYS = (PAYOS_CLIENT_ID, SecretStr(PAYOS_API_KEY), SecretStr(PAYOS_CHECKSUM_KEY))
TOKEN = SecretStr(SEPAY_TOKEN)
FAULTS = ["timeout_before", "timeout_after", "error_after", "reset", "truncated"]


@pytest.fixture
async def shop(sandbox: SandboxProcess) -> AsyncIterator[Shop]:
    """Told by SePay."""
    async with open_shop(sandbox.url) as opened:
        yield opened


@pytest.fixture
async def payos(sandbox: SandboxProcess) -> AsyncIterator[Shop]:
    """Whose codes payOS makes."""
    async with open_shop(sandbox.url, **BY_PAYOS) as opened:
        yield opened


@pytest.fixture
def alone() -> VietQrProvider:
    """Nobody can be asked, and nobody need be called."""
    return VietQrProvider(VietQrSettings(bank=BANK, account=ACCOUNT), ())


def reference_of(bank_reference: str, amount: int = PRICE.amount) -> str:
    day = datetime.now(UTC) + timedelta(hours=7)
    return f"{ACCOUNT}-{day.date()}-{bank_reference}-{amount}"


async def fault(sandbox: SandboxProcess, call: str, kind: str) -> None:
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as director:
        script = {"provider": "vietqr", "call": call, "fault": kind}
        (await director.post(f"{sandbox.url}/faults", json=script)).raise_for_status()


async def test_the_code_is_shown_without_a_call_and_is_always_the_same(alone: VietQrProvider) -> None:
    about = terms(new_payment())
    code = transfer_code_for(about.payment_id)
    reference, payload = shown(await alone.authorize(authorization(about)))
    assert reference == code
    assert parse(payload) == VietQr(BANK, ACCOUNT, PRICE.amount, purpose=code)
    assert shown(await alone.authorize(authorization(about))) == (code, payload)
    assert shown(await alone.look_up(query(about, None))) == (code, payload)


async def test_what_it_does_not_offer_is_declined_before_any_call(alone: VietQrProvider) -> None:
    card = await alone.authorize(authorization(replace(terms(new_payment()), method="card")))
    euro = await alone.authorize(authorization(terms(new_payment(), Money(100, "EUR"))))
    assert isinstance(card, Declined)
    assert isinstance(euro, Declined)
    assert (card.code, euro.code) == ("method_not_supported", "currency_not_supported")


def test_it_offers_qr_codes_in_dong_and_watches_where_somebody_can_be_asked(alone: VietQrProvider, shop: Shop) -> None:
    offered = alone.capabilities
    assert offered.methods == {"qr"}
    assert offered.currencies == frozenset({"VND"})
    assert (offered.manual_capture, offered.refunds, offered.session_life) == (False, False, None)
    assert shop.provider.capabilities.session_life == timedelta(days=1)


async def test_nothing_is_held_ended_or_given_back_by_a_call(alone: VietQrProvider) -> None:
    about = terms(new_payment())
    assert await alone.void(VoidCall(about, "key", "code", held=False)) == Voided("code")
    assert await alone.look_up(query(about, "code", operation=Operation.VOID)) == Voided("code")
    for by_hand in (
        await alone.refund(RefundCall(about, "key", "code", PRICE, PRICE)),
        await alone.look_up(query(about, "code", operation=Operation.REFUND)),
    ):
        assert isinstance(by_hand, Declined)
        assert (by_hand.code, by_hand.retryable) == ("refund_by_hand", False)
    assert isinstance(await alone.confirm(Confirmation(about, "key", "code")), Unknown)
    assert isinstance(await alone.capture(CaptureCall(about, "key", "code", PRICE)), Unknown)
    assert await alone.look_up(query(about, "code", operation=Operation.CAPTURE)) == Missing(conclusive=True)


async def test_transfers_are_found_by_asking_one_at_a_time(shop: Shop, sandbox: SandboxProcess) -> None:
    about = terms(new_payment())
    code, payload = shown(await shop.provider.authorize(authorization(about)))
    assert isinstance(await shop.provider.look_up(query(about, code)), ActionNeeded)

    part = await transfer(sandbox.url, payload, amount="150000", text=f"tra tien {code}")
    first = reference_of(part, 150_000)
    assert await shop.provider.look_up(query(about, code)) == Transferred(first, Money(150_000, "VND"))

    counted = query(about, code, outstanding=50_000, counted=(first,))
    _, rest = shown(await shop.provider.look_up(counted))
    assert parse(rest) == VietQr(BANK, ACCOUNT, 50_000, purpose=code)
    second = reference_of(await transfer(sandbox.url, rest), 50_000)
    assert await shop.provider.look_up(counted) == Transferred(second, Money(50_000, "VND"))
    assert await shop.provider.look_up(query(about, code)) == Transferred(first, Money(150_000, "VND"))

    all_counted = query(about, code, outstanding=0, counted=(first, second))
    assert await shop.provider.look_up(all_counted) == Pending()
    assert [each["amount"] for each in sandbox.ledger(code)] == [150_000, 50_000]


async def test_the_transfer_of_another_payment_is_not_this_ones(shop: Shop, sandbox: SandboxProcess) -> None:
    about, another = terms(new_payment()), terms(new_payment())
    _, payload = shown(await shop.provider.authorize(authorization(another)))
    await transfer(sandbox.url, payload)
    assert isinstance(await shop.provider.look_up(query(about, None)), ActionNeeded)


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_statement_that_does_not_come_says_nothing(shop: Shop, sandbox: SandboxProcess, kind: str) -> None:
    about = terms(new_payment())
    code, payload = shown(await shop.provider.authorize(authorization(about)))
    bank_reference = await transfer(sandbox.url, payload)
    await fault(sandbox, "sepay_list", kind)
    assert isinstance(await shop.hasty.look_up(query(about, code)), Unknown)
    assert await shop.provider.look_up(query(about, code)) == Transferred(reference_of(bank_reference), PRICE)
    assert shown(await shop.provider.authorize(authorization(about))) == (code, payload)
    assert len(sandbox.ledger(code)) == 1


async def test_by_payos_a_code_is_made_and_its_transfers_are_found(payos: Shop, sandbox: SandboxProcess) -> None:
    about = terms(new_payment(), expires_at=datetime.now(UTC) + timedelta(hours=1))
    link, payload = shown(await payos.provider.authorize(authorization(about)))
    code = transfer_code_for(about.payment_id)
    assert link == f"link-{order_code(code)}"
    asked = parse(payload)
    assert (asked.amount, asked.purpose) == (PRICE.amount, code)
    assert asked.account != ACCOUNT

    # By a link, the text may be anything but another payment's code.
    first = reference_of(await transfer(sandbox.url, payload, amount="150000", text="cam on"), 150_000)
    assert await payos.provider.look_up(query(about, link)) == Transferred(first, Money(150_000, "VND"))
    another = transfer_code_for(new_payment())
    await transfer(sandbox.url, payload, amount="50000", text=another)
    counted = query(about, link, outstanding=50_000, counted=(first,))
    reference, rest = shown(await payos.provider.look_up(counted))
    assert reference == link
    assert parse(rest) == VietQr(BANK, asked.account, 50_000, purpose=code)


async def test_a_link_that_payos_has_cancelled_is_the_end(payos: Shop, sandbox: SandboxProcess) -> None:
    about = terms(new_payment())
    link, _ = shown(await payos.provider.authorize(authorization(about)))
    headers = {"x-client-id": PAYOS_CLIENT_ID, "x-api-key": PAYOS_API_KEY}
    async with httpx.AsyncClient(
        base_url=sandbox.url, headers=headers, trust_env=False, verify=NO_CERTIFICATES
    ) as merchant:
        await merchant.post(f"/vietqr/payos/v2/payment-requests/{link}/cancel", json={})
    assert await payos.provider.look_up(query(about, link)) == Voided(link)


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_link_whose_answer_was_lost_is_made_anew(payos: Shop, sandbox: SandboxProcess, kind: str) -> None:
    about = terms(new_payment())
    await fault(sandbox, "payos_create", kind)
    assert isinstance(await payos.hasty.authorize(authorization(about)), Unknown)
    # Whether there is a link or not, nobody has its code.
    assert await payos.provider.look_up(query(about, None)) == Missing(conclusive=True)
    link, payload = shown(await payos.provider.authorize(authorization(about)))
    bank_reference = await transfer(sandbox.url, payload)
    await fault(sandbox, "payos_show", kind)
    assert isinstance(await payos.hasty.look_up(query(about, link)), Unknown)
    assert await payos.provider.look_up(query(about, link)) == Transferred(reference_of(bank_reference), PRICE)
    assert len(sandbox.ledger(transfer_code_for(about.payment_id))) == 1


async def test_a_payment_begun_before_payos_made_the_codes_goes_on(payos: Shop, alone: VietQrProvider) -> None:
    about = terms(new_payment())
    code, payload = shown(await alone.authorize(authorization(about)))
    assert shown(await payos.provider.look_up(query(about, code))) == (code, payload)


async def test_what_payos_refuses_is_declined_in_its_words(payos: Shop, sandbox: SandboxProcess) -> None:
    late = await payos.provider.authorize(authorization(terms(new_payment(), expires_at=INITIATED - timedelta(1))))
    assert isinstance(late, Declined)
    assert late.code == "payos_20"
    async with open_shop(sandbox.url, **{**BY_PAYOS, "payos_api_key": "another"}) as stranger:
        refused = await stranger.provider.authorize(authorization(terms(new_payment())))
        assert isinstance(refused, Declined)
        assert refused.code == "payos_401"


async def test_nobody_there_is_certainly_nothing_done() -> None:
    nowhere = settings_for("http://127.0.0.1:9", **{**BY_PAYOS, "sepay_token": "token"})
    async with connected(nowhere, 0.2) as provider:
        with pytest.raises(ProviderUnreachable):
            await provider.authorize(authorization(terms(new_payment())))
        assert isinstance(await provider.look_up(query(terms(new_payment()), "link-1")), Unknown)


async def test_one_that_is_silent_does_not_hide_what_another_has_seen(sandbox: SandboxProcess) -> None:
    silent = {**BY_PAYOS, "sepay_token": "sandbox-sepay-token", "payos_url": "http://127.0.0.1:9"}
    async with open_shop(sandbox.url) as shop, connected(settings_for(sandbox.url, **silent), 1.0) as provider:
        about = terms(new_payment())
        code, payload = shown(await shop.provider.authorize(authorization(about)))
        bank_reference = await transfer(sandbox.url, payload)
        assert await provider.look_up(query(about, code)) == Transferred(reference_of(bank_reference), PRICE)


class Recorder:
    """Answers everything with the same, and keeps what it was asked."""

    def __init__(self, answer: object, status: int = 200) -> None:
        self.requests: list[httpx.Request] = []
        self._answer, self._status = answer, status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, json=self._answer)

    def http(self) -> ProviderHttp:
        client = httpx.AsyncClient(base_url="https://feed.test/v2", transport=httpx.MockTransport(self))
        return ProviderHttp(client, "feed", 5.0, repeat_seconds=0.1)


async def test_what_sepay_is_asked() -> None:
    recorder = Recorder({"status": "success", "data": []})
    about = terms(new_payment())
    await SepayStatement(recorder.http(), TOKEN, ACCOUNT).of(query(about, None))
    (request,) = recorder.requests
    code = transfer_code_for(about.payment_id)
    assert (request.method, str(request.url)) == (
        "GET",
        f"https://feed.test/v2/transactions?transaction_content={code}&transfer_type=in&per_page=100",
    )
    assert request.headers["authorization"] == "Bearer sandbox-sepay-token"


async def test_what_payos_is_asked() -> None:
    recorder = Recorder({"code": "20", "desc": "no"})
    links = PayosLinks(recorder.http(), *KEYS)
    about = terms(new_payment(), expires_at=INITIATED)
    await links.open(about)
    await links.of(query(about, "link/1"))
    create, exists, show = recorder.requests
    code = transfer_code_for(about.payment_id)
    signed: dict[str, JsonValue] = {
        "amount": 200000,
        "cancelUrl": RETURN_URL,
        "description": code,
        "orderCode": order_code(code),
        "returnUrl": RETURN_URL,
    }
    signature = payos_signature("sandbox-payos-checksum-key", payos_text(signed))
    assert (create.method, create.url.path) == ("POST", "/v2/v2/payment-requests")
    assert json.loads(create.content) == {**signed, "expiredAt": int(INITIATED.timestamp()), "signature": signature}
    assert (exists.method, exists.url.path) == ("GET", f"/v2/v2/payment-requests/{order_code(code)}")
    assert (show.method, show.url.raw_path) == ("GET", b"/v2/v2/payment-requests/link%2F1")
    for request in recorder.requests:
        assert request.headers["x-client-id"] == "sandbox-payos-client"
        assert request.headers["x-api-key"] == "sandbox-payos-api-key"


GOOD_LINK = {"paymentLinkId": "l", "orderCode": 1, "amount": 200000, "qrCode": ""}


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {}),
        (200, {"code": "00", "data": None}),
        (200, {"code": "00", "data": GOOD_LINK}),
        (200, {"code": "00", "data": {**GOOD_LINK, "amount": 1}}),
        (500, {"code": "20"}),
        (302, {"code": "00"}),
    ],
)
async def test_what_nobody_understands_is_unknown(status: int, answer: object) -> None:
    links = PayosLinks(Recorder(answer, status).http(), *KEYS)
    sepay = SepayStatement(Recorder(answer, status).http(), TOKEN, ACCOUNT)
    about = terms(new_payment())
    for asked in (links.open(about), links.of(query(about, "l")), sepay.of(query(about, "l"))):
        assert isinstance(await asked, Unknown)


async def test_too_many_questions_are_asked_again_later() -> None:
    recorder = Recorder({"status": "error"}, 429)
    with pytest.raises(ProviderUnreachable):
        await SepayStatement(recorder.http(), TOKEN, ACCOUNT).of(query(terms(new_payment()), None))
    assert len(recorder.requests) > 1


def test_settings_that_do_not_fit_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"PAYGATE_VIETQR_BANK: .*\nPAYGATE_VIETQR_ACCOUNT: "):
        load(VietQrSettings)
    monkeypatch.setenv("PAYGATE_VIETQR_BANK", "970436")
    monkeypatch.setenv("PAYGATE_VIETQR_ACCOUNT", ACCOUNT)
    monkeypatch.setenv("PAYGATE_VIETQR_PAYOS_CLIENT_ID", "client")
    with pytest.raises(SettingsError, match="PAYGATE_VIETQR_PAYOS_API_KEY: required"):
        load(VietQrSettings)
