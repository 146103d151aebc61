"""The text of a VietQR: an EMVCo merchant-presented QR in the profile of NAPAS. Pure.

Elements are an id of two digits, a length of two digits, and as many characters. The reader checks every nested length
to its end and refuses left-overs: a right check sum does not make a right structure.
"""

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LARGEST_AMOUNT = 10**13 - 1
"""In đồng: field 54 takes 13 digits."""
LONGEST_PURPOSE = 25
"""Characters."""

_NAPAS = "A000000727"
_SERVICES = ("QRIBFTTA", "QRIBFTTC")
_BANK = re.compile(r"[0-9]{6}")
_ACCOUNT = re.compile(r"[0-9A-Za-z]{1,19}")
_AMOUNT = re.compile(r"[1-9][0-9]{0,12}")
_TEXT = re.compile(r"[\x20-\x7e]{1,25}")
_HEAD = re.compile(r"[0-9]{4}")


class QrRefused(ValueError):
    """Not a VietQR; the text says what is wrong with it and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class VietQr:
    """Whom to pay, and what: `bank` is the bank's BIN, `amount` is in đồng, `purpose` becomes the transfer's text.

    Without an amount it is a static code, to be used any number of times. Raises `QrRefused` when a value has not the
    form it must have.
    """

    bank: str
    account: str
    amount: int | None = None
    purpose: str | None = None
    bill: str | None = None
    service: Literal["QRIBFTTA", "QRIBFTTC"] = "QRIBFTTA"
    """To an account, or to a card."""

    def __post_init__(self) -> None:
        _hold(_BANK.fullmatch(self.bank), "the bank's BIN is not 6 digits")
        _hold(_ACCOUNT.fullmatch(self.account), "the account is not 1 to 19 letters and digits")
        _hold(self.amount is None or 0 < self.amount <= LARGEST_AMOUNT, "the amount is not 1 to 13 digits")
        _hold(self.purpose is None or _TEXT.fullmatch(self.purpose), "the purpose is not 1 to 25 ASCII characters")
        _hold(self.bill is None or _TEXT.fullmatch(self.bill), "the bill number is not 1 to 25 ASCII characters")


def build(qr: VietQr) -> str:
    """The text to be shown as a QR code."""
    to = _element("00", qr.bank) + _element("01", qr.account)
    merchant = _element("00", _NAPAS) + _element("01", to) + _element("02", qr.service)
    details = (_element("01", qr.bill) if qr.bill else "") + (_element("08", qr.purpose) if qr.purpose else "")
    text = "".join(
        (
            _element("00", "01"),
            _element("01", "11" if qr.amount is None else "12"),
            _element("38", merchant),
            _element("53", "704"),
            "" if qr.amount is None else _element("54", str(qr.amount)),
            _element("58", "VN"),
            _element("62", details) if details else "",
            "6304",
        )
    )
    return text + _check_sum(text)


def parse(text: str) -> VietQr:
    """What a VietQR asks for; raises `QrRefused`."""
    elements = _elements(text)
    _hold(next(iter(elements), None) == "00" and elements["00"] == "01", "it does not begin as an EMVCo code")
    _hold(next(reversed(elements)) == "63", "the check sum is not at its end")
    _hold(elements["63"] == _check_sum(text[:-4]), "the check sum is wrong")
    _hold(elements.get("53") == "704", "the currency is not VND")
    _hold(elements.get("58") == "VN", "the country is not VN")
    bank, account, service = _merchant(elements.get("38", ""))
    details = _elements(elements["62"]) if "62" in elements else {}
    return VietQr(bank, account, _amount(elements), details.get("08"), details.get("01"), service)


def _merchant(text: str) -> tuple[str, str, Literal["QRIBFTTA", "QRIBFTTC"]]:
    merchant = _elements(text)
    _hold(merchant.get("00") == _NAPAS, "it is not for NAPAS")
    to = _elements(merchant.get("01", ""))
    match merchant.get("02"):
        case ("QRIBFTTA" | "QRIBFTTC") as service:
            return to.get("00", ""), to.get("01", ""), service
    raise QrRefused(f"the service is none of {', '.join(_SERVICES)}")


def _amount(elements: Mapping[str, str]) -> int | None:
    amount = elements.get("54")
    match elements.get("01"):
        case "12" if amount is not None and _AMOUNT.fullmatch(amount):
            return int(amount)
        case "12":
            raise QrRefused("a dynamic code without an amount of 1 to 13 digits")
        case "11" if amount is None:
            return None
        case "11":
            raise QrRefused("a static code with an amount")
    raise QrRefused("it is neither static nor dynamic")


def _elements(text: str) -> dict[str, str]:
    """Id to value, in order; every character belongs to one of them."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        head = text[at : at + 4]
        _hold(_HEAD.fullmatch(head), "an element does not begin with its id and its length")
        end = at + 4 + int(head[2:])
        _hold(end <= len(text), f"element {head[:2]} is shorter than its length says")
        _hold(head[:2] not in found, f"element {head[:2]} is there twice")
        found[head[:2]] = text[at + 4 : end]
        at = end
    _hold(found, "it is empty")
    return found


def _element(identifier: str, value: str) -> str:
    _hold(len(value) <= 99, f"element {identifier} is longer than 99 characters")
    return f"{identifier}{len(value):02d}{value}"


def _check_sum(text: str) -> str:
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"


def _hold(true: object, otherwise: str) -> None:
    if not true:
        raise QrRefused(otherwise)
