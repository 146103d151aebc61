"""Tokens as an issuer makes them, and as an attacker does."""

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app.access.tokens import TokenRules

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ISSUER = "https://login.acme.test"
AUDIENCE = "paygate"
SECRET = "a shared secret of thirty-two bytes or more"
RULES = TokenRules(ISSUER, AUDIENCE, "merchant", timedelta(minutes=15), timedelta(seconds=30))


def clock() -> datetime:
    return NOW


def after(seconds: float) -> float:
    """So many seconds after now, as claims say it."""
    return NOW.timestamp() + seconds


def claims(**changes: Any) -> dict[str, Any]:
    """A good token's claims; what is changed to `None` is left out."""
    good = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice",
        "iat": after(-60),
        "exp": after(240),
        "merchant": "acme",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def by_secret(secret: str = SECRET, /, **changes: Any) -> str:
    """A token signed with a shared secret."""
    return jwt.encode(claims(**changes), secret, "HS256")


def by_key(key: PrivateKey, kid: str | None, /, **changes: Any) -> str:
    """A token signed with a private key."""
    return jwt.encode(claims(**changes), key, algorithm_of(key), headers={} if kid is None else {"kid": kid})


def by_hand(header: Any, said: Any, signature: bytes = b"") -> str:
    """A token that no library would make."""
    return f"{unsigned(header, said)}.{encoded(signature)}"


def unsigned(header: Any, said: Any) -> str:
    """What a signature is over."""
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, said))


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


@cache
def rsa_key(name: str = "one", bits: int = 2048) -> RSAPrivateKey:  # noqa: ARG001 — what the cache tells keys apart by
    """The same key for the same name."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(
    name: str = "one",  # noqa: ARG001 — what the cache tells keys apart by
    curve: type[ec.EllipticCurve] = ec.SECP256R1,
) -> EllipticCurvePrivateKey:
    """The same key for the same name."""
    return ec.generate_private_key(curve())


def algorithm_of(key: PrivateKey) -> str:
    return "RS256" if isinstance(key, RSAPrivateKey) else "ES256"


def public_jwk(key: PrivateKey, key_id: str, /, **changes: Any) -> dict[str, Any]:
    """A key as a JWKS shows it; what is changed to `None` is left out."""
    public: dict[str, Any] = (
        RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        if isinstance(key, RSAPrivateKey)
        else ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    )
    shown = {**public, "kid": key_id, "use": "sig", **changes}
    return {name: value for name, value in shown.items() if value is not None}


def jwks(*members: Any) -> bytes:
    return json.dumps({"keys": members}).encode()
