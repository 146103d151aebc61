"""One door for all credentials."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from pydantic import SecretStr

import app.access.authenticator as door
from app.access.api_keys import ApiKeys
from app.access.authenticator import Authenticator
from app.access.model import Means, MerchantCaller, Unauthenticated, Watcher, key_id_of, subject_key_id
from app.access.options import AccessOptions
from app.access.tokens import Tokens
from app.access.vault import Vault
from app.domain.ids import PaymentId
from app.settings import SettingsError
from tests.unit.access.minting import (
    AUDIENCE,
    ISSUER,
    RULES,
    SECRET,
    by_key,
    by_secret,
    clock,
    ec_key,
    jwks,
    public_jwk,
)

VAULT = Vault(SecretStr("a key for tests of at least 32 characters"))
KEY = "sk_live_of_acme"
CLIENT_SECRET = VAULT.client_secret(PaymentId("pay_1"))


def options(**changes: Any) -> AccessOptions:
    given: dict[str, Any] = {
        "login_required": True,
        "api_keys": {KEY: "acme"},
        "jwt_secret": SecretStr(SECRET),
        "jwt_issuer": ISSUER,
        "jwt_audience": AUDIENCE,
    }
    return AccessOptions(**{**given, **changes})


@pytest.fixture
def revoked() -> set[str]:
    return set()


@pytest.fixture
async def authenticator(revoked: set[str]) -> AsyncIterator[Authenticator]:
    async with Authenticator.open(options(), VAULT, clock, revoked.__contains__) as opened:
        yield opened


async def refusal(authenticator: Authenticator, credential: str | None) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await authenticator.identify(None if credential is None else SecretStr(credential))
    message = str(refused.value)
    assert not credential or credential not in message
    return message


async def test_every_kind_of_credential_is_recognised(authenticator: Authenticator) -> None:
    callers = [await authenticator.identify(SecretStr(shown)) for shown in (KEY, by_secret(), CLIENT_SECRET)]
    assert [caller.principal.means for caller in callers] == [Means.API_KEY, Means.JWT, Means.CLIENT_SECRET]
    assert [caller.key_id for caller in callers] == [
        key_id_of(KEY),
        subject_key_id(ISSUER, "alice"),
        key_id_of(CLIENT_SECRET),
    ]
    assert callers[2] == Watcher(PaymentId("pay_1"), key_id_of(CLIENT_SECRET))


async def test_whoever_shows_nothing_is_told_what_to_show(authenticator: Authenticator) -> None:
    assert "Authorization: Bearer" in await refusal(authenticator, None)


@pytest.mark.parametrize(
    ("credential", "message"),
    [
        ("sk_live_of_somebody", "the API key is not known"),
        (f"{CLIENT_SECRET[:-1]}-", "the client secret is not genuine"),
        ("a.b.c", "the token cannot be read"),
        (by_secret(aud="another"), "the token is for somebody else: its aud is not ours"),
        (key_id_of(KEY), "the API key is not known"),
    ],
    ids=["key", "client secret", "no token", "token", "key id"],
)
async def test_a_credential_that_does_not_count_is_refused(
    authenticator: Authenticator, credential: str, message: str
) -> None:
    assert await refusal(authenticator, credential) == message


@pytest.mark.parametrize("shown", [KEY, CLIENT_SECRET], ids=["key", "client secret"])
async def test_a_revoked_credential_counts_no_more(authenticator: Authenticator, revoked: set[str], shown: str) -> None:
    revoked.add(key_id_of(shown))
    assert await refusal(authenticator, shown) == "the credential was revoked: use another one"


async def test_all_tokens_of_a_revoked_subject_count_no_more(authenticator: Authenticator, revoked: set[str]) -> None:
    revoked.add(subject_key_id(ISSUER, "alice"))
    assert "revoked" in await refusal(authenticator, by_secret())
    assert (await authenticator.identify(SecretStr(by_secret(sub="bob")))).principal.name == "bob"


async def test_a_key_may_look_like_a_token_or_a_client_secret() -> None:
    for odd in ("a.b.c", CLIENT_SECRET):
        async with Authenticator.open(options(api_keys={odd: "acme"}), VAULT, clock, set().__contains__) as opened:
            assert (await opened.identify(SecretStr(odd))).principal.means is Means.API_KEY


async def test_without_a_login_whoever_shows_nothing_is_demo_and_whoever_shows_junk_is_refused() -> None:
    free = AccessOptions(login_required=False)
    async with Authenticator.open(free, VAULT, clock, set().__contains__) as opened:
        anonymous = await opened.identify(None)
        assert isinstance(anonymous, MerchantCaller)
        assert (anonymous.merchant_id, anonymous.principal.means) == ("demo", Means.NOTHING)
        assert isinstance(await opened.identify(SecretStr(CLIENT_SECRET)), Watcher)
        assert await refusal(opened, KEY) == "the API key is not known"
        assert await refusal(opened, by_secret()) == "tokens are not accepted here: send an API key"


async def test_keys_of_tokens_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(public_jwk(ec_key(), "ec-1")))
    async with Authenticator.open(
        options(jwt_secret=None, jwt_jwks_file=path), VAULT, clock, set().__contains__
    ) as opened:
        assert (await opened.identify(SecretStr(by_key(ec_key(), "ec-1")))).principal.means is Means.JWT
        assert await refusal(opened, by_secret())


async def test_a_file_of_no_use_stops_the_start(tmp_path: Path) -> None:
    useless = options(jwt_secret=None, jwt_jwks_file=tmp_path / "missing.json")
    with pytest.raises(SettingsError, match=r"^PAYGATE_JWT_JWKS_FILE: .*missing\.json"):
        async with Authenticator.open(useless, VAULT, clock, set().__contains__):
            pass


class _NeverAnswers:
    async def key(self, kid: str | None) -> None:  # noqa: ARG002 — asked in vain
        await asyncio.Event().wait()


async def test_keys_that_do_not_come_in_time_end_in_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_IDENTIFY_SECONDS", 0.01)
    tokens = Tokens(_NeverAnswers(), RULES, clock)
    waiting = Authenticator(ApiKeys({KEY: "acme"}), tokens, VAULT, set().__contains__, None)
    assert await refusal(waiting, by_secret()) == "the token could not be checked in time: try again"
    assert (await waiting.identify(SecretStr(KEY))).principal.means is Means.API_KEY


@pytest.mark.parametrize("spoil", [str.swapcase, lambda shown: shown[:-2] + "xx"], ids=["case", "end"])
async def test_no_credential_is_logged_shown_or_part_of_an_exception(
    authenticator: Authenticator, spoil: Callable[[str], str]
) -> None:
    with structlog.testing.capture_logs() as logged:
        for shown in (KEY, by_secret(), CLIENT_SECRET):
            caller = await authenticator.identify(SecretStr(shown))
            with pytest.raises(Unauthenticated) as refused:
                await authenticator.identify(SecretStr(spoil(shown)))
            said = f"{caller!r} {authenticator!r} {refused.value!r} {refused.value.__cause__!r} {logged!r}"
            assert shown not in said
            assert spoil(shown) not in said
            assert refused.value.__cause__ is None
            assert refused.value.__suppress_context__ or refused.value.__context__ is None
