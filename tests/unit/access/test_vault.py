from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.access.vault import WEBHOOK_SECRETS, Unsealable, Vault
from app.domain.ids import PaymentId

VAULT = Vault(SecretStr("a secret key of enough characters"))
SAME = Vault(SecretStr("a secret key of enough characters"))
OTHER = Vault(SecretStr("another key, not a bit less secret"))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.text())
def test_what_is_sealed_can_be_unsealed_by_the_same_key_and_does_not_show(token: str) -> None:
    sealed = VAULT.seal(SecretStr(token))
    assert SAME.unseal(sealed).get_secret_value() == token
    assert len(token) < 4 or token not in sealed


def test_what_is_sealed_for_one_use_is_of_no_use_for_another() -> None:
    sealed = VAULT.seal(SecretStr("whsec_1"), WEBHOOK_SECRETS)
    assert SAME.unseal(sealed, WEBHOOK_SECRETS).get_secret_value() == "whsec_1"
    with pytest.raises(Unsealable):
        VAULT.unseal(sealed)


def test_the_same_token_never_looks_the_same() -> None:
    assert VAULT.seal(SecretStr("tok_1")) != VAULT.seal(SecretStr("tok_1"))


def test_a_digest_is_the_same_for_the_same_token_of_the_same_payment_only_and_does_not_show_it() -> None:
    payment, other = PaymentId("pay_1"), PaymentId("pay_2")
    digest = VAULT.digest(SecretStr("tok_1"), payment)
    assert SAME.digest(SecretStr("tok_1"), payment) == digest
    different = {
        VAULT.digest(SecretStr("tok_2"), payment),
        VAULT.digest(SecretStr("tok_1"), other),
        OTHER.digest(SecretStr("tok_1"), payment),
    }
    assert len(different - {digest}) == 3
    assert "tok_1" not in digest


def test_another_key_does_not_unseal() -> None:
    with pytest.raises(Unsealable):
        OTHER.unseal(VAULT.seal(SecretStr("tok_1")))


@pytest.mark.parametrize("sealed", ["", "tok_1", "gAAAAA", "ü", "\ud800", "a" * 1000])
def test_what_was_never_sealed_is_not_unsealed(sealed: str) -> None:
    with pytest.raises(Unsealable):
        VAULT.unseal(sealed)


def test_what_was_tampered_with_is_not_unsealed() -> None:
    sealed = VAULT.seal(SecretStr("tok_1"))
    with pytest.raises(Unsealable):
        VAULT.unseal(sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:])


def test_a_client_secret_is_the_same_each_time_and_another_for_every_payment_and_key() -> None:
    secret = VAULT.client_secret(PaymentId("pay_1"))
    assert secret == SAME.client_secret(PaymentId("pay_1"))
    assert secret.startswith("pay_1_secret_")
    others = {VAULT.client_secret(PaymentId("pay_2")), OTHER.client_secret(PaymentId("pay_1"))}
    assert not {each.rpartition("_secret_")[2] for each in others} & {secret.rpartition("_secret_")[2]}


def test_no_value_made_for_one_purpose_passes_for_another() -> None:
    payment_id = PaymentId("pay_1")
    assert VAULT.client_secret(payment_id).rpartition("_secret_")[2] != VAULT.fingerprint(payment_id)


@given(JSON, JSON)
def test_fingerprints_tell_contents_apart(one: Any, other: Any) -> None:
    if one != other:
        assert VAULT.fingerprint(one) != VAULT.fingerprint(other)
    assert VAULT.fingerprint(one) == SAME.fingerprint(one)
    assert VAULT.fingerprint(one) != OTHER.fingerprint(one)


def test_the_order_in_which_fields_were_given_makes_no_difference() -> None:
    assert VAULT.fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == VAULT.fingerprint({"b": {"d": 3, "c": 2}, "a": 1})


def test_a_fingerprint_reveals_nothing_of_the_content() -> None:
    assert "tok_success" not in VAULT.fingerprint({"token": "tok_success"})
