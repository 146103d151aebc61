"""The callback: what it says, what is not believed, how it is answered."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from app.domain.money import Money
from app.domain.reports import Captured
from app.providers.notices import Fault, NoticeRefused, PaymentNamed, Reception
from app.providers.zalopay.notices import ZaloPayNotices
from app.providers.zalopay.settings import ZaloPaySettings
from app.providers.zalopay.signature import sign
from tests.providers.wallet import raw_notice
from tests.providers.zalopay.test_signature import DATA, KEY1, KEY2

READER = ZaloPayNotices(ZaloPaySettings(app_id=2000, key1=SecretStr(KEY1), key2=SecretStr(KEY2)))
MAC = "7d094379f869611bf5baa4a2d93c3e5ed92b22584f524a95e69588160497e11f"
CALLBACK: dict[str, Any] = {"data": DATA, "mac": MAC, "type": 1}


def signed(data: str, key: str = KEY2) -> dict[str, Any]:
    return {"data": data, "mac": sign(key, data), "type": 1}


def changed(**changes: Any) -> dict[str, Any]:
    return signed(json.dumps(json.loads(DATA) | changes))


async def test_the_published_callback_is_read() -> None:
    (notice,) = await READER.read(raw_notice(json.dumps(CALLBACK).encode()))
    assert isinstance(notice.about, PaymentNamed)
    assert notice.about.payment_id == "pay_pay01"
    assert notice.report == Captured("251120000000123", Money(200_000, "VND"))
    assert notice.event_id == "251120_pay01.251120000000123"


@pytest.mark.parametrize(
    "body",
    [
        dict(reversed(CALLBACK.items())),
        {**CALLBACK, "mac": MAC.upper()},
        {**CALLBACK, "unsigned": "more"},
        signed(DATA.replace(",", " ,\n")),
        changed(app_user="Nguyễn Văn A"),
        signed(json.dumps(dict(reversed(json.loads(DATA).items())), ensure_ascii=False)),
    ],
    ids=["another order", "upper case", "a further field", "spaces", "other letters", "another order inside"],
)
async def test_the_text_is_verified_as_it_came(body: dict[str, Any]) -> None:
    (notice,) = await READER.read(raw_notice(json.dumps(body).encode()))
    assert isinstance(notice.report, Captured)


async def test_an_agreement_is_of_no_interest() -> None:
    assert await READER.read(raw_notice(json.dumps({**CALLBACK, "type": 2}).encode())) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({**CALLBACK, "data": DATA.replace("200000", "200001")}, "signature"),
        ({**CALLBACK, "data": DATA + " "}, "signature"),
        (signed(DATA, "another merchant's"), "signature"),
        (signed(DATA, KEY1), "signature"),
        ({"data": DATA, "type": 1}, "signature"),
        *[({**CALLBACK, "mac": mac}, "signature") for mac in ("", "not hex", None, 1, "é")],
        ({**CALLBACK, "data": "\ud800"}, "signature"),
        (changed(app_id=2001), "account"),
        (changed(app_id="2000"), "account"),
        ({"mac": MAC, "type": 1}, "malformed"),
        ({**CALLBACK, "data": json.loads(DATA)}, "malformed"),
        *[(changed(amount=amount), "malformed") for amount in ("200000", 200000.0, -1, None, True)],
        (signed(DATA.replace("200000", "2e5")), "malformed"),
        (signed(DATA.replace('"amount"', '"amount":1,"amount"')), "malformed"),
        (signed("[]"), "malformed"),
        (changed(app_trans_id=1), "malformed"),
    ],
)
async def test_what_cannot_be_believed_is_refused(body: dict[str, Any], fault: Fault) -> None:
    with pytest.raises(NoticeRefused) as refusal:
        await READER.read(raw_notice(json.dumps(body).encode()))
    assert refusal.value.fault == fault


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"data": NaN}',
        b'{"data": "\xff"}',
        json.dumps(CALLBACK).encode()[:-1] + b', "mac": "' + MAC.encode() + b'"}',
    ],
)
async def test_what_is_no_callback_is_refused(raw: bytes) -> None:
    with pytest.raises(NoticeRefused) as refusal:
        await READER.read(raw_notice(raw))
    assert refusal.value.fault == "malformed"


@pytest.mark.parametrize(
    ("reception", "fault", "code"),
    [
        (Reception.RECORDED, None, 1),
        (Reception.IGNORED, None, 1),
        (Reception.CONTRADICTED, None, 1),
        (Reception.UNKNOWN_PAYMENT, None, 1),
        (Reception.REPEATED, None, 2),
        (Reception.REFUSED, "signature", -1),
        (Reception.REFUSED, "malformed", -1),
        (Reception.UNAVAILABLE, None, 0),
    ],
)
def test_each_reception_has_its_code(reception: Reception, fault: Fault | None, code: int) -> None:
    reply = READER.reply(reception, fault)
    assert (reply.status, reply.media_type) == (200, "application/json")
    assert json.loads(reply.body)["return_code"] == code
