"""The published vectors, and what a signature is compared with."""

import pytest

from app.providers.momo import signature

SECRET = "SECRETKEYEXAMPLE"
CREATED = {
    "accessKey": "ACCESSKEYEXAMPLE",
    "amount": 200000,
    "extraData": "",
    "ipnUrl": "https://shop.example/webhooks/momo",
    "orderId": "pay_01-1",
    "orderInfo": "Thanh toan don hang 01",
    "partnerCode": "MOMOEXAMPLE",
    "redirectUrl": "https://shop.example/return",
    "requestId": "pay_01-create",
    "requestType": "captureWallet",
}
TOLD = {
    **CREATED,
    "message": "Successful.",
    "orderType": "momo_wallet",
    "payType": "qr",
    "responseTime": 1763640005123,
    "resultCode": 0,
    "transId": 4088878653,
}
CONFIRMED = {**CREATED, "requestId": "pay_01-capture", "requestType": "capture", "description": ""}
REFUNDED = {
    **CREATED,
    "requestId": "pay_01-refund-1",
    "orderId": "pay_01-r1",
    "amount": 50000,
    "description": "Hoan tien",
    "transId": 4088878653,
}
ASKED_REFUND = {**CREATED, "requestId": "pay_01-rq-1", "orderId": "pay_01-r1"}


@pytest.mark.parametrize(
    ("names", "values", "expected"),
    [
        (signature.CREATE, CREATED, "e8627a71fc3c9e596bb0b559b417ef15242ebaf445d7c413ac6f2413dc6d9b3c"),
        (signature.NOTICE, TOLD, "588532fad19c41dea2c02ab7547055762acd0d93d035855ec54a184d02100ed3"),
        (
            signature.QUERY,
            {**CREATED, "requestId": "pay_01-query-1"},
            "2a094a32ff516b706ecc77329186272ce4aa7a34d4f49d715f6395be5755aa14",
        ),
        (signature.CONFIRM, CONFIRMED, "1090d8aaabf5e7b40ff3f3a2736f50ae3c24d4e92b98e7d7572c8c64041b44db"),
        (signature.REFUND, REFUNDED, "027287800ba0fb0f7d1952acc50a22ef8b73adce294f545a01f9e2cf2d035ebc"),
        (signature.QUERY, ASKED_REFUND, "3e57e2bf80fa879088568df335c2ee587a7ca4db876fc176a663b6bd13c8b86b"),
    ],
    ids=["create", "notice", "query", "confirm", "refund", "refund/query"],
)
def test_the_published_vectors_are_met(names: str, values: dict[str, object], expected: str) -> None:
    text = signature.string_to_sign(names, values)
    assert signature.sign(SECRET, text) == expected
    assert signature.is_signed(SECRET, text, expected.upper())
    assert not signature.is_signed(SECRET, text + " ", expected)
    assert not signature.is_signed("another", text, expected)


@pytest.mark.parametrize("given", ["", "0", "not hex", "é" * 64, "\ud800"])
def test_what_is_no_signature_is_refused(given: str) -> None:
    assert not signature.is_signed(SECRET, "text", given)
