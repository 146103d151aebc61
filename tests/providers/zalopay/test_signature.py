"""The published vectors, and what a mac is compared with."""

import pytest

from app.providers.zalopay.signature import is_signed, joined, sign

KEY1, KEY2 = "ZALO_KEY1_EXAMPLE", "ZALO_KEY2_EXAMPLE"
EMBEDDED = '{"redirecturl":"https://shop.example/return"}'
DATA = (
    '{"app_id":2000,"app_trans_id":"251120_pay01","app_time":1763640000000,"app_user":"user_1","amount":200000,'
    '"embed_data":"{\\"redirecturl\\":\\"https://shop.example/return\\"}","item":"[]","zp_trans_id":251120000000123,'
    '"server_time":1763640060000,"channel":38,"merchant_user_id":"u","user_fee_amount":0,"discount_amount":0}'
)


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        (
            KEY1,
            joined(2000, "251120_pay01", "user_1", 200_000, 1763640000000, EMBEDDED, "[]"),
            "3e4f3c3bc5dc828767641d5b1be0665b7cea3bf03164fcd3654a2aa9db2c5726",
        ),
        (KEY2, DATA, "7d094379f869611bf5baa4a2d93c3e5ed92b22584f524a95e69588160497e11f"),
        (
            KEY2,
            joined(2000, "251120_pay01", 38, "", 200_000, 0, 1),
            "2401d8e892d655baf7a63bc63b7615a1212cff2520de2a9f1b0f8a5dfd063b58",
        ),
        (
            KEY1,
            joined(2000, "251120_pay01", KEY1),
            "3c677b99f7d571e32001b1b5f438424b0a248d85c7b73a8684475905f5c572a3",
        ),
        (
            KEY1,
            joined(2000, 251120000000123, 50_000, "Hoan tien", 1763643600000),
            "160ccc15c2b6b69d14c0b78c6a138438e74fdb36ab43ab4cde651e9acf3d137c",
        ),
        (
            KEY1,
            joined(2000, "251120_2000_r01", 1763643660000),
            "0e005a85f2da19724c64ffa417ccf33e4ca257cf6e9415a20c45a706873df2d1",
        ),
    ],
    ids=["create", "callback", "return", "query", "refund", "query_refund"],
)
def test_the_published_vectors_are_met(key: str, text: str, expected: str) -> None:
    assert sign(key, text) == expected
    assert is_signed(key, text, expected.upper())
    assert not is_signed(key, text + " ", expected)
    assert not is_signed("another", text, expected)


@pytest.mark.parametrize("given", ["", "0", "not hex", "é" * 64, "\ud800"])
def test_what_is_no_mac_is_refused(given: str) -> None:
    assert not is_signed(KEY1, "text", given)
