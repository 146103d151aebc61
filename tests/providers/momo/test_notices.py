"""The IPN: what it says, what is not believed, how it is answered."""

import json
from typing import Any

import pytest
from pydantic import SecretStr

from app.domain.money import Money
from app.domain.reports import Captured, Declined, Expired, ProviderReport, Voided
from app.providers.momo.notices import MomoNotices
from app.providers.momo.settings import MomoSettings
from app.providers.momo.signature import NOTICE, sign, string_to_sign
from app.providers.notices import Fault, NoticeRefused, NoticeReply, PaymentNamed, Reception
from tests.providers.wallet import raw_notice

SECRET = "SECRETKEYEXAMPLE"
READER = MomoNotices(
    MomoSettings(partner_code="MOMOEXAMPLE", access_key="ACCESSKEYEXAMPLE", secret_key=SecretStr(SECRET))
)
IPN: dict[str, Any] = {
    "partnerCode": "MOMOEXAMPLE",
    "orderId": "pay_01-1",
    "requestId": "pay_01-create",
    "amount": 200000,
    "orderInfo": "Thanh toan don hang 01",
    "orderType": "momo_wallet",
    "transId": 4088878653,
    "resultCode": 0,
    "message": "Successful.",
    "payType": "qr",
    "responseTime": 1763640005123,
    "extraData": "",
    "signature": "588532fad19c41dea2c02ab7547055762acd0d93d035855ec54a184d02100ed3",
}


def signed(secret: str = SECRET, **changes: Any) -> dict[str, Any]:
    values = IPN | changes
    text = string_to_sign(NOTICE, {**values, "accessKey": "ACCESSKEYEXAMPLE"})
    return {**values, "signature": sign(secret, text)}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in IPN.items() if key != name}


async def read(body: object) -> ProviderReport | None:
    (notice,) = await READER.read(raw_notice(json.dumps(body, ensure_ascii=False).encode()))
    return notice.report


async def test_the_published_notice_is_read() -> None:
    (notice,) = await READER.read(raw_notice(json.dumps(IPN).encode()))
    assert notice.about == PaymentNamed(IPN["orderId"])
    assert notice.report == Captured("4088878653", Money(200_000, "VND"))
    assert notice.event_id == "pay_01-1.4088878653.0"
    assert "ACCESSKEYEXAMPLE" not in str(notice.evidence)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (1006, Voided("pay_01-1")),
        (1003, Voided("pay_01-1")),
        (1005, Expired("pay_01-1")),
        (1001, Declined("insufficient_funds", "Successful.")),
        *[(code, None) for code in (9000, 1000, 7000, 7002, 98, 99, 10, 123456)],
    ],
)
async def test_what_is_definite_is_reported_and_the_rest_is_a_reason_to_ask(
    code: int, expected: ProviderReport | None
) -> None:
    assert await read(signed(resultCode=code)) == expected


@pytest.mark.parametrize(
    "body",
    [
        dict(reversed(IPN.items())),
        {**IPN, "signature": IPN["signature"].upper()},
        {**IPN, "unsigned": "more"},
        signed(orderInfo="Đơn hàng số 1 & more=less"),
    ],
    ids=["another order", "upper case", "a further field", "text that looks like fields"],
)
async def test_what_changes_nothing_that_is_signed_is_accepted(body: dict[str, Any]) -> None:
    assert isinstance(await read(body), Captured)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        *[(json.dumps({**IPN, name: IPN[name] + 1}), "signature") for name in ("amount", "transId", "resultCode")],
        *[(json.dumps({**IPN, name: IPN[name] + "1"}), "signature") for name in ("orderId", "partnerCode", "message")],
        (json.dumps(signed("another merchant's")), "signature"),
        (json.dumps(without("signature")), "signature"),
        *[(json.dumps({**IPN, "signature": given}), "signature") for given in ("", "not hex", None, 1, "é")],
        (json.dumps(signed(partnerCode="OTHER")), "account"),
        *[(json.dumps(without(name)), "malformed") for name in ("amount", "orderId", "extraData")],
        *[(json.dumps(IPN).replace("200000", amount), "malformed") for amount in ('"200000"', "200000.0", "2e5", "-1")],
        (json.dumps(IPN).replace('"amount"', '"amount": 1, "amount"'), "malformed"),
        (json.dumps(IPN)[:-1] + ', "signature": "' + IPN["signature"] + '"}', "malformed"),
        (json.dumps({**IPN, "message": "\ud800"}), "malformed"),
        *[(text, "malformed") for text in ("", "{", "[]", "null", '{"amount": NaN}', "[" * 100_000)],
    ],
)
async def test_what_cannot_be_believed_is_refused(body: str, fault: Fault) -> None:
    with pytest.raises(NoticeRefused) as refusal:
        await READER.read(raw_notice(body.encode()))
    assert refusal.value.fault == fault


async def test_what_is_not_utf_8_is_refused() -> None:
    with pytest.raises(NoticeRefused) as refusal:
        await READER.read(raw_notice(json.dumps(IPN).encode().replace(b"Successful.", b"\xff")))
    assert refusal.value.fault == "malformed"


@pytest.mark.parametrize("reception", Reception)
def test_each_reception_is_answered_without_a_body(reception: Reception) -> None:
    expected = {Reception.REFUSED: 400, Reception.UNAVAILABLE: 503}.get(reception, 204)
    assert READER.reply(reception) == NoticeReply(expected)
