"""The published vectors, in both of VNPay's forms."""

import pytest

from app.providers.vnpay.signature import (
    QUERY_ANSWER_FIELDS,
    QUERY_FIELDS,
    REFUND_ANSWER_FIELDS,
    REFUND_FIELDS,
    is_signed,
    joined,
    query_text,
    signature,
    signed_query,
)

SECRET = "VNPAYHASHSECRETEXAMPLE"
PAY = {
    "vnp_Version": "2.1.0",
    "vnp_Command": "pay",
    "vnp_TmnCode": "EXAMPLE1",
    "vnp_Amount": "20000000",
    "vnp_CurrCode": "VND",
    "vnp_CreateDate": "20251120190000",
    "vnp_ExpireDate": "20251120191500",
    "vnp_IpAddr": "203.0.113.7",
    "vnp_Locale": "vn",
    "vnp_OrderInfo": "Thanh toan don hang 01",
    "vnp_OrderType": "other",
    "vnp_ReturnUrl": "https://shop.example/return?m=vnpay",
    "vnp_TxnRef": "pay01",
    "vnp_BankCode": "",
}
PAY_TEXT = (
    "vnp_Amount=20000000&vnp_Command=pay&vnp_CreateDate=20251120190000&vnp_CurrCode=VND&vnp_ExpireDate=20251120191500"
    "&vnp_IpAddr=203.0.113.7&vnp_Locale=vn&vnp_OrderInfo=Thanh+toan+don+hang+01&vnp_OrderType=other"
    "&vnp_ReturnUrl=https%3A%2F%2Fshop.example%2Freturn%3Fm%3Dvnpay&vnp_TmnCode=EXAMPLE1&vnp_TxnRef=pay01"
    "&vnp_Version=2.1.0"
)
PAY_HASH = (
    "d2dbd10d2e9a4eca2d5bdc415a1c433b967e006dc7a77345f2e6fd9242ece1c97f1b7550ecc5d84b0f45f5ae421804f9e0b368ae601e4e66"
    "d4ae2e220b3c9f76"
)
IPN = {
    "vnp_Amount": "20000000",
    "vnp_BankCode": "NCB",
    "vnp_BankTranNo": "VNP14226112",
    "vnp_CardType": "ATM",
    "vnp_OrderInfo": "Thanh toan don hang 01",
    "vnp_PayDate": "20251120190312",
    "vnp_ResponseCode": "00",
    "vnp_TmnCode": "EXAMPLE1",
    "vnp_TransactionNo": "14226112",
    "vnp_TransactionStatus": "00",
    "vnp_TxnRef": "pay01",
}
IPN_HASH = (
    "4a378f84ba4a5c9e0af549c4f9b7da9f69b302fcae989f3b4244edae941e506521d4f2a36fb46d50ce26f16efdb0001d073e1ed5c8770dbb"
    "471fdcd73f19ed6c"
)
MESSAGES = [
    (
        QUERY_FIELDS,
        "req0001|2.1.0|querydr|EXAMPLE1|pay01|20251120190000|20251120193000|203.0.113.7|Truy van pay01",
        (
            "0e9b9c9c9283867de500136706fb4cdfedb17c76021cfed344608d573d81b9aa"
            "b18377486d69113df94482a6b08f33db2a13880dee90ae40fb01b031cac3c124"
        ),
    ),
    (
        QUERY_ANSWER_FIELDS,
        (
            "rsp0001|querydr|00|Success|EXAMPLE1|pay01|20000000|NCB"
            "|20251120190312|14226112|01|00|Thanh toan don hang 01||"
        ),
        (
            "d53005924c01149e0c4481055da44b66f4990d90d3398024285be17bc6dee02a"
            "8084fbb0dc1511c151e942143a10a465668d934896b58566d42e695d9de2ad93"
        ),
    ),
    (
        REFUND_FIELDS,
        (
            "req0002|2.1.0|refund|EXAMPLE1|03|pay01|5000000|14226112|202"
            "51120190000|shop|20251120200000|203.0.113.7|Hoan tien pay01"
        ),
        (
            "83a9ff3200a1273245e440be3e5301106f8683a22abe2f177099e894d0475c60"
            "15323b2d9979cfd648afd7563baeb5653e3b48e509ff0bc07900bf9baf021eee"
        ),
    ),
    (
        REFUND_ANSWER_FIELDS,
        "rsp0002|refund|00|Success|EXAMPLE1|pay01|5000000|NCB|20251120200003|14226113|03|05|Hoan tien pay01",
        (
            "84d55d862f4b1f5172d6ba31a72ee1727ee9ba50cc07c5dbd3000f45f78857eb"
            "88b36b1c98c97306b758ecc2e683d652ae96a0d8d9669d215b708f0289094c35"
        ),
    ),
]


def test_the_pay_addresss_query_is_the_published_one() -> None:
    assert query_text(PAY) == PAY_TEXT
    assert signed_query(PAY, SECRET) == f"{PAY_TEXT}&vnp_SecureHash={PAY_HASH}"


def test_the_notices_signature_is_the_published_one() -> None:
    assert is_signed(query_text({**IPN, "vnp_SecureHash": IPN_HASH, "vnp_SecureHashType": "x"}), IPN_HASH, SECRET)


@pytest.mark.parametrize(("fields", "text", "published"), MESSAGES)
def test_messages_are_joined_and_signed_as_published(fields: tuple[str, ...], text: str, published: str) -> None:
    values = dict(zip(fields, text.split("|"), strict=True))
    shuffled = dict(reversed(values.items()))
    assert joined(shuffled, fields) == text
    assert joined({name: value or None for name, value in shuffled.items()}, fields) == text
    assert signature(text, SECRET) == published
    assert is_signed(text, published.upper(), SECRET)


@pytest.mark.parametrize("given", [None, "", "00", 1, "g" * 128, IPN_HASH[:-1], f"{IPN_HASH}0", f"{IPN_HASH[:-1]}d"])
def test_anything_else_is_no_signature(given: object) -> None:
    assert not is_signed(query_text(IPN), given, SECRET)


def test_nor_is_that_of_another_merchant() -> None:
    assert not is_signed(query_text(IPN), IPN_HASH, "ANOTHERSECRET")
