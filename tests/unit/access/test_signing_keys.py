"""Which keys of a JWKS are used to verify."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from app.access.signing_keys import FixedKeys, UnusableKeys, keys_in
from tests.unit.access.minting import PrivateKey, ec_key, encoded, jwks, public_jwk, rsa_key

GOOD = public_jwk(ec_key(), "good")

UNRELIABLE: dict[str, Callable[[], Any]] = {
    "for a shared secret": lambda: public_jwk(rsa_key(), "a", alg="HS256"),
    "for no signature": lambda: public_jwk(rsa_key(), "a", alg="none"),
    "for another algorithm": lambda: public_jwk(rsa_key(), "a", alg="RS512"),
    "for several algorithms": lambda: public_jwk(rsa_key(), "a", alg=["RS256"]),
    "for encryption": lambda: public_jwk(rsa_key(), "a", use="enc"),
    "without an id": lambda: public_jwk(rsa_key(), "a", kid=None),
    "with a number for an id": lambda: public_jwk(rsa_key(), "a", kid=7),
    "without a modulus": lambda: public_jwk(rsa_key(), "a", n=None),
    "with a modulus of junk": lambda: public_jwk(rsa_key(), "a", n="!"),
    "with a short modulus": lambda: public_jwk(rsa_key("weak", 1024), "a"),
    "with an exponent of one": lambda: public_jwk(rsa_key(), "a", e="AQ"),
    "without an exponent": lambda: public_jwk(rsa_key(), "a", e=""),
    "of several kinds": lambda: public_jwk(rsa_key(), "a", kty=["RSA"]),
    "of another curve": lambda: public_jwk(ec_key("p384", ec.SECP384R1), "a"),
    "of several curves": lambda: public_jwk(ec_key(), "a", crv=["P-256"]),
    "beside the curve": lambda: public_jwk(ec_key(), "a", x=public_jwk(ec_key("another"), "a")["x"]),
    "a secret that is public": lambda: {"kty": "oct", "kid": "a", "k": encoded(b"everybody can read this")},
    "of another kind": lambda: {"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AA"},
    "empty": dict,
    "a string": lambda: "key",
    "nothing": lambda: None,
    "a list": list,
}


@pytest.mark.parametrize(("key", "algorithm"), [(rsa_key, "RS256"), (ec_key, "ES256")], ids=["RSA", "EC"])
@pytest.mark.parametrize("says_which", [True, False])
def test_a_key_is_bound_to_the_algorithm_of_its_kind(
    key: Callable[[], PrivateKey], algorithm: str, says_which: bool
) -> None:
    member = public_jwk(key(), "a", alg=algorithm if says_which else None, use="sig" if says_which else None)
    assert keys_in(jwks(member))["a"].algorithm_name == algorithm


@pytest.mark.parametrize("member", UNRELIABLE.values(), ids=UNRELIABLE.keys())
def test_a_key_that_cannot_be_relied_on_is_left_out(member: Callable[[], Any]) -> None:
    assert list(keys_in(jwks(member(), GOOD))) == ["good"]


def test_a_private_key_that_everybody_can_see_is_left_out_and_reported() -> None:
    shown = {**RSAAlgorithm.to_jwk(rsa_key(), as_dict=True), "kid": "shown"}
    with structlog.testing.capture_logs() as logged:
        assert list(keys_in(jwks(shown, GOOD))) == ["good"]
    assert [entry["kid"] for entry in logged] == ["shown"]
    assert shown["d"] not in repr(logged)


def test_of_two_keys_with_one_id_the_first_counts() -> None:
    first, second = public_jwk(ec_key(), "a"), public_jwk(ec_key("another"), "a")
    assert keys_in(jwks(first, second))["a"].key == keys_in(jwks(first))["a"].key


def test_a_jwks_has_no_more_than_a_hundred_keys() -> None:
    members = [public_jwk(ec_key(), str(number)) for number in range(120)]
    assert len(keys_in(jwks(*members))) == 100


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b"null", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [1]}', b"\xff", b"[" * 100_000],
    ids=lambda document: repr(document[:12]),
)
def test_what_is_no_jwks_is_refused(document: bytes) -> None:
    with pytest.raises(UnusableKeys):
        keys_in(document)


TEXT = st.text(max_size=6) | st.sampled_from(["RSA", "EC", "P-256", "sig", "RS256", "ES256", "AQAB", "AA", "a"])


@given(st.lists(st.dictionaries(st.sampled_from(["kty", "crv", "kid", "alg", "use", "n", "e", "x", "y"]), TEXT)))
def test_whatever_the_members_are_they_are_used_or_left_out(members: list[dict[str, str]]) -> None:
    assert "good" in keys_in(jwks(GOOD, *members))


async def test_keys_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(GOOD))
    keys = FixedKeys.of_file(path)
    assert await keys.key("good") is not None
    assert await keys.key("another") is None
    assert await keys.key(None) is None


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableKeys, match=r"missing\.json: No such file"):
        FixedKeys.of_file(tmp_path / "missing.json")
    (tmp_path / "wrong.json").write_text(json.dumps({"key": 1}))
    with pytest.raises(UnusableKeys, match="not a JWKS"):
        FixedKeys.of_file(tmp_path / "wrong.json")
