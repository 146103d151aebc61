"""Which tokens are believed, and what is said to whoever brings another one."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.access.model import EVERY_SCOPE, Means, MerchantCaller, Principal, Scope, Unauthenticated, subject_key_id
from app.access.signing_keys import FixedKeys, SharedSecret, keys_in
from app.access.tokens import Tokens
from tests.unit.access.minting import (
    AUDIENCE,
    ISSUER,
    NOW,
    RULES,
    SECRET,
    PrivateKey,
    after,
    by_hand,
    by_key,
    by_secret,
    claims,
    clock,
    ec_key,
    encoded,
    jwks,
    public_jwk,
    rsa_key,
    unsigned,
)

SHARED = Tokens(SharedSecret.of(SecretStr(SECRET)), RULES, clock)


def published() -> Tokens:
    """Tokens of an issuer with two keys that everybody can see."""
    document = jwks(public_jwk(rsa_key(), "rsa-1"), public_jwk(ec_key(), "ec-1"))
    return Tokens(FixedKeys(keys_in(document)), RULES, clock)


async def refusal(tokens: Tokens, token: str) -> str:
    """What is said to the bearer; never a piece of the token."""
    with pytest.raises(Unauthenticated) as refused:
        await tokens.caller(token)
    message = str(refused.value)
    assert not any(part and part in message for part in token.split("."))
    return message


async def test_a_good_token_tells_the_merchant_the_subject_and_when_it_ends() -> None:
    assert await SHARED.caller(by_secret()) == MerchantCaller(
        merchant_id="acme",  # type: ignore[arg-type]
        principal=Principal(Means.JWT, "alice"),
        scopes=EVERY_SCOPE,
        key_id=subject_key_id(ISSUER, "alice"),
        expires_at=datetime.fromtimestamp(after(240), UTC),
    )


@pytest.mark.parametrize(("key", "kid"), [(rsa_key, "rsa-1"), (ec_key, "ec-1")], ids=["RS256", "ES256"])
async def test_a_token_signed_with_a_published_key_is_believed(key: Callable[[], PrivateKey], kid: str) -> None:
    assert (await published().caller(by_key(key(), kid))).merchant_id == "acme"


async def test_a_token_may_be_for_several_audiences() -> None:
    assert (await SHARED.caller(by_secret(aud=["reports", AUDIENCE]))).merchant_id == "acme"


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 7, ["HS256"]])
@pytest.mark.parametrize("signature", [b"", b"x"])
async def test_an_unsigned_token_is_refused(algorithm: object, signature: bytes) -> None:
    for tokens, kid in ((SHARED, "any"), (published(), "rsa-1")):
        assert await refusal(tokens, by_hand({"alg": algorithm, "typ": "JWT", "kid": kid}, claims(), signature))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
async def test_a_public_key_is_no_shared_secret(algorithm: str, encoding: Encoding) -> None:
    public = rsa_key().public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    header = {"alg": algorithm, "typ": "JWT", "kid": "rsa-1"}
    digest = algorithm.replace("HS", "sha")
    forged = by_hand(header, claims(), hmac.digest(public, unsigned(header, claims()).encode(), digest))
    assert await refusal(published(), forged) == "the token's algorithm is not the one of its key"


async def test_a_key_signs_with_its_own_algorithm_only() -> None:
    stronger = jwt.encode(claims(), rsa_key(), "RS512", headers={"kid": "rsa-1"})
    assert await refusal(published(), stronger) == "the token's algorithm is not the one of its key"
    longer = jwt.encode(claims(), SECRET * 2, "HS512")
    assert await refusal(SHARED, longer) == "the token's algorithm is not the one of its key"


async def test_the_key_of_one_id_does_not_sign_for_another() -> None:
    assert await refusal(published(), by_key(rsa_key(), "ec-1"))
    assert await refusal(published(), by_key(rsa_key("a stranger's"), "rsa-1")) == (
        "the token's signature is not genuine"
    )


@pytest.mark.parametrize("kid", [None, "another", ""])
async def test_a_key_that_is_not_known_signs_nothing(kid: str | None) -> None:
    assert await refusal(published(), by_key(rsa_key(), kid)) == (
        "the key that the token names by its kid is not known"
    )


@pytest.mark.parametrize("kid", [7, ["rsa-1"], {"rsa-1": 1}, None, True])
async def test_a_key_id_is_a_string(kid: object) -> None:
    assert await refusal(published(), by_hand({"alg": "RS256", "kid": kid}, claims(), b"x"))


async def test_a_key_that_the_token_brings_along_counts_for_nothing() -> None:
    own = rsa_key("a stranger's")
    brought = {
        "kid": "mine",
        "jwk": public_jwk(own, "mine"),
        "jku": "http://127.0.0.1:1/",
        "x5u": "http://127.0.0.1:1/",
    }
    assert await refusal(published(), jwt.encode(claims(), own, "RS256", headers=brought)) == (
        "the key that the token names by its kid is not known"
    )


@pytest.mark.parametrize(
    "critical",
    [["x-unknown"], ["exp"], ["b64"], [], "b64", [7], None, {"b64": True}],
    ids=repr,
)
async def test_an_extension_that_is_not_understood_is_not_ignored(critical: object) -> None:
    header = {"alg": "HS256", "typ": "JWT", "crit": critical, "x-unknown": True}
    signature = hmac.digest(SECRET.encode(), unsigned(header, claims()).encode(), "sha256")
    assert await refusal(SHARED, by_hand(header, claims(), signature)) == "the token cannot be read"


async def test_a_changed_token_is_refused() -> None:
    header, _, signature = by_secret().split(".")
    other = encoded(b'{"merchant": "other"}')
    assert await refusal(SHARED, f"{header}.{other}.{signature}") == "the token's signature is not genuine"


async def test_another_secret_signs_nothing() -> None:
    assert await refusal(SHARED, by_secret("another shared secret of thirty-two bytes")) == (
        "the token's signature is not genuine"
    )


@pytest.mark.parametrize("claim", ["exp", "iat", "aud", "iss", "sub"])
async def test_a_token_that_does_not_say_enough_is_refused(claim: str) -> None:
    assert await refusal(SHARED, by_secret(**{claim: None})) == f"the token lacks {claim}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exp": after(0)}, "the token has expired: get a new one"),
        ({"exp": after(-1)}, "the token has expired: get a new one"),
        ({"exp": 0}, "the token has expired: get a new one"),
        ({"iat": after(31)}, "the token is not valid yet: its iat or nbf is in the future"),
        ({"nbf": after(31)}, "the token is not valid yet: its iat or nbf is in the future"),
        ({"exp": after(-60 + 931)}, "the token lives too long: exp may be at most 900 s after iat"),
        ({"exp": after(100 * 366 * 86_400)}, "the token lives too long: exp may be at most 900 s after iat"),
        ({"iat": 0, "exp": after(240)}, "the token lives too long: exp may be at most 900 s after iat"),
    ],
)
async def test_a_token_counts_in_its_time_only(changes: dict[str, Any], message: str) -> None:
    assert await refusal(SHARED, by_secret(**changes)) == message


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": after(1)},
        {"iat": after(29), "exp": after(240)},
        {"nbf": after(29)},
        {"exp": after(-60 + 930)},
        {"exp": after(240.7), "iat": after(-60.3)},
    ],
)
async def test_an_issuer_whose_clock_is_a_little_ahead_is_believed(changes: dict[str, Any]) -> None:
    assert (await SHARED.caller(by_secret(**changes))).merchant_id == "acme"


@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(
    "moment",
    ["tomorrow", "1767323045", True, [], {}, -1, 1e300, float("inf"), float("nan"), 10**400],
    ids=lambda moment: str(moment)[:12],
)
async def test_a_time_is_a_number_of_seconds(name: str, moment: object) -> None:
    assert await refusal(SHARED, by_secret(**{name: moment})) == f"the token's {name} is not a time"


@pytest.mark.parametrize("audience", ["another", [], ["another"], 7, {AUDIENCE: 1}, "", [AUDIENCE, 7]], ids=repr)
async def test_a_token_for_somebody_else_is_refused(audience: object) -> None:
    assert "aud" in await refusal(SHARED, by_secret(aud=audience))


@pytest.mark.parametrize("issuer", ["https://evil.test", "", f"{ISSUER}/", 7, [ISSUER]], ids=repr)
async def test_a_token_from_somebody_else_is_refused(issuer: object) -> None:
    header = {"alg": "HS256", "typ": "JWT"}
    said = claims(iss=issuer)
    signature = hmac.digest(SECRET.encode(), unsigned(header, said).encode(), hashlib.sha256)
    assert "iss" in await refusal(SHARED, by_hand(header, said, signature))


@pytest.mark.parametrize("subject", ["", "x" * 257, 7, ["alice"]], ids=lambda subject: repr(subject)[:12])
async def test_a_subject_is_a_name(subject: object) -> None:
    assert await refusal(SHARED, by_secret(sub=subject))


@pytest.mark.parametrize("merchant", [None, "", 7, ["acme"], "a merchant", "acme:payments", "x" * 65], ids=repr)
async def test_a_token_names_a_merchant(merchant: object) -> None:
    assert await refusal(SHARED, by_secret(merchant=merchant)) == "the token names no merchant in its claim merchant"


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("payments:read", {Scope.READ}),
        ("payments:write", {Scope.WRITE}),
        ("openid payments:read payments:write", {Scope.READ, Scope.WRITE}),
        (["payments:read", 7], {Scope.READ}),
        ("openid profile", set()),
        ("", set()),
    ],
)
async def test_a_token_with_scopes_grants_no_more_than_they_say(scope: object, granted: set[Scope]) -> None:
    assert (await SHARED.caller(by_secret(scope=scope))).scopes == granted


@pytest.mark.parametrize("scope", [7, {"payments:read": True}, True])
async def test_scopes_of_no_known_form_are_refused(scope: object) -> None:
    assert await refusal(SHARED, by_secret(scope=scope)) == "the token's scope is neither a string nor a list"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


HEADERS = st.fixed_dictionaries({"alg": st.just("HS256")}, optional={"kid": JSON, "crit": JSON, "b64": JSON})
CLAIMS = st.dictionaries(st.sampled_from([*claims(), "nbf", "jti", "scope"]), JSON).map(lambda some: claims(**some))


@given(header=JSON | HEADERS, said=JSON | CLAIMS)
@example(header={"alg": "HS256", "b64": False, "crit": ["b64"]}, said=claims())
async def test_whatever_is_signed_is_believed_or_refused_and_nothing_else(header: Any, said: Any) -> None:
    signature = hmac.digest(SECRET.encode(), unsigned(header, said).encode(), "sha256")
    try:
        caller = await SHARED.caller(by_hand(header, said, signature))
    except Unauthenticated:
        return
    assert caller.expires_at is not None
    assert caller.expires_at > NOW


DEEP = b'{"alg": "HS256", "kid": ' + b"[" * 4000


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60))
@example(".." * 1000)
@example(f"{encoded(b'[' * 5000)}.{encoded(b'{}')}.x")
@example(f"{encoded(DEEP)}..")
async def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        await SHARED.caller(text)
    with pytest.raises(Unauthenticated):
        await published().caller(text)
