"""Client secrets open one payment."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from app.access.client_secrets import looks_like_client_secret, subject_in
from app.access.vault import Vault
from app.domain.ids import ID_GRAMMAR, MerchantId, PaymentId, payment_id_for

VAULT = Vault(SecretStr("a key for tests of at least 32 characters"))
PAYMENT = payment_id_for(MerchantId("acme"), "key-1")
SECRET = VAULT.client_secret(PAYMENT)


@given(st.from_regex(ID_GRAMMAR, fullmatch=True))
def test_a_client_secret_tells_its_payment_whatever_the_id_is(payment_id: str) -> None:
    secret = VAULT.client_secret(PaymentId(payment_id))
    assert looks_like_client_secret(secret)
    assert subject_in(VAULT, secret) == payment_id


def test_an_id_that_looks_like_a_secret_is_still_read_in_one_way() -> None:
    assert subject_in(VAULT, VAULT.client_secret(PaymentId("pay_secret_1"))) == "pay_secret_1"


@pytest.mark.parametrize(
    "secret",
    [
        "",
        PAYMENT,
        SECRET[:-1],
        SECRET + "A",
        SECRET + "\n",
        SECRET.replace("pay_", "pax_"),
        SECRET.swapcase(),
    ],
    ids=["empty", "id only", "cut", "longer", "newline", "another payment", "other case"],
)
def test_a_secret_that_is_not_genuine_opens_nothing(secret: str) -> None:
    assert subject_in(VAULT, secret) is None


def test_another_secret_key_opens_nothing() -> None:
    assert subject_in(Vault(SecretStr("another key of at least 32 characters")), SECRET) is None


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def watched(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr(hmac, "compare_digest", watched)
    assert subject_in(VAULT, SECRET) is None
    assert compared == [(SECRET.encode(), SECRET.encode())]


@given(st.text())
def test_no_text_is_too_odd_to_be_refused(text: str) -> None:
    assert subject_in(VAULT, text) is None
