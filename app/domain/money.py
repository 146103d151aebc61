"""Amounts in minor units and the currencies they are in (ISO 4217)."""

from collections.abc import Mapping
from dataclasses import dataclass

_TWO_DIGITS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP
CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG
"""
_NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"

CURRENCY_EXPONENTS: Mapping[str, int] = {
    **dict.fromkeys(_TWO_DIGITS.split(), 2),
    **dict.fromkeys(_NO_DIGITS.split(), 0),
    **dict.fromkeys(_THREE_DIGITS.split(), 3),
}
"""Digits after the decimal point by currency code: 1 EUR is 10**2 minor units, 1 VND is one."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's minor unit; never a float."""

    amount: int
    currency: str

    def __str__(self) -> str:
        # Of a currency that nobody knows, such as a provider may name, the minor unit is not known either.
        exponent = CURRENCY_EXPONENTS.get(self.currency, 0)
        if exponent == 0:
            return f"{self.amount} {self.currency}"
        whole, fraction = divmod(abs(self.amount), 10**exponent)
        sign = "-" if self.amount < 0 else ""
        return f"{sign}{whole}.{fraction:0{exponent}d} {self.currency}"
