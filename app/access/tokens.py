"""JSON Web Tokens: form, signature, audience and issuer are checked by the library, times here, by a given clock."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from jwt.types import Options

from app.access.model import (
    EVERY_SCOPE,
    Means,
    MerchantCaller,
    Principal,
    Scope,
    Unauthenticated,
    subject_key_id,
)
from app.access.signing_keys import SigningKeys
from app.domain.ids import ID_GRAMMAR, MerchantId

_LONGEST_SUBJECT = 256
_LAST_SECOND = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
_OPTIONS: Options = {
    "require": ["exp", "iat", "aud", "iss", "sub"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "enforce_minimum_key_length": True,
}


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say."""

    issuer: str
    audience: str
    merchant_claim: str
    max_lifetime: timedelta
    leeway: timedelta
    """How far the issuer's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tells who is behind a token."""

    keys: SigningKeys
    rules: TokenRules
    clock: Callable[[], datetime]

    async def caller(self, token: str) -> MerchantCaller:
        """Raises `Unauthenticated`."""
        claims = await self._claims(token)
        expires_at = self._checked_times(claims)
        subject = claims["sub"]
        if not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise Unauthenticated(f"the token's sub takes 1 to {_LONGEST_SUBJECT} characters")
        return MerchantCaller(
            _merchant(claims, self.rules.merchant_claim),
            Principal(Means.JWT, subject),
            _scopes(claims),
            subject_key_id(self.rules.issuer, subject),
            expires_at,
        )

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """What the token says, when it is signed by whom it should be for whom it should be."""
        try:
            key = await self.keys.key(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise Unauthenticated("the key that the token names by its kid is not known")
            # The key decides on the algorithm; the library refuses a token that says otherwise.
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                options=_OPTIONS,
                audience=self.rules.audience,
                issuer=self.rules.issuer,
            )
        except jwt.PyJWTError as fault:
            raise Unauthenticated(_explained(fault)) from None

    def _checked_times(self, claims: Mapping[str, Any]) -> datetime:
        """When the token expires."""
        expires_at, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
        begins_at = max(issued_at, _moment(claims, "nbf")) if "nbf" in claims else issued_at
        now, leeway = self.clock(), self.rules.leeway
        if expires_at <= now:
            raise Unauthenticated("the token has expired: get a new one")
        if begins_at > now + leeway:
            raise Unauthenticated("the token is not valid yet: its iat or nbf is in the future")
        if expires_at - issued_at > self.rules.max_lifetime + leeway:
            longest = f"{self.rules.max_lifetime.total_seconds():g} s"
            raise Unauthenticated(f"the token lives too long: exp may be at most {longest} after iat")
        return expires_at


def looks_like_token(credential: str) -> bool:
    """Whether it has the shape; says nothing about whether it is one."""
    return credential.count(".") == 2


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    seconds = claims[name]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _LAST_SECOND:
        raise Unauthenticated(f"the token's {name} is not a time")
    return datetime.fromtimestamp(math.floor(seconds), UTC)


def _merchant(claims: Mapping[str, Any], name: str) -> MerchantId:
    merchant = claims.get(name)
    if not isinstance(merchant, str) or ID_GRAMMAR.fullmatch(merchant) is None:
        raise Unauthenticated(f"the token names no merchant in its claim {name}")
    return MerchantId(merchant)


def _scopes(claims: Mapping[str, Any]) -> frozenset[Scope]:
    """What the token allows, of what there is here; everything when it says nothing."""
    granted = claims.get("scope")
    if granted is None:
        return EVERY_SCOPE
    names = granted.split() if isinstance(granted, str) else granted
    if not isinstance(names, list):
        raise Unauthenticated("the token's scope is neither a string nor a list")
    return frozenset(scope for scope in Scope if scope in names)


def _explained(fault: jwt.PyJWTError) -> str:
    """What is wrong, in words of our own: the library's may repeat the token."""
    match fault:
        case jwt.MissingRequiredClaimError(claim=claim):
            return f"the token lacks {claim}"
        case jwt.InvalidAudienceError():
            return "the token is for somebody else: its aud is not ours"
        case jwt.InvalidIssuerError():
            return "the token is from somebody else: its iss is not the one we trust"
        case jwt.InvalidAlgorithmError():
            return "the token's algorithm is not the one of its key"
        case jwt.InvalidSignatureError():
            return "the token's signature is not genuine"
        case _:
            return "the token cannot be read"
