"""Money as PayPal writes it: a decimal string, without decimals in some currencies."""

import re

from app.domain.money import CURRENCY_EXPONENTS, Money

_TAKEN = "AUD BRL CAD CNY CZK DKK EUR HKD HUF ILS JPY MYR MXN TWD NZD NOK PHP PLN GBP RUB SGD SEK CHF THB USD"
CURRENCIES = frozenset(_TAKEN.split())
WHOLE_CURRENCIES = frozenset({"HUF", "JPY", "TWD"})
"""PayPal takes these in whole units only, although some of them have a minor one."""

_VALUE = re.compile(r"(?P<whole>[0-9]{1,15})(\.(?P<decimals>[0-9]{1,3}))?")


def written(money: Money) -> str | None:
    """The value as PayPal takes it; None when it cannot be written: another currency, or decimals it does not take."""
    if money.currency not in CURRENCIES or money.amount < 0:
        return None
    exponent = CURRENCY_EXPONENTS[money.currency]
    whole, fraction = divmod(money.amount, 10**exponent)
    if money.currency in WHOLE_CURRENCIES:
        return None if fraction else str(whole)
    return f"{whole}.{fraction:0{exponent}d}"


def read(currency: str, value: str) -> Money | None:
    """The amount in minor units; None for what is no amount of this currency. A trailing `.00` is harmless."""
    found = _VALUE.fullmatch(value)
    exponent = CURRENCY_EXPONENTS.get(currency)
    if found is None or exponent is None:
        return None
    decimals = (found["decimals"] or "").rstrip("0")
    if len(decimals) > exponent:
        return None
    return Money(int(found["whole"] + decimals.ljust(exponent, "0")), currency)
