"""The code in the text of a transfer."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ids import PaymentId
from app.domain.transfer_codes import find_transfer_code, transfer_code_for

CODE = transfer_code_for(PaymentId("pay_1"))
ids = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=32, max_size=32).map(lambda text: PaymentId(f"pay_{text}"))
bank_text = st.text("abcdefghijklmnopqrstuvwxyz0123456789 .-", max_size=30)


@given(ids)
def test_it_fits_the_purpose_of_a_vietqr_and_looks_like_nothing_else(payment_id: PaymentId) -> None:
    code = transfer_code_for(payment_id)
    assert len(code) <= 25
    assert re.fullmatch(r"PAY[2-9A-HJ-NP-Z]+", code)
    assert code == transfer_code_for(payment_id)


@given(ids, bank_text, bank_text, st.integers(4, 15), st.booleans())
def test_it_is_found_whatever_a_bank_writes_around_it(
    payment_id: PaymentId, before: str, after: str, cut: int, lower: bool
) -> None:
    code = transfer_code_for(payment_id)
    written = f"{before} {code[:cut]} {code[cut:]}.{after}"
    assert find_transfer_code(written.lower() if lower else written) == code


@given(ids, st.integers(3, 17), st.sampled_from("23456789ABCDEFGHJKLMNPQRSTUVWXYZ"))
def test_one_wrong_character_makes_it_no_code_at_all(payment_id: PaymentId, place: int, other: str) -> None:
    code = transfer_code_for(payment_id)
    wrong = code[:place] + other + code[place + 1 :]
    assert find_transfer_code(wrong) == (code if wrong == code else None)


@pytest.mark.parametrize("text", ["", "PAY", "PAYROLL NOVEMBER", CODE[:-1], CODE[3:], f"{CODE[:-2]}", "PAY" * 20])
def test_what_is_none_is_none(text: str) -> None:
    assert find_transfer_code(text) is None


def test_of_two_codes_neither_is_chosen() -> None:
    assert find_transfer_code(f"{CODE} {transfer_code_for(PaymentId('pay_2'))}") is None
    assert find_transfer_code(f"{CODE} {CODE}") == CODE
