"""Who is calling: the merchant behind an API key."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.ids import MerchantId
from app.settings import Profile, Settings, SettingsError

DEMO = MerchantId("demo")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may act for a merchant."""

    merchant_id: MerchantId


class Unauthenticated(Exception):
    """No API key, or none we know."""


class Callers:
    """API keys and whose they are; keys are kept as digests only."""

    def __init__(self, merchants_by_key: Mapping[str, str], *, anonymous: Caller | None) -> None:
        self._merchants = {_digest(key): MerchantId(merchant) for key, merchant in merchants_by_key.items()}
        self._anonymous = anonymous

    @classmethod
    def from_settings(cls, settings: Settings) -> "Callers":
        """Raises `SettingsError` when a profile for real money has no keys."""
        if settings.profile is Profile.DEV:
            return cls(settings.api_keys, anonymous=Caller(DEMO))
        if not settings.api_keys:
            raise SettingsError(
                "PAYGATE_API_KEYS: required outside the dev profile — a JSON object from API key to merchant"
            )
        return cls(settings.api_keys, anonymous=None)

    def identify(self, authorization: str | None) -> Caller:
        """The caller behind an `Authorization: Bearer KEY`; raises `Unauthenticated`."""
        if authorization is None:
            if self._anonymous is None:
                raise Unauthenticated("send an API key: Authorization: Bearer …")
            return self._anonymous
        scheme, _, key = authorization.partition(" ")
        sought = _digest(key.strip())
        for digest, merchant_id in self._merchants.items():
            if scheme.lower() == "bearer" and hmac.compare_digest(digest, sought):
                return Caller(merchant_id)
        raise Unauthenticated("the API key is not known")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
