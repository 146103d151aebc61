import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.access.vault import Vault
from app.domain.ids import PaymentId
from app.observability.redact import contains_card_number, redact

PREFIXES = ["4", "51", "55", "2221", "34", "37", "36", "6011", "65", "3530", "62", "9704"]


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    prefix = draw(st.sampled_from(PREFIXES))
    rest = draw(st.text("0123456789", min_size=15 - len(prefix), max_size=15 - len(prefix)))
    body = prefix + rest
    return next(body + check for check in "0123456789" if _passes_luhn(body + check))


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@given(card_numbers(), st.sampled_from(["", " ", "-"]))
def test_no_card_number_is_left_in_a_text(number: str, separator: str) -> None:
    written = separator.join(number[place : place + 4] for place in range(0, 16, 4))
    assert contains_card_number(f"card={written}!")
    assert redact(f"card={written}!") == "card=[card number]!"


@given(card_numbers(), st.integers(min_value=1, max_value=9))
def test_a_number_with_a_wrong_check_digit_is_no_card_number(number: str, off: int) -> None:
    wrong = number[:-1] + str((int(number[-1]) + off) % 10)
    assert not contains_card_number(wrong)
    assert redact(wrong) == wrong


def test_several_are_all_taken_out_and_the_rest_stays() -> None:
    text = "4242424242424242, 5555555555554444 and 1234567812345678"
    assert redact(text) == "[card number], [card number] and 1234567812345678"


@pytest.mark.parametrize(
    "token", ["tok_success", "pm_1Abc-d_e", "sk_live_abc", "pk_test_1", "rk_live_x", "whsec_abc123"]
)
@pytest.mark.parametrize("around", ["{}", "token={}", "'{}'", "Authorization: Bearer {}", '{{"token":"{}"}}'])
def test_tokens_and_keys_are_taken_out(token: str, around: str) -> None:
    assert redact(around.format(token)) == around.format("[token]")


def test_what_lets_a_browser_watch_a_payment_is_taken_out() -> None:
    secret = Vault(SecretStr("a secret key of enough characters")).client_secret(PaymentId("pay_abc"))
    assert secret.rpartition("_secret_")[2] not in redact(f"watching with {secret}")
    assert "pay_abc" in redact(f"watching with {secret}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "payment pay_7abc moved to SUCCEEDED",
        "stock_success",
        "1767323045123",
        "0b9e4242-4242-4242-4242-424242424242",
        "esdb://127.0.0.1:2113?tls=false",
    ],
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact(text) == text
    assert not contains_card_number(text)


@given(st.text())
def test_any_text_can_be_redacted_and_redacted_again(text: str) -> None:
    once = redact(text)
    assert redact(once) == once
    assert not contains_card_number(once)
