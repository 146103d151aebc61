"""Keys that tokens are signed with. Each is bound to one algorithm; what a token says cannot change that."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from jwt import PyJWK, PyJWTError
from pydantic import SecretStr

# Of a JWKS, which is public, only public keys count: a shared secret in it would let everybody sign.
_ALGORITHMS = {("RSA", None): "RS256", ("EC", "P-256"): "ES256"}
_LEAST_RSA_BITS = 2048
_MOST_RSA_BITS = 8192
_MOST_KEYS = 100

log = structlog.get_logger()


class UnusableKeys(Exception):
    """What should be a JWKS is none, or has no key that can be used."""


class SigningKeys(Protocol):
    """Finds the key that a token must be signed with."""

    async def key(self, kid: str | None) -> PyJWK | None:
        """The key with this id; `None` when there is none."""


@dataclass(frozen=True)
class SharedSecret:
    """The one key of whoever knows the secret, for HS256 and nothing else; the same whatever id a token gives."""

    only: PyJWK = field(repr=False)

    @classmethod
    def of(cls, secret: SecretStr) -> "SharedSecret":
        """The key that the secret is."""
        encoded = base64.urlsafe_b64encode(secret.get_secret_value().encode()).decode()
        return cls(PyJWK({"kty": "oct", "k": encoded}, "HS256"))

    async def key(self, kid: str | None) -> PyJWK:  # noqa: ARG002 — there is one
        """The secret."""
        return self.only


@dataclass(frozen=True)
class FixedKeys:
    """The keys of a file."""

    keys: Mapping[str, PyJWK] = field(repr=False)

    @classmethod
    def of_file(cls, path: Path) -> "FixedKeys":
        """Raises `UnusableKeys`."""
        try:
            return cls(keys_in(path.read_bytes()))
        except OSError as fault:
            raise UnusableKeys(f"{path}: {fault.strerror}") from None

    async def key(self, kid: str | None) -> PyJWK | None:
        """The key with this id."""
        return None if kid is None else self.keys.get(kid)


def keys_in(document: bytes) -> dict[str, PyJWK]:
    """The usable keys of a JWKS by their ids; raises `UnusableKeys` when there is none."""
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        raise UnusableKeys("not JSON") from None
    members = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(members, list):
        raise UnusableKeys('not a JWKS: there is no list named "keys"')
    usable: dict[str, PyJWK] = {}
    for member in members[:_MOST_KEYS]:
        key = _usable(member)
        if key is not None and key.key_id is not None:
            usable.setdefault(key.key_id, key)
    if not usable:
        raise UnusableKeys("no usable key: RSA (RS256) and P-256 (ES256) public keys with a kid are")
    return usable


def _usable(member: Any) -> PyJWK | None:
    """The key, unless it is of another kind, for another use, or too weak."""
    if not isinstance(member, dict) or not isinstance(member.get("kid"), str):
        return None
    kind, curve = member.get("kty"), member.get("crv")
    algorithm = _ALGORITHMS.get((kind, curve)) if isinstance(kind, str) and isinstance(curve, str | None) else None
    fits = algorithm is not None and member.get("alg", algorithm) == algorithm and member.get("use", "sig") == "sig"
    if not fits:
        return None
    if "d" in member:
        log.warning("key ignored: the JWKS shows its private part", kid=member["kid"])
        return None
    try:
        key = PyJWK(member, algorithm)
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError, ArithmeticError):
        return None
    return key if algorithm != "RS256" or _LEAST_RSA_BITS <= key.key.key_size <= _MOST_RSA_BITS else None
