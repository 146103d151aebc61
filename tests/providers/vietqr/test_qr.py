"""VietQR codes: the vectors of NAPAS, and everything a reader must refuse although the check sum is right."""

import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.providers.vietqr.qr import LARGEST_AMOUNT, QrRefused, VietQr, build, parse

DYNAMIC = (
    "00020101021238570010A00000072701270006970436011300110012345670208QRIBFTTA"
    "530370454062000005802VN62130809PAY7K3Q9X6304B178"
)
STATIC = "00020101021138570010A00000072701270006970436011300110012345670208QRIBFTTA53037045802VN6304E8DB"
NAPAS_CARD = "00020101021138600010A00000072701300006970403011697040311012345670208QRIBFTTC53037045802VN63044F52"
NAPAS_ACCOUNT = "00020101021138570010A00000072701270006970403011300110123456780208QRIBFTTA53037045802VN63049E6F"
NAPAS_ORDER = (
    "00020101021238570010A00000072701270006970403011300110123456780208QRIBFTTA"
    "530370454061800005802VN62340107NPS68690819thanh toan don hang63042E2E"
)
NAPAS_ORDER_TO_CARD = (
    "00020101021238600010A00000072701300006970403011697040311012345670208QRIBFTTC"
    "530370454061800005802VN62340107NPS68690819thanh toan don hang6304A203"
)
MISPRINTED = "00020101021138570010A00000072701270006970403011200110123456780208QRIBFTTA53037045802VN6304F4E5"
VECTORS = {
    DYNAMIC: VietQr("970436", "0011001234567", 200_000, "PAY7K3Q9X"),
    STATIC: VietQr("970436", "0011001234567"),
    NAPAS_CARD: VietQr("970403", "9704031101234567", service="QRIBFTTC"),
    NAPAS_ACCOUNT: VietQr("970403", "0011012345678"),
    NAPAS_ORDER: VietQr("970403", "0011012345678", 180_000, "thanh toan don hang", "NPS6869"),
    NAPAS_ORDER_TO_CARD: VietQr("970403", "9704031101234567", 180_000, "thanh toan don hang", "NPS6869", "QRIBFTTC"),
}


def summed(text: str) -> str:
    """With a right check sum in place of the last four characters."""
    return f"{text[:-4]}{binascii.crc_hqx(text[:-4].encode(), 0xFFFF):04X}"


@pytest.mark.parametrize(("text", "qr"), VECTORS.items())
def test_a_code_is_written_and_read_as_napas_does(text: str, qr: VietQr) -> None:
    assert build(qr) == text
    assert parse(text) == qr


def test_the_code_that_napas_misprinted_is_refused_although_its_check_sum_is_right() -> None:
    assert summed(MISPRINTED) == MISPRINTED
    with pytest.raises(QrRefused, match="does not begin with its id and its length"):
        parse(MISPRINTED)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (DYNAMIC[:-1] + "9", "check sum is wrong"),
        (DYNAMIC[:-4] + DYNAMIC[-4:].lower(), "check sum is wrong"),
        (DYNAMIC.replace("200000", "200001"), "check sum is wrong"),
        (summed(DYNAMIC.replace("000201", "000202")), "does not begin"),
        (summed(DYNAMIC[6:]), "does not begin"),
        (DYNAMIC + "5802VN", "element 58 is there twice"),
        (DYNAMIC + "0", "does not begin with its id"),
        (DYNAMIC + "5902VN", "not at its end"),
        (DYNAMIC[:-8] + "6304", "shorter than its length says"),
        (summed(DYNAMIC.replace("5303704", "5303840")), "currency"),
        (summed(DYNAMIC.replace("5802VN", "5802LA")), "country"),
        (summed(DYNAMIC.replace("010212", "010213")), "neither static nor dynamic"),
        (summed(DYNAMIC.replace("5406200000", "")), "dynamic code without an amount"),
        (summed(DYNAMIC.replace("5406200000", "5406-20000")), "dynamic code without an amount"),
        (summed(DYNAMIC.replace("5406200000", "5406020000")), "dynamic code without an amount"),
        (
            summed(DYNAMIC.replace("54062000005802VN", "541420000000000000" + "5802VN")),
            "dynamic code without an amount",
        ),
        (summed(DYNAMIC.replace("010212", "010211")), "static code with an amount"),
        (summed(DYNAMIC.replace("A000000727", "A000000728")), "not for NAPAS"),
        (summed(DYNAMIC.replace("QRIBFTTA", "QRPUSH99")), "service"),
        (summed(DYNAMIC.replace("0006970436", "000697O436")), "BIN"),
        (summed(DYNAMIC.replace("0113001100", "0112001100")), "does not begin with its id"),
        (summed(DYNAMIC.replace("0809PAY7K3Q9X", "0810PAY7K3Q9X")), "element 08 is shorter"),
        (summed(DYNAMIC.replace("62130809PAY7K3Q9X", "6200")), "it is empty"),
        ("", "it is empty"),
        ("₫" * 40, "does not begin with its id"),
    ],
)
def test_what_is_not_right_to_its_end_is_refused(changed: str, fault: str) -> None:
    with pytest.raises(QrRefused, match=fault):
        parse(changed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bank": "97043"},
        {"account": ""},
        {"account": "1" * 20},
        {"account": "0011-22"},
        {"amount": 0},
        {"amount": -1},
        {"amount": LARGEST_AMOUNT + 1},
        {"purpose": "x" * 26},
        {"purpose": "thanh toán"},
        {"bill": ""},
    ],
)
def test_what_does_not_fit_is_never_written(wrong: dict[str, object]) -> None:
    with pytest.raises(QrRefused):
        VietQr(**{"bank": "970436", "account": "0011001234567", **wrong})  # type: ignore[arg-type]


@given(
    st.builds(
        VietQr,
        bank=st.from_regex(r"[0-9]{6}", fullmatch=True),
        account=st.from_regex(r"[0-9A-Za-z]{1,19}", fullmatch=True),
        amount=st.none() | st.integers(1, LARGEST_AMOUNT),
        purpose=st.none() | st.from_regex(r"[ -~]{1,25}", fullmatch=True),
        bill=st.none() | st.from_regex(r"[ -~]{1,25}", fullmatch=True),
        service=st.sampled_from(["QRIBFTTA", "QRIBFTTC"]),
    )
)
def test_whatever_is_written_is_read_again(qr: VietQr) -> None:
    assert parse(build(qr)) == qr
