"""How PayPal signs a webhook: RSA over ids, time and a checksum of the body.

Not over a digest of the body, which is a widespread mistake: over its CRC-32, as a decimal number.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

ALGORITHM = "SHA256withRSA"
_LONGEST_HEADER = 2048


@dataclass(frozen=True, slots=True)
class Transmission:
    """What the headers of a webhook say of its sending."""

    id: str
    time: str
    signature: bytes
    certificate_url: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Self | None:
        """From headers with lower-case names; None when one is missing or cannot be what it should be."""
        names = ("id", "time", "sig", "cert-url")
        found = [headers.get(f"paypal-{'' if name == 'cert-url' else 'transmission-'}{name}", "") for name in names]
        known = headers.get("paypal-auth-algo", "").lower() == ALGORITHM.lower()
        if not known or not all(0 < len(value) <= _LONGEST_HEADER for value in found):
            return None
        identity, time, signature, url = found
        try:
            return cls(identity, time, base64.b64decode(signature, validate=True), url)
        except ValueError:
            return None

    @property
    def sent_at(self) -> datetime | None:
        """When it was sent, aware; None when that is no time."""
        try:
            found = datetime.fromisoformat(self.time)
        except ValueError:
            return None
        return found if found.tzinfo else found.replace(tzinfo=UTC)


def signed_message(transmission: Transmission, webhook_id: str, body: bytes) -> bytes:
    """What the signature is over; `webhook_id` is ours to know and binds the message to our account."""
    return f"{transmission.id}|{transmission.time}|{webhook_id}|{binascii.crc32(body)}".encode()


def is_signed(message: bytes, signature: bytes, key: RSAPublicKey) -> bool:
    """Whether whoever has the key's other half signed the message."""
    try:
        key.verify(signature, message, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
