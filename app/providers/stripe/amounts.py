"""Stripe's amounts: integers in a minor unit that is not everywhere that of ISO 4217.

Ugandan shillings and Icelandic krónur are written with two digits, Malagasy ariary with none, and of currencies with
three digits the last must be zero (https://docs.stripe.com/currencies). Those are left out rather than scaled: in all
that are offered, the amount is the same number here and there.
"""

from app.domain.money import Money

_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BIF BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CLP CNY COP CRC
CVE CZK DJF DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD JPY KES KGS
KHR KMF KRW KYD KZT LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB
PEN PGK PHP PKR PLN PYG QAR RON RSD RWF SAR SBD SCR SEK SGD SHP SOS SRD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU
UZS VND VUV WST XAF XCD XOF XPF YER ZAR ZMW
"""
CURRENCIES = frozenset(_CODES.split())
"""What can be charged for, by its ISO 4217 code."""


def wire_currency(money: Money) -> str:
    """As Stripe writes it."""
    return money.currency.lower()


def money_of(amount: int, currency: str) -> Money:
    """An amount as Stripe wrote it."""
    return Money(amount, currency.upper())
