"""Who is calling, as far as API keys tell; `app.access.authenticator` knows all credentials."""

from collections.abc import Mapping

from app.access.api_keys import ApiKeys
from app.access.model import MerchantCaller as Caller
from app.access.model import Unauthenticated
from app.domain.ids import MerchantId
from app.settings import Profile, Settings, SettingsError

__all__ = ["DEMO", "Caller", "Callers", "Unauthenticated"]

DEMO = MerchantId("demo")


class Callers:
    """API keys and whose they are."""

    def __init__(self, merchants_by_key: Mapping[str, str], *, anonymous: Caller | None) -> None:
        self._keys = ApiKeys(merchants_by_key)
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
        caller = self._keys.caller(key.strip())
        if scheme.lower() != "bearer" or caller is None:
            raise Unauthenticated("the API key is not known")
        return caller
