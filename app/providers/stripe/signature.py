"""The header `Stripe-Signature`: `t=<unix seconds>,v1=<HMAC-SHA256, hex>[,v1=…]` over `<t>.<body>`."""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

_SECONDS = re.compile(r"[0-9]{1,11}")
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")


@dataclass(frozen=True, slots=True)
class SignatureHeader:
    """A header as it came; `seconds` stays text, for it is part of what is signed."""

    seconds: str
    digests: tuple[str, ...]

    @classmethod
    def read(cls, header: str) -> Self | None:
        """The header's parts, None when it has not one time and at least one digest. Other schemes are left aside."""
        parts = [part.strip().partition("=") for part in header.split(",")]
        times = [value for name, _, value in parts if name == "t"]
        digests = tuple(value.lower() for name, _, value in parts if name == "v1" and _DIGEST.fullmatch(value))
        if len(times) != 1 or not _SECONDS.fullmatch(times[0]) or not digests:
            return None
        return cls(times[0], digests)

    @property
    def signed_at(self) -> datetime:
        """When Stripe signed."""
        return datetime.fromtimestamp(int(self.seconds), UTC)

    def is_by(self, secrets: Sequence[str], body: bytes) -> bool:
        """Whether one of the secrets has signed the body; the whole of a secret is the key, `whsec_` included."""
        expected = [digest(secret, self.seconds, body) for secret in secrets]
        return any(hmac.compare_digest(given, wanted) for given in self.digests for wanted in expected)


def digest(secret: str, seconds: str, body: bytes) -> str:
    """What Stripe writes after `v1=`."""
    return hmac.new(secret.encode(), seconds.encode() + b"." + body, "sha256").hexdigest()
