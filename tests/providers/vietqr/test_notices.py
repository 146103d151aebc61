"""What the feeds tell, and what is not to be believed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from payos import PayOS, WebhookError  # type: ignore[import-untyped]
from payos.types import Webhook  # type: ignore[import-untyped]

from app.domain.money import Money
from app.domain.reports import Transferred
from app.domain.transfer_codes import transfer_code_for
from app.providers.notices import Fault, Notice, NoticeRefused, RawNotice, Reception, TransferNamed
from app.providers.vietqr.adapter import readers_of
from app.providers.vietqr.payos import order_code
from app.providers.vietqr.settings import VietQrSettings
from app.providers.vietqr.signature import payos_signature, payos_text
from tests.providers.builders import new_payment
from tests.providers.vietqr.feeds import (
    ACCOUNT,
    AT,
    NOW,
    READERS,
    SETTINGS,
    casso,
    casso_data,
    casso_older,
    casso_older_line,
    compact,
    payos,
    payos_data,
    raw,
    sepay,
    sepay_body,
)

SEPAY_VECTOR = "sha256=09680725d0f27d6ad98171bf0bbba4d6ae30691e56bcf2b91d1b746bec98f093"
CASSO_VECTOR = (
    "t=1763640192000,v1=55f40f4b2ab72b2099d1f97c3f042b1bf3ca434bdee76fbb8270349f85c82d23"
    "f90b94534ccf17fc9dbb42ca32ca809a22d112df409d08268bfa313d3b4b17f6"
)
PAYOS_VECTOR = "cc45c61b5c1203f09873364bfd3b3155a4708792598accfc7c6ffe177bfec7e0"
REFERENCE = f"{ACCOUNT}-2025-11-20-FT25324000001-200000"
CODE = transfer_code_for(new_payment())


async def notices(feed: str, told: RawNotice) -> list[Notice]:
    return list(await READERS[feed].read(told))


async def fault_of(feed: str, told: RawNotice) -> str:
    with pytest.raises(NoticeRefused) as refusal:
        await READERS[feed].read(told)
    return refusal.value.fault


def resigned(told: RawNotice, header: str, change: Callable[[str], str]) -> RawNotice:
    return replace(told, headers={**told.headers, header: change(told.headers[header])})


def payos_resigned(told: RawNotice, change: Callable[[str], Any]) -> RawNotice:
    body = json.loads(told.body)
    return raw(compact({**body, "signature": change(body["signature"])}))


def test_the_vectors_are_those_of_the_documents() -> None:
    assert json.loads(payos().body)["signature"] == PAYOS_VECTOR
    assert sepay().headers["x-sepay-signature"] == SEPAY_VECTOR
    assert casso().headers["x-casso-signature"] == CASSO_VECTOR
    create: dict[str, Any] = {
        "amount": 200000,
        "cancelUrl": "https://shop.example/cancel",
        "description": "PAY7K3Q9X",
        "orderCode": 1001,
        "returnUrl": "https://shop.example/return",
    }
    signed = payos_signature("PAYOS_CHECKSUM_KEY_EXAMPLE", payos_text(create))
    assert signed == "31e826a6693db14f79b6afdad498346e5f782b61caa354bf49fa064a58c265d3"


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        ("payos", payos()),
        ("sepay", sepay()),
        ("sepay", raw(compact(sepay_body()), {"authorization": "Apikey SEPAY_API_KEY_EXAMPLE"})),
        ("casso", casso()),
        ("casso", casso_older(casso_older_line())),
    ],
)
async def test_every_feed_tells_the_same_of_a_transfer(feed: str, told: RawNotice) -> None:
    assert await notices(feed, told) == [
        Notice(
            event_id=REFERENCE,
            about=TransferNamed(None),
            report=Transferred(REFERENCE, Money(200000, "VND")),
            evidence={
                "account": ACCOUNT,
                "bank_reference": "FT25324000001",
                "amount": 200000,
                "at": "2025-11-20T19:03:12+07:00",
                "text": "PAY7K3Q9X",
            },
        )
    ]


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        ("payos", payos(payos_data(description=f"ct den {CODE.lower()} 0912"))),
        ("sepay", sepay(sepay_body(content=f"MBVCB.1.{CODE[:7]} {CODE[7:]}.CT tu"))),
        ("casso", casso(casso_data(description=f"Thanh toán {CODE}"))),
        ("casso", casso_older(casso_older_line(description=f"{CODE}-0912"))),
    ],
)
async def test_the_code_is_found_in_what_a_bank_made_of_the_text(feed: str, told: RawNotice) -> None:
    assert [notice.about for notice in await notices(feed, told)] == [TransferNamed(CODE)]


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        ("payos", payos(payos_data(code="01"))),
        ("payos", payos(payos_data(amount=-200000))),
        ("sepay", sepay(sepay_body(transferType="out"))),
        ("casso", casso(casso_data(amount=-200000))),
        ("casso", casso_older(casso_older_line(amount=-200000))),
        ("casso", casso_older()),
    ],
)
async def test_money_that_did_not_come_in_is_of_no_interest(feed: str, told: RawNotice) -> None:
    assert await notices(feed, told) == []


@pytest.mark.parametrize("text", ["VQRIO123", "Ma giao dich thu nghiem"])
async def test_the_message_that_payos_tries_an_address_with_is_taken(text: str) -> None:
    trial = payos_data(orderCode=123, amount=3000, description=text, accountNumber="12345678", reference="TF2302042")
    assert await notices("payos", payos(trial)) == []
    assert READERS["payos"].reply(Reception.IGNORED).body == b'{"success": true}'
    # With its text alone, real money is not hidden.
    assert len(await notices("payos", payos({**trial, "accountNumber": ACCOUNT}))) == 1


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        ("payos", payos(payos_data(accountNumber="9999"))),
        ("sepay", sepay(sepay_body(accountNumber="9999"))),
        ("casso", casso(casso_data(accountNumber="9999"))),
        ("casso", casso_older(casso_older_line(bank_sub_acc_id="9999"))),
    ],
)
async def test_another_account_is_not_ours(feed: str, told: RawNotice) -> None:
    assert await fault_of(feed, told) == "account"


async def test_of_a_list_what_is_in_our_account_is_taken() -> None:
    lines = [casso_older_line(bank_sub_acc_id="9999"), casso_older_line(tid="A"), casso_older_line(tid="B", amount=-1)]
    assert [notice.evidence["bank_reference"] for notice in await notices("casso", casso_older(*lines))] == ["A"]


FORGED = {
    "payos: body": ("payos", raw(payos().body.replace(b"200000", b"200001"))),
    "payos: another's key": ("payos", payos(key="ANOTHER")),
    "payos: a field that is not signed": (
        "payos",
        raw(compact({**json.loads(payos().body), "data": payos_data(extra="1")})),
    ),
    "payos: empty": ("payos", payos_resigned(payos(), lambda _: "")),
    "payos: not hex": ("payos", payos_resigned(payos(), lambda _: "z" * 64)),
    "payos: twice": ("payos", payos_resigned(payos(), lambda signed: f"{signed}, {signed}")),
    "sepay: body": ("sepay", replace(sepay(), body=sepay().body.replace(b"200000", b"200001"))),
    "sepay: other order": (
        "sepay",
        replace(sepay(), body=compact(dict(sorted(sepay_body().items())))),
    ),
    "sepay: another's key": ("sepay", sepay(secret="ANOTHER")),
    "sepay: time stamp changed": ("sepay", resigned(sepay(), "x-sepay-timestamp", lambda at: str(int(at) + 1))),
    "sepay: missing": ("sepay", replace(sepay(), headers={})),
    "sepay: empty": ("sepay", resigned(sepay(), "x-sepay-signature", lambda _: "")),
    "sepay: not hex": ("sepay", resigned(sepay(), "x-sepay-signature", lambda _: "sha256=" + "z" * 64)),
    "sepay: twice": ("sepay", resigned(sepay(), "x-sepay-signature", lambda signed: f"{signed}, {signed}")),
    "sepay: another way": ("sepay", resigned(sepay(), "x-sepay-signature", lambda signed: signed.replace("256", "1"))),
    "sepay: wrong API key": ("sepay", raw(compact(sepay_body()), {"authorization": "Apikey ANOTHER"})),
    "sepay: no API key": ("sepay", raw(compact(sepay_body()), {"authorization": "Apikey "})),
    "casso: body": ("casso", replace(casso(), body=casso().body.replace(b"200000", b"200001"))),
    "casso: a field that is not signed": (
        "casso",
        replace(casso(), body=casso().body.replace(b'{"error"', b'{"x":1,"error"')),
    ),
    "casso: another's key": ("casso", casso(key="ANOTHER")),
    "casso: missing": ("casso", replace(casso(), headers={})),
    "casso: empty": ("casso", replace(casso(), headers={"x-casso-signature": ""})),
    "casso: not hex": ("casso", replace(casso(), headers={"x-casso-signature": f"t={AT}000,v1={'z' * 128}"})),
    "casso: twice": ("casso", resigned(casso(), "x-casso-signature", lambda signed: f"{signed}, {signed}")),
    "casso: wrong token": ("casso", casso_older(casso_older_line(), token="ANOTHER")),
    "casso: empty token": ("casso", casso_older(casso_older_line(), token="")),
}


@pytest.mark.parametrize(("feed", "told"), FORGED.values(), ids=FORGED.keys())
async def test_what_is_not_signed_is_refused(feed: str, told: RawNotice) -> None:
    assert await fault_of(feed, told) == "signature"


def _signed_as_text(feed: str, find: bytes, put: bytes) -> RawNotice:
    """With the body changed and then signed as it is, so that only its form is wrong."""
    if feed == "sepay":
        return sepay(sepay().body.replace(find, put))
    told = casso_older(casso_older_line())
    return replace(told, body=told.body.replace(find, put))


@pytest.mark.parametrize("feed", ["sepay", "casso"])
@pytest.mark.parametrize(
    ("find", "put"),
    [
        (b":200000", b':"200000"'),
        (b":200000", b":200000.0"),
        (b":200000", b":2e5"),
        (b":200000", b":true"),
        (b":200000", b":NaN"),
        (b'"id":', b'"id":1,"id":'),
        (b"PAY7", b"\xff\xfe"),
        (b"PAY7", b"\\ud800"),
        (b"2025-11-20", b"2025-13-20"),
        (b"2025-11-20 19:03:12", b"0001-01-01T00:00:00+14:00"),
        (b'"PAY7K3Q9X"', b"null"),
        (b"}", b""),
    ],
)
async def test_what_is_written_otherwise_is_malformed(feed: str, find: bytes, put: bytes) -> None:
    assert await fault_of(feed, _signed_as_text(feed, find, put)) == "malformed"


@pytest.mark.parametrize("amount", ["200000", 200000.0, True, None])
async def test_an_amount_is_a_whole_number_for_the_signing_feeds_too(amount: object) -> None:
    told = payos_data(amount=amount)
    signed = payos_signature("PAYOS_CHECKSUM_KEY_EXAMPLE", payos_text(told))
    assert await fault_of("payos", payos(told, signature=signed)) == "malformed"
    assert await fault_of("casso", casso(casso_data(amount=amount))) == "malformed"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"data":1,"signature":""}', b'{"data":{}}', b"\xff", b"[" * 9999]
)
async def test_what_is_no_message_is_malformed(body: bytes) -> None:
    assert await fault_of("payos", raw(body)) == "malformed"
    assert await fault_of("sepay", sepay(body)) == "malformed"
    assert await fault_of("casso", raw(body, {"secure-token": "CASSO_TOKEN_EXAMPLE"})) == "malformed"


async def test_a_key_that_stands_twice_is_malformed_before_a_signature_is_looked_for() -> None:
    assert await fault_of("payos", raw(payos().body.replace(b'"code"', b'"code":"01","code"', 1))) == "malformed"


async def test_the_order_of_fields_is_nothing_to_those_that_sign_them_by_name() -> None:
    assert len(await notices("payos", payos(dict(sorted(payos_data().items()))))) == 1
    assert len(await notices("casso", casso(dict(sorted(casso_data().items()))))) == 1


async def test_upper_case_digits_are_the_same_digits() -> None:
    assert len(await notices("payos", payos_resigned(payos(), str.upper))) == 1
    in_capitals = resigned(sepay(), "x-sepay-signature", lambda signed: "sha256=" + signed[7:].upper())
    assert len(await notices("sepay", in_capitals)) == 1


@pytest.mark.parametrize("late", [-301, -300, 300, 301])
async def test_a_time_stamp_is_believed_for_five_minutes_on_both_sides(late: int) -> None:
    told = {"sepay": sepay(), "casso": casso()}
    for feed, notice in told.items():
        then = replace(notice, received_at=NOW + timedelta(seconds=late))
        if abs(late) > 300:
            assert await fault_of(feed, then) == "stale"
        else:
            assert len(await notices(feed, then)) == 1


@pytest.mark.parametrize("at", ["", "now", "-1", "1e9", "٣", "9" * 400])
async def test_a_time_stamp_is_digits(at: str) -> None:
    assert await fault_of("sepay", sepay(at=at)) == "malformed"


@pytest.mark.parametrize("slashes", [False, True])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_casso_may_escape_as_it_likes(slashes: bool, ascii_only: bool) -> None:
    data = casso_data(description="Thanh toán / đơn hàng")
    assert len(await notices("casso", casso(data, ascii=ascii_only, slashes=slashes))) == 1


async def test_a_transfer_by_one_payments_link_that_names_another_payment_is_for_people() -> None:
    settings = SETTINGS.model_copy(update={"payos_client_id": "client", "payos_api_key": SETTINGS.sepay_api_key})
    reader = next(reader for reader in readers_of(settings) if reader.name == "payos")
    for order, code in [(order_code(CODE), CODE), (order_code(CODE, 2), CODE), (1001, None)]:
        told = payos(payos_data(orderCode=order, description=CODE))
        assert [notice.about for notice in await reader.read(told)] == [TransferNamed(code)]


async def test_the_day_is_the_banks_whatever_the_offset() -> None:
    (told,) = await notices("casso", casso(casso_data(transactionDateTime="2025-11-20T18:30:00Z")))
    assert told.event_id == f"{ACCOUNT}-2025-11-21-FT25324000001-200000"


async def test_a_feed_without_a_reference_of_the_bank_has_its_own_number() -> None:
    (told,) = await notices("sepay", sepay(sepay_body(referenceCode="")))
    assert told.event_id == f"{ACCOUNT}-2025-11-20-SEPAY 92704-200000"


def test_only_feeds_with_a_key_are_read() -> None:
    assert [reader.name for reader in readers_of(VietQrSettings(bank="970436", account=ACCOUNT))] == []
    assert sorted(READERS) == ["casso", "payos", "sepay"]


@pytest.mark.parametrize("feed", ["payos", "sepay", "casso"])
def test_every_feed_is_answered_that_all_is_well_unless_it_should_tell_again(feed: str) -> None:
    again = {Reception.REFUSED, Reception.UNAVAILABLE}
    for reception in Reception:
        reply = READERS[feed].reply(reception, "signature")
        assert json.loads(reply.body) == {"success": reception not in again}
        assert (reply.status == 200) == (reception not in again)
    statuses = {fault: READERS[feed].reply(Reception.REFUSED, fault).status for fault in get_args(Fault)}
    assert statuses == {"signature": 401, "stale": 401, "account": 403, "malformed": 400}


def test_the_official_library_believes_the_same() -> None:
    official = PayOS("client", "api key", "PAYOS_CHECKSUM_KEY_EXAMPLE")
    told = payos(payos_data(description=f"Thanh toán {CODE} & more=1"))
    assert official.webhooks.verify(told.body).amount == 200000
    body = json.loads(told.body)
    assert payos_signature("PAYOS_CHECKSUM_KEY_EXAMPLE", payos_text(body["data"])) == body["signature"]
    with pytest.raises(WebhookError):
        official.webhooks.verify(Webhook.model_validate({**body, "data": {**body["data"], "amount": 200001}}))
