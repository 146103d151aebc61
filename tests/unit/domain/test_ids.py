import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ids import ID_GRAMMAR, MerchantId, PaymentId, order_id_for, payment_id_for, provider_key, refund_id_for

ACME = MerchantId("acme")


def test_the_same_merchant_and_key_always_name_the_same_payment() -> None:
    """The derivation is part of the stored data: were it to change, a repeated request would charge again."""
    assert payment_id_for(ACME, "key-1") == "pay_qhmpoprlro526gw3sn3l7pt4d6blodhr"


@pytest.mark.parametrize("derive", [payment_id_for, order_id_for, refund_id_for])
def test_where_one_part_ends_and_the_next_begins_makes_a_difference(derive: object) -> None:
    assert callable(derive)
    assert len({derive("ab", "c"), derive("a", "bc"), derive("", "abc"), derive("abc", "")}) == 4


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), unique=True, max_size=20))
def test_different_merchants_or_keys_name_different_payments(pairs: list[tuple[str, str]]) -> None:
    assert len({payment_id_for(MerchantId(merchant), key) for merchant, key in pairs}) == len(pairs)


def test_a_payment_an_order_and_a_refund_never_share_an_id() -> None:
    ids = {payment_id_for(ACME, "k"), order_id_for(ACME, "k"), refund_id_for(PaymentId("acme"), "k")}
    assert len({each.partition("_")[2] for each in ids}) == 3


@given(st.text(), st.text())
def test_every_derived_id_is_one_that_a_caller_may_name(merchant: str, key: str) -> None:
    ids = (payment_id_for(MerchantId(merchant), key), order_id_for(MerchantId(merchant), key))
    for each in (*ids, refund_id_for(ids[0], key)):
        assert ID_GRAMMAR.fullmatch(each)
        assert re.fullmatch(r"(pay|ord|ref)_[a-z2-7]{32}", each)


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a-b\n", "é", "x" * 65, "$ce-payment", "a@b", "a.b"])
def test_nothing_else_can_name_a_stream(text: str) -> None:
    assert not ID_GRAMMAR.fullmatch(text)


def test_a_providers_key_tells_payment_operation_and_number_apart() -> None:
    keys = {provider_key(PaymentId(p), op, n) for p in ("pay_1", "pay_2") for op in ("VOID", "REFUND") for n in "12"}
    assert len(keys) == 8
