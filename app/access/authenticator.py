"""Who is behind a credential, of whichever kind it is."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from app.access.api_keys import ApiKeys
from app.access.client_secrets import looks_like_client_secret, subject_in
from app.access.credentials import HOW_TO
from app.access.jwks import FetchedKeys
from app.access.model import Caller, MerchantCaller, Unauthenticated, Watcher, key_id_of
from app.access.options import AccessOptions
from app.access.signing_keys import FixedKeys, SharedSecret, SigningKeys, UnusableKeys
from app.access.tokens import TokenRules, Tokens, looks_like_token
from app.access.vault import Vault
from app.domain.ids import MerchantId
from app.settings import SettingsError

DEMO = MerchantId("demo")

_IDENTIFY_SECONDS = 2.0


@dataclass(frozen=True)
class Authenticator:
    """Identifies callers; made by `Authenticator.open`."""

    api_keys: ApiKeys
    tokens: Tokens | None
    vault: Vault
    is_revoked: Callable[[str], bool]
    anonymous: MerchantCaller | None
    """Who it is that shows nothing, where that is allowed."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        options: AccessOptions,
        vault: Vault,
        clock: Callable[[], datetime],
        is_revoked: Callable[[str], bool],
    ) -> AsyncGenerator["Authenticator", None]:
        """An authenticator for the block; raises `SettingsError` when the file of keys is of no use."""
        anonymous = None if options.login_required else MerchantCaller(DEMO)
        api_keys = ApiKeys(options.api_keys)
        if options.jwt_jwks_url is not None:
            async with FetchedKeys.open(options.jwt_jwks_url) as keys:
                yield cls(api_keys, _tokens(options, keys, clock), vault, is_revoked, anonymous)
        else:
            fixed = _fixed_keys(options)
            tokens = None if fixed is None else _tokens(options, fixed, clock)
            yield cls(api_keys, tokens, vault, is_revoked, anonymous)

    async def identify(self, credential: SecretStr | None) -> Caller:
        """The caller behind what `credential_in` found; raises `Unauthenticated`, after two seconds at the latest.

        A credential that is given must be good, also where none is needed.
        """
        if credential is None:
            if self.anonymous is None:
                raise Unauthenticated(f"there is no credential: {HOW_TO}")
            return self.anonymous
        try:
            async with asyncio.timeout(_IDENTIFY_SECONDS):
                caller = await self._behind(credential.get_secret_value())
        except TimeoutError:
            raise Unauthenticated("the token could not be checked in time: try again") from None
        if caller.key_id is not None and self.is_revoked(caller.key_id):
            raise Unauthenticated("the credential was revoked: use another one")
        return caller

    async def _behind(self, credential: str) -> Caller:
        caller = self.api_keys.caller(credential)
        if caller is not None:
            return caller
        if looks_like_client_secret(credential):
            return self._watcher(credential)
        if looks_like_token(credential):
            if self.tokens is None:
                raise Unauthenticated("tokens are not accepted here: send an API key")
            return await self.tokens.caller(credential)
        raise Unauthenticated("the API key is not known")

    def _watcher(self, secret: str) -> Watcher:
        subject_id = subject_in(self.vault, secret)
        if subject_id is None:
            raise Unauthenticated("the client secret is not genuine")
        return Watcher(subject_id, key_id_of(secret))


def _tokens(options: AccessOptions, keys: SigningKeys, clock: Callable[[], datetime]) -> Tokens:
    rules = TokenRules(
        issuer=options.jwt_issuer or "",
        audience=options.jwt_audience or "",
        merchant_claim=options.jwt_merchant_claim,
        max_lifetime=options.jwt_max_lifetime,
        leeway=options.jwt_leeway,
    )
    return Tokens(keys, rules, clock)


def _fixed_keys(options: AccessOptions) -> SigningKeys | None:
    """The keys that are there from the beginning; `None` when there are none."""
    if options.jwt_secret is not None:
        return SharedSecret.of(options.jwt_secret)
    if options.jwt_jwks_file is None:
        return None
    try:
        return FixedKeys.of_file(options.jwt_jwks_file)
    except UnusableKeys as fault:
        raise SettingsError(f"PAYGATE_JWT_JWKS_FILE: {fault}") from None
