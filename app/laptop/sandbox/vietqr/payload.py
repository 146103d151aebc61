"""What a bank's app reads of a QR code, and how payOS writes one. Written for the simulator alone."""

import binascii
from dataclasses import dataclass


class Unreadable(ValueError):
    """Not a VietQR; the text tells the customer why."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """Where to transfer; a static code leaves amount and text to the customer."""

    bank: str
    account: str
    amount: int | None
    text: str


def scan(payload: str) -> Scanned:
    """What a QR code asks for; raises `Unreadable` when its lengths or its check sum are wrong."""
    fields = dict(_split(payload))
    if payload[-8:-4] != "6304" or fields.get("63") != _crc(payload[:-4]):
        raise Unreadable("The check sum is wrong.")
    if fields.get("00") != "01" or fields.get("53") != "704" or fields.get("58") != "VN":
        raise Unreadable("This is not a code for a transfer in đồng.")
    merchant = dict(_split(fields.get("38", "")))
    if merchant.get("00") != "A000000727" or merchant.get("02") not in {"QRIBFTTA", "QRIBFTTC"}:
        raise Unreadable("This is not a code of NAPAS.")
    to = dict(_split(merchant.get("01", "")))
    amount, details = fields.get("54", ""), dict(_split(fields.get("62", "")))
    if not (to.get("00") and to.get("01")) or (amount and not (amount.isascii() and amount.isdigit())):
        raise Unreadable("Bank, account or amount is missing.")
    return Scanned(to["00"], to["01"], int(amount) if amount else None, details.get("08", ""))


def written(bank: str, account: str, amount: int, text: str) -> str:
    """The code for a transfer of `amount` đồng."""
    to = _field("00", bank) + _field("01", account)
    merchant = _field("00", "A000000727") + _field("01", to) + _field("02", "QRIBFTTA")
    head = _field("00", "01") + _field("01", "12") + _field("38", merchant) + _field("53", "704")
    tail = _field("54", str(amount)) + _field("58", "VN") + _field("62", _field("08", text)) + "6304"
    return head + tail + _crc(head + tail)


def _split(text: str) -> list[tuple[str, str]]:
    found, rest = [], text
    while rest:
        name, length = rest[:2], rest[2:4]
        if not (len(length) == 2 and name.isdigit() and length.isdigit() and len(rest) >= 4 + int(length)):
            raise Unreadable("The code is damaged: a length in it is wrong.")
        found.append((name, rest[4 : 4 + int(length)]))
        rest = rest[4 + int(length) :]
    return found


def _field(name: str, value: str) -> str:
    return f"{name}{len(value):02d}{value}"


def _crc(text: str) -> str:
    return f"{binascii.crc_hqx(text.encode(), 0xFFFF):04X}"
