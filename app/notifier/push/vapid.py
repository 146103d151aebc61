"""Who we are, to push services: the VAPID key (RFC 8292). Browsers subscribe with its public half."""

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key

from app.notifier.push.encryption import public_point

_KEY_BYTES = 32
# The RFC allows a day; clocks differ.
_VALID_FOR = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class VapidKey:
    """Signs for `contact`, a `mailto:` or `https:` address where whoever runs a push service reaches us."""

    key: EllipticCurvePrivateKey = field(repr=False)
    contact: str

    @classmethod
    def read(cls, text: str, contact: str) -> "VapidKey":
        """From 32 bytes in base64url, as the usual tools make them; raises `ValueError`."""
        unpadded = text.rstrip("=")
        try:
            scalar = base64.b64decode(unpadded + "=" * (-len(unpadded) % 4), altchars=b"-_", validate=True)
            key = derive_private_key(int.from_bytes(scalar, "big"), SECP256R1())
        except ValueError:
            scalar = b""
        if len(scalar) != _KEY_BYTES:
            raise ValueError("takes a private key of P-256: 32 bytes in base64url")
        return cls(key, contact)

    @property
    def public(self) -> str:
        """What browsers subscribe with, in base64url."""
        return base64.urlsafe_b64encode(public_point(self.key)).decode().rstrip("=")

    def authorization(self, origin: str, now: datetime) -> str:
        """The header that lets us send to the push service at `origin`, as of `https://push.example`, and no other."""
        claims = {"aud": origin, "exp": now + _VALID_FOR, "sub": self.contact}
        return f"vapid t={jwt.encode(claims, self.key, algorithm='ES256')}, k={self.public}"
