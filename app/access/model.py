"""Who is calling: somebody who acts for a merchant, or somebody who watches one payment or order."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.domain.ids import MerchantId, OrderId, PaymentId

_KEY_ID_BYTES = 16


class Unauthenticated(Exception):
    """No credential, or none that counts; the message says what to send and never what was sent."""


class Means(StrEnum):
    """How a caller was identified."""

    NOTHING = "nothing"
    """The dev profile asks for none."""
    API_KEY = "api_key"
    JWT = "jwt"
    CLIENT_SECRET = "client_secret"  # noqa: S105 — the name of a kind


class Scope(StrEnum):
    """What a token lets its bearer do."""

    READ = "payments:read"
    WRITE = "payments:write"


EVERY_SCOPE = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who showed a credential, as limits count and audits name them."""

    means: Means
    name: str
    """The id of an API key, the subject of a token, the payment or order of a client secret."""


NOBODY = Principal(Means.NOTHING, "nobody")


@dataclass(frozen=True, slots=True)
class MerchantCaller:
    """Somebody who may act for a merchant, as far as the scopes go."""

    merchant_id: MerchantId
    principal: Principal = NOBODY
    scopes: frozenset[Scope] = EVERY_SCOPE
    key_id: str | None = None
    """What to revoke to be rid of this caller."""
    expires_at: datetime | None = None
    """From this moment on, the credential counts no more."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Somebody with a client secret: may watch this one payment, or this one order with its payments."""

    subject_id: PaymentId | OrderId
    key_id: str
    expires_at: None = None

    @property
    def principal(self) -> Principal:
        """The same for everybody with the same secret."""
        return Principal(Means.CLIENT_SECRET, self.subject_id)


Caller = MerchantCaller | Watcher


def key_id_of(secret: str) -> str:
    """The id of an API key or a client secret: tells nothing of it and is what gets revoked."""
    return f"key_{_digest('secret', secret)}"


def subject_key_id(issuer: str, subject: str) -> str:
    """The id under which all tokens of one subject are revoked."""
    return f"sub_{_digest('subject', issuer, subject)}"


def _digest(*parts: str) -> str:
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(part)}:{part}" for part in ("paygate", *parts))
    return hashlib.sha256(text.encode()).digest()[:_KEY_ID_BYTES].hex()
