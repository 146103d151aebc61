"""Who may do what."""

import pytest

from app.access.model import Caller, MerchantCaller, Scope, Watcher, key_id_of, subject_key_id
from app.access.permissions import can_act, can_continue, can_list, can_see
from app.domain.ids import MerchantId, PaymentId

ACME, OTHER = MerchantId("acme"), MerchantId("other")
PAY_1, PAY_2 = PaymentId("pay_1"), PaymentId("pay_2")

MERCHANT = MerchantCaller(ACME)
READER = MerchantCaller(ACME, scopes=frozenset({Scope.READ}))
WRITER = MerchantCaller(ACME, scopes=frozenset({Scope.WRITE}))
STRANGER = MerchantCaller(OTHER)
POWERLESS = MerchantCaller(ACME, scopes=frozenset())
WATCHER = Watcher(PAY_1, key_id_of("secret"))


@pytest.mark.parametrize(
    ("caller", "sees_pay_1", "sees_pay_2", "lists", "acts"),
    [
        (MERCHANT, True, True, True, True),
        (READER, True, True, True, False),
        (WRITER, False, False, False, True),
        (POWERLESS, False, False, False, False),
        (STRANGER, False, False, True, True),
        (WATCHER, True, False, False, False),
    ],
    ids=["merchant", "reader", "writer", "powerless", "stranger", "watcher"],
)
def test_a_caller_may_do_this_with_the_payments_of_a_merchant(
    caller: Caller, sees_pay_1: bool, sees_pay_2: bool, lists: bool, acts: bool
) -> None:
    assert (can_see(caller, PAY_1, ACME), can_see(caller, PAY_2, ACME)) == (sees_pay_1, sees_pay_2)
    assert (can_list(caller), can_act(caller)) == (lists, acts)


def test_a_watcher_sees_its_payment_whoever_s_it_is() -> None:
    assert can_see(WATCHER, PAY_1, OTHER)


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        (MERCHANT, MERCHANT, True),
        (READER, MERCHANT, True),
        (MERCHANT, READER, False),
        (MERCHANT, STRANGER, False),
        (MERCHANT, WATCHER, False),
        (WATCHER, MERCHANT, False),
        (WATCHER, Watcher(PAY_1, key_id_of("another secret")), True),
        (WATCHER, Watcher(PAY_2, key_id_of("another secret")), False),
    ],
)
def test_a_connection_goes_on_under_another_credential_only_when_nothing_is_lost(
    before: Caller, after: Caller, may: bool
) -> None:
    assert can_continue(before, after) is may


def test_subjects_of_different_issuers_are_different() -> None:
    assert len({subject_key_id("a", "bc"), subject_key_id("ab", "c"), subject_key_id("a", "bc")}) == 2
