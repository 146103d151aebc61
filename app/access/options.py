"""What can be configured about access, and what does not go together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from app.settings import SettingsError

_LEAST_SECRET_BYTES = 32
_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True, kw_only=True)
class AccessOptions:
    """Field `x` is the variable `PAYGATE_X`; raises `SettingsError` naming the variables that are wrong.

    Tokens are accepted when there is one source of keys for them: a shared secret, the address of a JWKS, or a file.
    """

    login_required: bool
    """Outside the dev profile. Without it whoever shows nothing acts for the merchant `demo`."""
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    jwt_secret: SecretStr | None = None
    jwt_jwks_url: str | None = None
    jwt_jwks_file: Path | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_merchant_claim: str = "merchant"
    jwt_max_lifetime: timedelta = timedelta(minutes=15)
    jwt_leeway: timedelta = timedelta(seconds=30)

    _KEY_SOURCES: ClassVar = ("jwt_secret", "jwt_jwks_url", "jwt_jwks_file")

    def __post_init__(self) -> None:
        complaints = [
            complaint for complaint in (self._login(), *self._tokens(), self._secret(), self._url()) if complaint
        ]
        if complaints:
            raise SettingsError("\n".join(complaints))

    @property
    def takes_tokens(self) -> bool:
        """Whether tokens are accepted at all."""
        return any(getattr(self, name) is not None for name in self._KEY_SOURCES)

    def _login(self) -> str | None:
        if self.login_required and not self.api_keys and not self.takes_tokens:
            return (
                "PAYGATE_API_KEYS: required outside the dev profile — a JSON object from API key to merchant; or accept"
                f" tokens: {_variables(self._KEY_SOURCES, 'or')}"
            )
        return None

    def _tokens(self) -> list[str]:
        given = [name for name in self._KEY_SOURCES if getattr(self, name) is not None]
        if not given:
            return []
        complaints = [
            f"PAYGATE_{name.upper()}: required with {_variables(given, 'and')}"
            for name in ("jwt_issuer", "jwt_audience", "jwt_merchant_claim")
            if not getattr(self, name)
        ]
        if len(given) > 1:
            # One kind of key, one way to verify: nobody can choose the weaker one.
            complaints.append(f"{_variables(given, 'and')}: give one of them")
        return complaints

    def _secret(self) -> str | None:
        secret = self.jwt_secret.get_secret_value() if self.jwt_secret is not None else None
        if secret is None:
            return None
        if len(secret.encode()) < _LEAST_SECRET_BYTES:
            return f"PAYGATE_JWT_SECRET: give at least {_LEAST_SECRET_BYTES} characters"
        if secret.lstrip().startswith(("-----BEGIN", "ssh-", "{", "[")):
            return "PAYGATE_JWT_SECRET: takes a random secret, not a key; public keys go into PAYGATE_JWT_JWKS_FILE"
        return None

    def _url(self) -> str | None:
        if self.jwt_jwks_url is None:
            return None
        try:
            parts = urlsplit(self.jwt_jwks_url)
            safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE)
            sound = bool(parts.hostname) and parts.username is None and parts.port != 0
        except ValueError:
            safe = sound = False
        # Whoever can change the answer decides who is let in.
        return (
            None if safe and sound else "PAYGATE_JWT_JWKS_URL: takes an https:// address (http:// on this machine only)"
        )


def _variables(names: "tuple[str, ...] | list[str]", word: str) -> str:
    *others, last = [f"PAYGATE_{name.upper()}" for name in names]
    return f"{', '.join(others)} {word} {last}" if others else last
