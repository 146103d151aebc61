"""The code by which a bank transfer names its payment.

At most 25 letters and digits, so that it fits the purpose field of a VietQR (NAPAS, field 62-08); a fixed prefix to be
found by; nothing that can be taken for something else (O and 0, I and 1); a check character, so that a code that
was cut or mistyped names no payment at all rather than another one. Banks write their own text around it, in any case
and with spaces in it.
"""

import hashlib
import re

from app.domain.ids import PaymentId

PREFIX = "PAY"
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CHARACTERS = 14
_FORM = re.compile(f"{PREFIX}([{_ALPHABET}]{{{_CHARACTERS + 1}}})")


def transfer_code_for(payment_id: PaymentId) -> str:
    """The one code of a payment: `PAY`, 14 characters, a check character."""
    number = int.from_bytes(hashlib.sha256(f"transfer code of {payment_id}".encode()).digest())
    characters = []
    for _ in range(_CHARACTERS):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    body = "".join(characters)
    return f"{PREFIX}{body}{_check(body)}"


def find_transfer_code(text: str) -> str | None:
    """The code in the text of a transfer, or None when there is none, or several."""
    squeezed = re.sub(r"\s", "", text).upper()
    # A bank's own text may end in what looks like the prefix: every place is tried.
    found = {
        f"{PREFIX}{match[1]}"
        for start in range(len(squeezed))
        if (match := _FORM.match(squeezed, start)) and _check(match[1][:-1]) == match[1][-1]
    }
    return found.pop() if len(found) == 1 else None


def _check(body: str) -> str:
    # Odd weights below 32 are invertible modulo 32, so one wrong character always changes the sum.
    weighted = sum((2 * place + 1) * _ALPHABET.index(character) for place, character in enumerate(body))
    return _ALPHABET[weighted % len(_ALPHABET)]
