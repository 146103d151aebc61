"""What is configured wrongly stops the start, with the variable's name."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.access.options import AccessOptions
from app.settings import SettingsError

SECRET = "a shared secret of thirty-two bytes or more"
ISSUED: dict[str, Any] = {"jwt_issuer": "https://login.acme.test", "jwt_audience": "paygate"}


def shared(secret: str = SECRET, **changes: Any) -> AccessOptions:
    return AccessOptions(login_required=True, jwt_secret=SecretStr(secret), **{**ISSUED, **changes})


def published(url: str) -> AccessOptions:
    return AccessOptions(login_required=True, jwt_jwks_url=url, **ISSUED)


def test_nobody_needs_a_key_where_no_login_is_required() -> None:
    assert not AccessOptions(login_required=False).takes_tokens


def test_where_a_login_is_required_there_is_a_way_to_log_in() -> None:
    with pytest.raises(SettingsError, match=r"PAYGATE_API_KEYS: required outside the dev profile.*PAYGATE_JWT_SECRET"):
        AccessOptions(login_required=True)
    assert not AccessOptions(login_required=True, api_keys={"key": "acme"}).takes_tokens
    assert shared().takes_tokens


@pytest.mark.parametrize("missing", ["jwt_issuer", "jwt_audience", "jwt_merchant_claim"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_tokens_are_accepted_from_and_for_somebody(missing: str, nothing: str | None) -> None:
    with pytest.raises(SettingsError, match=f"^PAYGATE_{missing.upper()}: required with PAYGATE_JWT_SECRET$"):
        shared(SECRET, **{missing: nothing})


def test_there_is_one_source_of_keys() -> None:
    with pytest.raises(SettingsError, match=r"^PAYGATE_JWT_SECRET and PAYGATE_JWT_JWKS_FILE: give one of them$"):
        shared(jwt_jwks_file=Path("jwks.json"))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        shared("short", jwt_issuer=None, jwt_audience=None, jwt_jwks_url="ftp://x")
    assert str(refused.value).count("PAYGATE_") >= 5
    assert len(str(refused.value).splitlines()) == 5


@pytest.mark.parametrize("secret", ["", "thirty-one characters are short"])
def test_a_shared_secret_is_long(secret: str) -> None:
    with pytest.raises(SettingsError, match="PAYGATE_JWT_SECRET: give at least 32 characters"):
        shared(secret)


@pytest.mark.parametrize(
    "beginning", ["-----BEGIN PUBLIC KEY-----\n", "ssh-rsa ", '{"kty": "RSA"}', '[{"kty": "RSA"}]']
)
def test_a_public_key_is_not_taken_for_a_shared_secret(beginning: str) -> None:
    with pytest.raises(SettingsError, match="PAYGATE_JWT_SECRET: takes a random secret, not a key"):
        shared(beginning + "x" * 32)


@pytest.mark.parametrize(
    "url",
    ["https://login.acme.test/jwks.json", "http://127.0.0.1:8080/jwks", "http://localhost/jwks", "http://[::1]:1/jwks"],
)
def test_keys_are_fetched_where_nobody_can_change_them_on_the_way(url: str) -> None:
    assert published(url).takes_tokens


@pytest.mark.parametrize(
    "url",
    [
        "http://login.acme.test/jwks.json",
        "http://127.0.0.1.evil.test/",
        "https://user:password@login.acme.test/",
        "https://",
        "https:///jwks",
        "https://x:port/",
        "https://[::1",
        "file:///etc/passwd",
        "login.acme.test",
        "",
    ],
)
def test_keys_are_fetched_from_nowhere_else(url: str) -> None:
    with pytest.raises(SettingsError, match="PAYGATE_JWT_JWKS_URL: takes an https:// address") as refused:
        published(url)
    assert "password" not in str(refused.value)


def test_secrets_are_not_shown() -> None:
    shown = repr(shared(api_keys={"sk_live_of_acme": "acme"}))
    assert SECRET not in shown
    assert "sk_live" not in shown
