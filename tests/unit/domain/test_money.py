import pytest

from app.domain.money import CURRENCY_EXPONENTS, Money


@pytest.mark.parametrize(
    ("currency", "digits"), [("EUR", 2), ("USD", 2), ("VND", 0), ("JPY", 0), ("KRW", 0), ("KWD", 3), ("BHD", 3)]
)
def test_a_currency_has_its_own_number_of_digits(currency: str, digits: int) -> None:
    assert CURRENCY_EXPONENTS[currency] == digits


def test_every_currency_code_is_three_capital_letters() -> None:
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in CURRENCY_EXPONENTS)
    assert len(CURRENCY_EXPONENTS) > 150


@pytest.mark.parametrize("code", ["eur", "XXX", "XTS", "", "EURO", "BTC"])
def test_what_no_country_pays_with_is_no_currency(code: str) -> None:
    assert code not in CURRENCY_EXPONENTS


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(1000, "EUR"), "10.00 EUR"),
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(0, "EUR"), "0.00 EUR"),
        (Money(-150, "EUR"), "-1.50 EUR"),
        (Money(-5, "EUR"), "-0.05 EUR"),
        (Money(1000, "VND"), "1000 VND"),
        (Money(1234, "KWD"), "1.234 KWD"),
        # A provider may name a currency nobody knows; that has to be said, too.
        (Money(1000, "???"), "1000 ???"),
    ],
)
def test_money_reads_as_people_write_it(money: Money, text: str) -> None:
    assert str(money) == text


def test_the_same_amount_in_another_currency_is_other_money() -> None:
    assert Money(1, "EUR") == Money(1, "EUR")
    assert Money(1, "EUR") != Money(1, "USD")
