"""Nothing that looks like a card number or a payment token leaves through a message or a log line."""

import re

# Contiguous, or grouped as cards print them; not a piece of a longer identifier, such as a UUID.
_CANDIDATE = re.compile(
    r"(?<![A-Za-z0-9-])"
    r"(?:\d{13,19}|\d{4}(?:[ -]\d{4}){3}(?:[ -]\d{1,3})?|\d{4}[ -]\d{6}[ -]\d{4,5})"
    r"(?![A-Za-z0-9-])"
)
# Issuer prefixes (ISO/IEC 7812-1): Visa, Mastercard, Amex, Diners, Discover, JCB, UnionPay, NAPAS. Without them every
# tenth timestamp in milliseconds would pass for a card.
_ISSUER = re.compile(r"4|5[1-5]|2[2-7]|3[0689]|3[47]|35|60|6[245]|9704")
_TOKEN = re.compile(r"\b(?:tok|pm|sk|pk|rk|whsec)_[A-Za-z0-9_-]+|(?<=_secret_)[A-Za-z0-9_-]+")


def contains_card_number(text: str) -> bool:
    """Whether there is a card number in `text`: 13 to 19 digits of a known issuer that pass the Luhn check."""
    return any(_is_card_number(candidate.group()) for candidate in _CANDIDATE.finditer(text))


def redact(text: str) -> str:
    """`text` without card numbers and tokens."""
    without_tokens = _TOKEN.sub("[token]", text)
    return _CANDIDATE.sub(
        lambda candidate: "[card number]" if _is_card_number(candidate.group()) else candidate.group(), without_tokens
    )


def _is_card_number(candidate: str) -> bool:
    digits = [int(character) for character in candidate if character.isdigit()]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    return _ISSUER.match(candidate) is not None and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
