"""A browser's push subscription, as the browser gives it and as it is kept."""

import base64
import json
from dataclasses import dataclass, field

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class PushSubscription:
    """Where to send, and the browser's public key (an uncompressed point of P-256) and shared secret (16 bytes)."""

    endpoint: str = field(repr=False)
    public_key: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def read(cls, kept: SecretStr) -> "PushSubscription":
        """From what was kept: JSON as of the browser's `PushSubscription.toJSON()`."""
        known = json.loads(kept.get_secret_value())
        return cls(known["endpoint"], _bytes(known["keys"]["p256dh"]), _bytes(known["keys"]["auth"]))


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
