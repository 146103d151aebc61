"""Where customers want to be told, checked in form. What was given is in no message: it is personal data."""

import base64
import binascii
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from app.domain.contact.events import Locale

_LONGEST_ENDPOINT = 2_048
_AUTH_BYTES = 16


def _email_address(given: SecretStr) -> SecretStr:
    try:
        # Whether mail arrives there, only mail can tell; mail servers that take other letters are too few.
        known = validate_email(given.get_secret_value(), strict=True, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise PydanticCustomError("invalid_email", "takes a mail address, such as an@example.com") from None
    return SecretStr(known.ascii_email or known.normalized)


def _known_locale(given: str) -> Locale:
    match given.split("-", maxsplit=1)[0].lower():
        case "en":
            return "en"
        case "vi":
            return "vi"
    raise PydanticCustomError("unknown_locale", "takes en or vi")


def _p256_point(given: SecretStr) -> SecretStr:
    try:
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), _bytes_of(given.get_secret_value()))
    except ValueError:
        raise PydanticCustomError("invalid_key", "takes a point of P-256 in base64url, as a browser gives it") from None
    return given


def _sixteen_bytes(given: SecretStr) -> SecretStr:
    try:
        fits = len(_bytes_of(given.get_secret_value())) == _AUTH_BYTES
    except ValueError:
        fits = False
    if not fits:
        raise PydanticCustomError("invalid_key", "takes 16 bytes in base64url, as a browser gives them")
    return given


def _bytes_of(text: str) -> bytes:
    try:
        unpadded = text.rstrip("=").encode("ascii")
        return base64.b64decode(unpadded + b"=" * (-len(unpadded) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ValueError("not base64url") from None


EmailAddress = Annotated[SecretStr, AfterValidator(_email_address)]
"""A mail address, as it is written to: its domain in ASCII."""
KnownLocale = Annotated[Locale, BeforeValidator(_known_locale)]
"""The language we have for what a browser calls `vi-VN`."""
PushEndpoint = Annotated[SecretStr, Field(min_length=1, max_length=_LONGEST_ENDPOINT)]
"""The address of a push service; where it leads is for others to look at."""
P256Point = Annotated[SecretStr, AfterValidator(_p256_point)]
"""The public key of a push subscription."""
SixteenBytes = Annotated[SecretStr, AfterValidator(_sixteen_bytes)]
"""The shared secret of a push subscription."""
